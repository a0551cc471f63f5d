"""The Llama 3 family but for code that is run: rejection sampling, and back-translation of code."""

import json
from typing import Any

import pytest

from gristmill.recipes.request import Request
from tests.recipes.library.conftest import Walk

QUESTION = "Why does a database write to its log before it touches the table?"
GOOD = "So that it can undo, after a power failure, what was not committed."


def _mark(accuracy: int, instruction: int, tone: int, weakness: str = "a gap") -> str:
    return json.dumps({"weakness": weakness, "accuracy": accuracy, "instruction": instruction, "tone": tone})


def _drafts(*texts: str) -> list[str]:
    return [*texts, *[f"Draft {i}." for i in range(10 - len(texts))]]


def _judge(best: str, mark: str) -> Any:
    def judge(request: Request) -> str:
        return mark if f"Answer:\n{best}\n" in request.messages[-1].content else _mark(1, 2, 3)

    return judge


async def test_rejection_sample_keeps_the_best_of_ten_and_revises_nothing_where_it_is_good(walk: Walk) -> None:
    answers = {"answers": _drafts("A draft.", GOOD), "mark": _judge(GOOD, _mark(3, 3, 3, "none"))}
    outcome, asked = await walk("llama3-rejection-sample", answers, question=QUESTION)

    assert (outcome.output["prompt"], outcome.output["response"]) == (QUESTION, GOOD)
    assert [each.step for each in asked] == ["answers"] * 10 + ["mark"] * 10
    assert (asked[0].sampling.temperature, asked[10].sampling.temperature) == (1.0, 0.0)


async def test_rejection_sample_revises_the_best_answer_to_a_hard_prompt(walk: Walk) -> None:
    answers = {
        "answers": _drafts("Because of power."),
        "mark": _judge("Because of power.", _mark(2, 3, 3, "too short")),
        "answer_now": ["Because power fails.", GOOD],
        "marked_again": [_mark(2, 3, 3, "still too short"), _mark(3, 3, 3)],
    }
    outcome, asked = await walk("llama3-rejection-sample", answers, question=QUESTION)

    revised = [each.messages[-1].content for each in asked if each.step == "answer_now"]
    assert ["Because of power.\n\nIts greatest weakness: too short" in revised[0], len(revised)] == [True, 2]
    assert "Because power fails.\n\nIts greatest weakness: still too short" in revised[1]
    assert outcome.output["response"] == GOOD


async def test_rejection_sample_refuses_what_no_revision_made_good(walk: Walk) -> None:
    answers = {"answers": _drafts(), "mark": _mark(1, 1, 1), "answer_now": "No.", "marked_again": _mark(2, 2, 2)}
    outcome, asked = await walk("llama3-rejection-sample", answers, question=QUESTION)

    assert (outcome.refused.reason, outcome.refused.kind) == ("revision_never_good", "low_quality")
    assert [each.step for each in asked][20:] == ["answer_now", "marked_again"] * 2


async def test_rejection_sample_goes_on_without_unmarked_answers_and_ends_without_any(walk: Walk) -> None:
    def some(request: Request) -> str:
        return _mark(3, 3, 3) if GOOD in request.messages[-1].content else "Good."

    outcome, _ = await walk("llama3-rejection-sample", {"answers": _drafts(GOOD), "mark": some}, question=QUESTION)
    assert outcome.output["response"] == GOOD

    outcome, _ = await walk("llama3-rejection-sample", {"answers": _drafts(), "mark": "Good."}, question=QUESTION)
    assert outcome.refused.reason == "mark_not_json"


async def test_rejection_sample_needs_some_valid_answers(walk: Walk) -> None:
    outcome, _ = await walk("llama3-rejection-sample", {"answers": ["A.", "B.", "C.", *[" "] * 7]}, question=QUESTION)

    assert outcome.refused.reason == "answers_empty"


CODE = (
    "def locks_in_ring(waits):\n    for start in waits:\n        seen, at = set(), start\n"
    "        while at in waits and at not in seen:\n            seen.add(at)\n            at = waits[at]\n"
    "        if at == start and seen:\n            return True\n    return False"
)
TEXT = (
    "The function takes a mapping from each transaction to the one it waits for. From every transaction it follows the "
    "chain until it ends or meets a transaction for the second time. It returns True as soon as a chain comes back to "
    "where it began, which means that these transactions wait for each other, and False when no chain does."
)


def _answers(*marks: int, text: Any = TEXT) -> dict[str, Any]:
    fidelity = [json.dumps({"difference": "none", "mark": mark}) for mark in marks]
    return {"text": text, "back": f"```python\n{CODE}\n```", "fidelity": fidelity}


@pytest.mark.parametrize(
    ("draw", "task"), [(0, "Explain what this code does"), (1, "Write the reference"), (2, "Go through this code")]
)
async def test_back_translate_gives_each_draw_another_form(walk: Walk, draw: int, task: str) -> None:
    outcome, asked = await walk("llama3-back-translate", _answers(5), passage=CODE, language="Python", draw=draw)

    assert outcome.output["prompt"].startswith(task)
    assert outcome.output["prompt"].endswith(f"```python\n{CODE}\n```")
    assert outcome.output["response"] == TEXT
    assert asked[1].messages[-1].content == (
        f"{TEXT}\n\nWrite the code that this describes, in Python. Answer with one code block."
    )


async def test_back_translate_that_was_not_faithful_is_written_again_and_then_refused(walk: Walk) -> None:
    outcome, asked = await walk("llama3-back-translate", _answers(3, 4), passage=CODE)
    assert "does something else than the original" in asked[3].messages[-1].content
    assert outcome.rows

    outcome, asked = await walk("llama3-back-translate", _answers(3, 3), passage=CODE)
    assert (outcome.refused.reason, len(asked)) == ("fidelity_too_low", 6)


@pytest.mark.parametrize(
    ("answers", "reason", "times"),
    [
        (_answers(text="It looks for rings."), "text_too_short", 2),
        (_answers(text=f"{TEXT}\n```python\n{CODE}\n```"), "text_quotes_code", 2),
        (_answers() | {"back": "That can't be written."}, "back_no_code", 2),
        (_answers() | {"fidelity": "Faithful."}, "fidelity_not_json", 3),
    ],
)
async def test_back_translate_refuses(walk: Walk, answers: dict[str, Any], reason: str, times: int) -> None:
    outcome, asked = await walk("llama3-back-translate", answers, passage=CODE)

    assert (outcome.refused.reason, len(asked)) == (reason, times)
