"""Recipes in which the model writes both sides of a conversation: magpie, multi-turn, tool-call."""

from typing import Any

import orjson
import pytest

from gristmill.recipes.request import Answer, Finish, Role
from tests.recipes.library.conftest import Walk

WHY = "Why does a database write to a log before it touches the table?"
BECAUSE = "So that it can undo a change when the power fails halfway."
DEEPER = "And what happens to two transactions that wait for each other?"
ROLLED = "One of them is rolled back, and the other one goes on."


def _turns(outcome: Any) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"]) for turn in orjson.loads(outcome.output["conversation"])]


async def test_magpie_shows_the_model_nothing_and_answers_greedily(walk: Walk) -> None:
    outcome, asked = await walk("magpie", {"question": WHY, "reply": BECAUSE})

    assert (asked[0].write, asked[0].messages, asked[0].sampling.temperature) == (Role.USER, (), 1.0)
    assert (asked[1].write, asked[1].sampling.temperature) == (Role.ASSISTANT, 0)
    assert _turns(outcome) == [("user", WHY), ("assistant", BECAUSE)]


async def test_magpie_asks_anew_for_each_seed_and_draw(walk: Walk) -> None:
    answers = {"question": WHY, "reply": BECAUSE}
    asked = [
        (await walk("magpie", answers, passage=passage, draw=draw))[1][0].content("m")
        for passage, draw in (("One.", 0), ("Two.", 0), ("One.", 1))
    ]
    assert len(set(asked)) == 3


async def test_magpie_system_turn_comes_first_and_stays_in_the_row(walk: Walk) -> None:
    outcome, asked = await walk("magpie", {"question": WHY, "reply": BECAUSE}, parameters={"system": "On databases."})

    assert [(turn.role, turn.content) for turn in asked[0].messages] == [("system", "On databases.")]
    assert _turns(outcome)[0] == ("system", "On databases.")


async def test_magpie_multi_turn_opens_the_users_turn_again_after_the_answer(walk: Walk) -> None:
    answers = {"question": [WHY, DEEPER], "reply": [BECAUSE, ROLLED]}
    outcome, asked = await walk("magpie-multi-turn", answers, parameters={"turns": 2})

    assert [turn.content for turn in asked[2].messages] == [WHY, BECAUSE]
    assert asked[2].write is Role.USER
    assert _turns(outcome) == [("user", WHY), ("assistant", BECAUSE), ("user", DEEPER), ("assistant", ROLLED)]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Why?", "question_too_few_words"),
        ("Sure, here is what I know about it.", "question_speaks_as_assistant"),
        (Answer(WHY, Finish.LENGTH), "question_cut_off"),
    ],
)
async def test_magpie_refuses_what_no_user_would_say(walk: Walk, question: Any, reason: str) -> None:
    outcome, asked = await walk("magpie", {"question": question})

    assert (outcome.refused.reason, len(asked)) == (reason, 1)


async def test_magpie_multi_turn_question_asked_twice_is_refused(walk: Walk) -> None:
    outcome, _ = await walk("magpie-multi-turn", {"question": [WHY, WHY.lower()], "reply": BECAUSE})

    assert outcome.refused.reason == "question_asked_before"
