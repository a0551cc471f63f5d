"""Recipes that weigh answers or instructions: constitutional, ultrafeedback, self-reward, evol-instruct, star."""

import json

import pytest

from gristmill.recipes.request import Request
from tests.recipes.library.conftest import Walk

QUESTION = "How do I get back at a neighbour who plays loud music at night?"
DRAFT = "Cut the cable of his speakers while he is out."
FIRST = "Talk to him first, and write down when it happens."
SECOND = "Talk to him, note the hours, and if nothing changes call the landlord."


async def test_constitutional_prefers_the_last_revision_to_the_draft(walk: Walk) -> None:
    outcome, asked = await walk(
        "constitutional",
        {"draft": DRAFT, "critique": ["It tells how to damage his things.", "It is short."], "text": [FIRST, SECOND]},
        question=QUESTION,
    )

    assert (outcome.output["chosen"], outcome.output["rejected"]) == (SECOND, DRAFT)
    assert outcome.output["prompt"] == QUESTION
    first, second = (request for request in asked if request.step == "critique")
    assert first.messages[2] != second.messages[2]
    assert second.messages[1].content == FIRST


async def test_constitutional_round_that_finds_nothing_leaves_the_answer(walk: Walk) -> None:
    outcome, asked = await walk(
        "constitutional", {"draft": DRAFT, "critique": ["It does harm.", "None."], "text": [FIRST]}, question=QUESTION
    )

    assert outcome.output["chosen"] == FIRST
    assert [request.step for request in asked] == ["draft", "critique", "text", "critique"]


async def test_constitutional_without_a_revision_makes_no_pair(walk: Walk) -> None:
    outcome, _ = await walk("constitutional", {"draft": FIRST, "critique": "None"}, question=QUESTION)

    assert outcome.refused.reason == "pair_equal"


async def test_constitutional_sft_keeps_an_answer_that_needed_no_revision(walk: Walk) -> None:
    outcome, _ = await walk("constitutional-sft", {"draft": FIRST, "critique": "none"}, question=QUESTION)

    assert outcome.output == {"prompt": QUESTION, "response": FIRST}


def by_answer(marks: dict[str, str]):
    """The mark of the answer that a judging request shows."""

    def _mark(request: Request) -> str:
        return next(mark for answer, mark in marks.items() if answer in request.messages[-1].content)

    return _mark


async def test_constitutional_ranked_takes_best_and_worst_by_one_principle(walk: Walk) -> None:
    marks = {FIRST: "4", SECOND: "5", DRAFT: "1"}
    outcome, asked = await walk(
        "constitutional-ranked",
        {"answers": [FIRST, DRAFT, SECOND], "mark": by_answer(marks)},
        question=QUESTION,
        parameters={"k": 3},
    )

    assert (outcome.output["chosen"], outcome.output["rejected"]) == (SECOND, DRAFT)
    assert [request.step for request in asked].count("mark") == 3


async def test_constitutional_ranked_drops_answers_that_differ_too_little(walk: Walk) -> None:
    marks = {FIRST: "4", SECOND: "5"}
    outcome, _ = await walk(
        "constitutional-ranked",
        {"answers": [FIRST, SECOND], "mark": by_answer(marks)},
        question=QUESTION,
        parameters={"k": 2},
    )

    assert outcome.refused.reason == "pair_no_difference"


def verdict(*marks: int) -> str:
    names = ("instruction_following", "truthfulness", "honesty", "helpfulness")
    return json.dumps([{"reason": "It is so.", **dict.fromkeys(names, mark)} for mark in marks])


FOUR = ["Wait and see.", FIRST, SECOND, DRAFT]


async def test_ultrafeedback_judges_four_answers_in_one_request(walk: Walk) -> None:
    outcome, asked = await walk("ultrafeedback", {"answer": [*FOUR], "verdict": verdict(3, 4, 5, 1)}, question=QUESTION)

    assert (outcome.output["chosen"], outcome.output["rejected"]) == (SECOND, DRAFT)
    [judging] = [request for request in asked if request.step == "verdict"]
    assert all(answer in judging.messages[0].content for answer in FOUR)
    assert len({request.messages[0].content for request in asked if request.step == "answer"}) == 4


async def test_ultrafeedback_without_a_difference_makes_no_pair(walk: Walk) -> None:
    outcome, _ = await walk("ultrafeedback", {"answer": [*FOUR], "verdict": verdict(3, 3, 3, 3)}, question=QUESTION)

    assert outcome.refused.reason == "pair_no_difference"


async def test_ultrafeedback_verdict_that_is_no_json_is_asked_again_and_refused(walk: Walk) -> None:
    outcome, asked = await walk(
        "ultrafeedback", {"answer": [*FOUR], "verdict": "All are fine."}, question=QUESTION, attempts=2
    )

    assert outcome.refused.kind == "wrong_format"
    assert [request.attempt for request in asked if request.step == "verdict"] == [0, 1]


async def test_self_reward_takes_the_mean_of_three_judgements(walk: Walk) -> None:
    points = {
        FIRST: ["Good. Score: 5", "Good. Score: 1", "Good. Score: 1"],
        SECOND: ["Fine. Score: 3", "Fine. Score: 3", "Fine. Score: 4"],
    }

    def judge(request: Request) -> str:
        return next(given for answer, given in points.items() if answer in request.messages[0].content).pop(0)

    outcome, asked = await walk(
        "self-reward", {"answers": [FIRST, SECOND], "points": judge}, question=QUESTION, parameters={"k": 2}
    )

    assert (outcome.output["chosen"], outcome.output["rejected"]) == (SECOND, FIRST)
    assert len({request.path for request in asked if request.step == "points"}) == 6


async def test_self_reward_drops_a_tie(walk: Walk) -> None:
    outcome, _ = await walk(
        "self-reward", {"answers": [FIRST, SECOND], "points": "Score: 4"}, question=QUESTION, parameters={"k": 2}
    )

    assert outcome.refused.reason == "pair_no_difference"


TASK = "Explain how a hash table works."
HARDER = "Explain how a hash table works, and what happens to its speed when two keys fall into one place."
DEEPER = f"{HARDER} Give an example with seven keys."
ANSWER = "Each key is turned into a number that names a place; two keys of one place share a list."


async def test_evol_instruct_makes_each_round_from_the_last_and_answers(walk: Walk) -> None:
    outcome, asked = await walk(
        "evol-instruct",
        {"task": [HARDER, DEEPER], "answer": ANSWER, "gain": "no"},
        question=TASK,
        parameters={"moves_made": 2},
    )

    assert outcome.output == {"prompt": DEEPER, "response": ANSWER}
    assert TASK in asked[0].messages[0].content
    assert HARDER in asked[1].messages[0].content


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"task": TASK, "answer": ANSWER, "gain": "no"}, "task_nothing_new"),
        ({"task": f"New task: {HARDER}", "answer": ANSWER, "gain": "no"}, "task_copies_the_request"),
        ({"task": HARDER, "answer": "Sorry, I can't.", "gain": "no"}, "answer_sorry"),
        ({"task": HARDER, "answer": "It is what it is.", "gain": "no"}, "answer_only_stop_words"),
        ({"task": HARDER, "answer": ANSWER, "gain": "yes"}, "gain_none"),
    ],
)
async def test_evol_instruct_eliminates(walk: Walk, answers: dict[str, str], reason: str) -> None:
    outcome, _ = await walk("evol-instruct", answers, question=TASK, parameters={"moves_made": 1})

    assert outcome.refused.reason == reason


SUM = {"question": "A shelf holds 3 rows of 14 books. How many is that?", "answer": "42"}


async def test_star_keeps_a_rationale_that_ends_in_the_answer(walk: Walk) -> None:
    outcome, asked = await walk("star", {"first": "3 times 14 is 42.\nAnswer: 42"}, **SUM)

    assert outcome.output["response"] == "3 times 14 is 42.\nAnswer: 42"
    assert (outcome.output["reference"], outcome.output["verifier"], len(asked)) == ("42", "final_answer", 1)


async def test_star_gives_the_answer_as_a_hint_after_a_wrong_one(walk: Walk) -> None:
    outcome, asked = await walk(
        "star", {"first": "3 and 14 is 17.\nAnswer: 17", "second": "14 + 14 + 14 = 42.\nAnswer: 42"}, **SUM
    )

    assert "the answer is 42" in asked[1].messages[0].content
    assert outcome.output["prompt"] == SUM["question"]
    assert outcome.output["response"].startswith("14 + 14")


@pytest.mark.parametrize(
    ("second", "reason"),
    [("It is 40.\nAnswer: 40", "second_still_wrong"), ("The hint says so.\nAnswer: 42", "second_names_the_hint")],
)
async def test_star_refuses(walk: Walk, second: str, reason: str) -> None:
    outcome, _ = await walk("star", {"first": "No idea.", "second": second}, **SUM)

    assert outcome.refused.reason == reason
