"""Recipes that invent their prompts: persona, self-instruct."""

import json
from typing import Any

import pytest
import yaml

from gristmill.recipes.outcome import Note
from gristmill.recipes.request import Answer, Finish, Request
from tests.recipes.library.conftest import RECIPES, Walk

ADMIN = "A database administrator in a small hospital, on call at night, who wants to sleep without fear of power cuts."
NURSE = "A night nurse of thirty years who types all she does into a slow program and trusts paper more."
PORTER = "A young hospital porter who came from Ghana, studies by day, and carries the printed lists from ward to ward."
MESSAGES = [
    "Our backup ran while the power was out. How do I tell which entries of last night are really there?",
    "Write a notice for the ward that says what to note on paper while the computer is down.",
    "I carry 14 lists to 6 wards, two to each of four wards. How many do the other two get?",
]


def _people(*related: str) -> dict[str, Any]:
    waiting = list(related)

    def prompt(request: Request) -> str:
        return next(MESSAGES[i] for i, who in enumerate((ADMIN, NURSE, PORTER)) if who in request.messages[0].content)

    return {
        "first": ADMIN,
        "related": lambda _: waiting.pop(0),
        "prompt": prompt,
        "reply": lambda request: f"First look into the log. {request.messages[0].content[:20]}",
    }


async def test_persona_gives_a_row_for_everybody_found_from_the_passage_on(walk: Walk) -> None:
    outcome, asked = await walk("persona", _people(NURSE, PORTER), parameters={"relations": 2})

    assert [request.step for request in asked[:3]] == ["first", "related", "related"]
    assert asked[1].messages[0].content.startswith(f"A person: {ADMIN}")
    assert asked[2].messages[0].content.startswith(f"A person: {NURSE}")
    assert [(row.content["prompt"], row.content["context"]) for row in outcome.rows] == list(
        zip(MESSAGES, (ADMIN, NURSE, PORTER), strict=True)
    )


async def test_persona_goes_six_rounds_unless_told_otherwise(walk: Walk) -> None:
    answers = {**_people(), "related": lambda _: ADMIN}
    _, asked = await walk("persona", answers)
    assert [request.step for request in asked].count("related") == 6


async def test_persona_without_rounds_stays_with_the_text(walk: Walk) -> None:
    outcome, asked = await walk("persona", _people(), parameters={"relations": 0})

    assert [request.step for request in asked] == ["first", "prompt", "reply"]
    assert len(outcome.rows) == 1


async def test_persona_that_is_known_already_is_left_out(walk: Walk) -> None:
    outcome, _ = await walk("persona", _people(ADMIN.upper(), PORTER), parameters={"relations": 2})

    assert [row.content["context"] for row in outcome.rows] == [ADMIN, PORTER]
    assert outcome.notes == [Note("replaced", "related_known_already")]


async def test_persona_whose_message_names_the_persona_gives_no_row(walk: Walk) -> None:
    answers = {
        **_people(NURSE),
        "prompt": lambda request: ADMIN if ADMIN in request.messages[0].content else MESSAGES[1],
    }
    outcome, _ = await walk("persona", answers, parameters={"relations": 1})

    assert [row.content["prompt"] for row in outcome.rows] == [MESSAGES[1]]


async def test_persona_same_message_of_two_people_is_one_row(walk: Walk) -> None:
    answers = {**_people(NURSE), "prompt": lambda _: MESSAGES[0]}
    outcome, _ = await walk("persona", answers, parameters={"relations": 1})

    assert [row.content["context"] for row in outcome.rows] == [ADMIN]
    assert [verdict.reason for _, verdict in outcome.refused_rows] == ["asked_before"]


@pytest.mark.parametrize(
    ("first", "reason"), [("An administrator.", "first_too_short"), (f"{ADMIN} " * 5, "first_too_long")]
)
async def test_persona_that_is_no_persona_is_refused(walk: Walk, first: str, reason: str) -> None:
    outcome, _ = await walk("persona", {"first": first})
    assert outcome.refused.reason == reason


async def test_persona_draws_stand_in_another_relation_to_the_text(walk: Walk) -> None:
    asked = [(await walk("persona", {"first": "Nobody."}, draw=draw))[1][0].messages[0].content for draw in range(4)]
    assert ["read" in asked[0], "write" in asked[1], "asked about" in asked[2], "quarrel" in asked[3]] == [True] * 4


POOL = yaml.safe_load((RECIPES / "data" / "self-instruct.yaml").read_text())
TASK = "Describe the way from a given railway station to the nearest baker to a stranger."
PLACE = {
    "input": "Station: Ashford, the baker is in Mill Lane.",
    "output": "Leave by the north door and turn left twice.",
}


async def test_self_instruct_shows_six_human_and_two_machine_tasks_of_the_pool(walk: Walk) -> None:
    _, asked = await walk("self-instruct", {"instruction": TASK, "classifies": "no", "instance": json.dumps(PLACE)})

    shown = [line.partition(": ")[2] for line in asked[0].prompt.splitlines() if line.startswith("Task ")][:8]
    assert (len(set(shown) & set(POOL["human"])), len(set(shown) & set(POOL["machine"]))) == (6, 2)
    assert asked[0].prompt.endswith("\nTask 9:")
    drawn = asked[0].sampling
    assert (drawn.temperature, drawn.top_p, drawn.presence_penalty) == (0.7, 0.5, 2.0)


async def test_self_instruct_task_with_an_input(walk: Walk) -> None:
    outcome, asked = await walk(
        "self-instruct", {"instruction": f" {TASK}\n", "classifies": "no", "instance": json.dumps(PLACE)}
    )
    assert [request.step for request in asked] == ["instruction", "classifies", "instance"]
    assert outcome.output["prompt"] == f"{TASK}\n\n{PLACE['input']}"
    assert outcome.output["response"] == PLACE["output"]


async def test_self_instruct_task_that_needs_no_input(walk: Walk) -> None:
    outcome, _ = await walk(
        "self-instruct",
        {"instruction": TASK, "classifies": "no", "instance": json.dumps({"input": "", "output": "Turn left."})},
    )
    assert outcome.output["prompt"] == TASK


RIPE = "Tell from its description whether a pear is ripe, unripe or rotten."


async def test_self_instruct_classification_takes_a_label_first_and_writes_the_input_for_it(walk: Walk) -> None:
    def instance(request: Request) -> str:
        label = request.messages[0].content.partition("the right answer is: ")[2].partition(". Don't")[0]
        return json.dumps({"input": "It gives way under the thumb.", "output": label})

    answers = {"instruction": RIPE, "classifies": "yes", "labels": '{"labels": ["ripe", "unripe", "rotten"]}'}
    found = {
        (await walk("self-instruct", {**answers, "instance": instance}, draw=draw))[0].output["response"]
        for draw in range(12)
    }
    assert found == {"ripe", "unripe", "rotten"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"input": "It is hard.", "output": "blue"}, "instance_other_label"),
        ({"input": " ", "output": "ripe"}, "instance_no_input"),
    ],
)
async def test_self_instruct_classification_of_nothing_or_as_something_else_is_refused(
    walk: Walk, given: dict[str, str], reason: str
) -> None:
    answers = {
        "instruction": RIPE,
        "classifies": "yes",
        "labels": '{"labels": ["ripe", "ripe "]}',
        "instance": json.dumps(given),
    }
    outcome, _ = await walk("self-instruct", answers)
    assert outcome.refused.reason == reason


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("Make some tea.", "instruction_too_short"),
        ("Tell it again and again. " * 40, "instruction_too_long"),
        ("Describe what you see in the picture below.", "instruction_needs_what_it_cannot_have"),
        ("\u2013 list four rivers of Europe.", "instruction_begins_oddly"),
        ("Explain to a child of nine why the moon can be seen by day.", "instruction_known_already"),
        (Answer(TASK, Finish.LENGTH), "instruction_cut_off"),
    ],
)
async def test_self_instruct_drops_tasks_by_the_papers_rules(walk: Walk, instruction: Any, reason: str) -> None:
    outcome, asked = await walk("self-instruct", {"instruction": instruction})
    assert (outcome.refused.reason, len(asked)) == (reason, 1)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"input": "Mill Lane.", "output": "Mill  Lane."}, "instance_input_is_output"),
        ({"input": "The station is:", "output": "Turn left."}, "instance_promises_input"),
    ],
)
async def test_self_instruct_drops_answers_that_are_none(walk: Walk, given: dict[str, str], reason: str) -> None:
    outcome, _ = await walk("self-instruct", {"instruction": TASK, "classifies": "no", "instance": json.dumps(given)})
    assert outcome.refused.reason == reason


def test_self_instruct_pool_would_pass_its_own_rules() -> None:
    from gristmill.recipes.functions import phrases_in, similarity, words

    unfit = [line for line in (RECIPES / "data" / "self-instruct-unfit.txt").read_text().split("\n") if "#" not in line]
    pool = POOL["human"] + POOL["machine"]
    assert [task for task in pool if len(words(task)) <= 3 or phrases_in(task, unfit)] == []
    assert [(a, b) for i, a in enumerate(pool) for b in pool[:i] if similarity(a, b) > 0.7] == []
