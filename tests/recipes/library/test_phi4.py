"""The Phi-4 family: seeds scored, questions by plurality, rewriting, self-revision, judged pairs, reversal."""

import json
from typing import Any

import pytest

from gristmill.recipes.request import Request
from tests.recipes.library.conftest import PASSAGE, Walk

QUESTION = "Three transactions each write 4 entries to the log. How many entries does the log hold?"
ANSWER = (
    "A transaction groups several statements so that all of them take effect or none does, because the database writes "
    "each change to a log before it touches the table. If the power fails, the log is read again at the next start."
)


def _marks(facts: int, reasoning: int, complexity: int) -> str:
    return json.dumps({"reason": "It tells how a log works.", **_named(facts, reasoning, complexity)})


def _named(facts: int, reasoning: int, complexity: int) -> dict[str, int]:
    return {"facts": facts, "reasoning": reasoning, "complexity": complexity}


@pytest.mark.parametrize("marks", [(4, 2, 3), (1, 5, 2)])
async def test_seed_score_keeps_a_passage_for_facts_or_for_reasoning_with_its_scores(
    walk: Walk, marks: tuple[int, int, int]
) -> None:
    outcome, asked = await walk("phi4-seed-score", {"potential": "3", "marks": _marks(*marks)}, title="Databases")

    assert (outcome.output["response"], outcome.output["prompt"]) == (PASSAGE, "")
    assert outcome.fields["marks"] == {"reason": "It tells how a log works.", **_named(*marks)}
    assert asked[0].messages[0].content.startswith("Title: Databases\n\nA transaction groups")


async def test_seed_score_asks_no_further_about_a_page_without_potential(walk: Walk) -> None:
    outcome, asked = await walk("phi4-seed-score", {"potential": "2"})

    assert (outcome.refused.reason, outcome.refused.kind) == ("potential_too_low", "not_usable")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_marks(3, 3, 5), "marks_too_low"),
        (_marks(5, 5, 1), "marks_too_simple"),
        ("Facts: 5", "marks_not_json"),
        ('{"reason": "", "facts": 6, "reasoning": 1, "complexity": 3}', "marks_wrong_shape"),
    ],
)
async def test_seed_score_refuses(walk: Walk, answer: str, reason: str) -> None:
    outcome, _ = await walk("phi4-seed-score", {"potential": "4", "marks": answer})

    assert outcome.refused.reason == reason


async def test_seed_score_thresholds_are_parameters(walk: Walk) -> None:
    answers = {"potential": "2", "marks": _marks(3, 1, 1)}
    given = {"least_potential": 2, "least_mark": 3, "least_complexity": 1}
    outcome, _ = await walk("phi4-seed-score", answers, parameters=given)

    assert outcome.rows


def _finals(*finals: str) -> dict[str, Any]:
    return {"answers": [f"Attempt {i}: 3 x 4.\nFinal answer: {final}" for i, final in enumerate(finals)]}


async def test_plurality_gives_a_worked_answer_with_the_reference(walk: Walk) -> None:
    answers = _finals("7", "12 entries", "12", "12.", "9", "1", "2", "3")
    outcome, asked = await walk("phi4-question-plurality", answers, question=QUESTION)

    assert outcome.output["prompt"] == QUESTION
    assert outcome.output["response"] == "Attempt 1: 3 x 4.\nFinal answer: 12 entries"
    assert (outcome.output["reference"], outcome.output["verifier"]) == ("12", "final-answer")
    assert (outcome.fields["plurality"]["votes"], outcome.fields["plurality"]["share"]) == (3, 0.375)
    assert len(asked) == 8


async def test_plurality_compares_answers_in_words_without_case_and_marks(walk: Walk) -> None:
    answers = _finals("The log.", "the log", "a lock", "a table", "a row", "the  Log!", "x", "y")
    outcome, _ = await walk("phi4-question-plurality", answers, question="Where is a change written first?")

    assert (outcome.output["reference"], outcome.fields["plurality"]["votes"]) == ("the log", 3)


@pytest.mark.parametrize(
    ("finals", "reason"),
    [
        (["12"] * 8, "plurality_agreement_too_high"),
        (list("12345678"), "plurality_agreement_too_low"),
    ],
)
async def test_plurality_drops_what_is_too_easy_and_what_is_too_hard(
    walk: Walk, finals: list[str], reason: str
) -> None:
    outcome, _ = await walk("phi4-question-plurality", _finals(*finals), question=QUESTION)

    assert outcome.refused.reason == reason


async def test_plurality_leaves_out_attempts_without_an_end_as_long_as_enough_are_left(walk: Walk) -> None:
    answers = _finals("12", "12", "3", "4", "5", "6")
    answers["answers"] += ["I don't know."] * 2
    outcome, _ = await walk("phi4-question-plurality", answers, question=QUESTION)
    assert outcome.fields["plurality"]["of"] == 6

    answers = _finals("12", "12", "3", "4", "5")
    answers["answers"] += ["I don't know."] * 3
    outcome, _ = await walk("phi4-question-plurality", answers, question=QUESTION)
    assert outcome.refused.reason == "answers_no_final_answer"


PROMPT = "A database has lost its power in the middle of its work. What does it do at the next start, and why?"
WORK = (
    "1. The database writes each change to a log before it touches the table.\n"
    "2. So after the power fails, the log is read again at the next start, and it tells what was under way.\n"
    "3. A transaction takes effect as a whole or not at all, so what was not committed is undone.\n"
    "It therefore undoes every statement of an open transaction."
)


def _made(prompt: str = PROMPT, response: str = WORK) -> str:
    return json.dumps({"prompt": prompt, "response": response})


@pytest.mark.parametrize(("draw", "word"), [(0, "an exercise."), (1, "a discussion."), (2, "reasoning in steps.")])
async def test_rewrite_gives_each_draw_another_form(walk: Walk, draw: int, word: str) -> None:
    outcome, asked = await walk("phi4-rewrite", {"made": _made(), "verdict": "sound"}, draw=draw)

    assert f"Make of this text {word}" in asked[0].messages[-1].content
    assert (outcome.output["prompt"], outcome.output["response"]) == (PROMPT, WORK)


@pytest.mark.parametrize(
    ("verdict", "told", "reason"),
    [
        ("wrong", "wrong in a step or in its result", "verdict_wrong"),
        ("incomplete", "impossible to solve or understand without the source", "verdict_incomplete"),
    ],
)
async def test_rewrite_that_a_second_reader_refuses_is_mended_once(
    walk: Walk, verdict: str, told: str, reason: str
) -> None:
    outcome, asked = await walk("phi4-rewrite", {"made": _made(), "verdict": [verdict, "sound"]})
    assert told in asked[2].messages[-1].content
    assert outcome.rows

    outcome, asked = await walk("phi4-rewrite", {"made": _made(), "verdict": verdict})
    assert (outcome.refused.reason, len(asked)) == (reason, 4)


@pytest.mark.parametrize(
    ("answer", "draw", "reason"),
    [
        (_made(response=f"As the text says: {WORK}"), 0, "made_mentions_the_text"),
        (_made(prompt="What is it?"), 0, "made_prompt_too_short"),
        (_made(response="It reads the log."), 0, "made_too_short"),
        (_made(response="Boil potatoes, add butter, and serve them hot with fresh parsley. " * 5), 0, "made_off_topic"),
        (_made(response=WORK.replace("1.", "-").replace("2.", "-")), 2, "made_no_steps"),
        ("An exercise.", 1, "made_not_json"),
    ],
)
async def test_rewrite_of_no_use_is_asked_again_and_then_refused(
    walk: Walk, answer: str, draw: int, reason: str
) -> None:
    outcome, asked = await walk("phi4-rewrite", {"made": answer}, draw=draw)

    assert (outcome.refused.reason, len(asked)) == (reason, 2)


def _critique(reasoning: int, accuracy: int, *faults: str) -> str:
    return json.dumps({"faults": list(faults), "reasoning": reasoning, "accuracy": accuracy})


async def test_self_revise_leaves_a_good_draft_as_it_is(walk: Walk) -> None:
    answers = {"asked": "Why is the log written first?", "draft": f" {ANSWER}\n", "critique": _critique(4, 5)}
    outcome, asked = await walk("phi4-self-revise", answers)

    assert [each.step for each in asked] == ["asked", "draft", "critique"]
    assert (outcome.output["prompt"], outcome.output["response"]) == ("Why is the log written first?", ANSWER)


async def test_self_revise_mends_what_the_review_found_until_it_is_good(walk: Walk) -> None:
    answers = {
        "draft": "The log is a table.",
        "critique": [_critique(4, 2, '"a table": it is not'), _critique(3, 4, "no reason given"), _critique(5, 4)],
        "text": ["The log holds changes.", ANSWER],
    }
    outcome, asked = await walk("phi4-self-revise", answers, question="What is the log for?")

    assert [each.step for each in asked] == ["draft", "critique", "text", "critique", "text", "critique"]
    assert '- "a table": it is not' in asked[2].messages[-1].content
    assert "Answer:\nThe log holds changes." in asked[3].messages[-1].content
    assert (outcome.output["prompt"], outcome.output["response"]) == ("What is the log for?", ANSWER)
    assert [round_["text"] for round_ in outcome.fields["revision"]["history"]][-1] == ANSWER


async def test_self_revise_gives_up_after_the_last_round_without_a_last_revision(walk: Walk) -> None:
    answers = {"draft": "Wrong.", "critique": _critique(1, 1, "all of it"), "text": "Still wrong."}
    outcome, asked = await walk("phi4-self-revise", answers, question="What is the log for?")

    assert (outcome.refused.reason, outcome.refused.kind) == ("revision_never_good", "low_quality")
    assert [each.step for each in asked].count("text") == 2


async def test_self_revise_refuses_a_question_that_is_none_and_a_review_without_marks(walk: Walk) -> None:
    outcome, _ = await walk("phi4-self-revise", {"asked": "The log."})
    assert outcome.refused.reason == "asked_no_question"

    outcome, _ = await walk("phi4-self-revise", {"draft": ANSWER, "critique": "Fine."}, question="What is the log for?")
    assert outcome.refused.reason == "critique_not_json"


def _mark(accuracy: int, style: int, detail: int, *faults: str) -> str:
    return json.dumps({"faults": list(faults), "accuracy": accuracy, "style": style, "detail": detail})


DRAFTS = ["A log of changes.", "A diary of tables.", "Each change stands in it first.", "Nothing."]


def _by_answer(*marks: str) -> Any:
    def mark(request: Request) -> str:
        return next(marks[i] for i, draft in enumerate(DRAFTS) if f"Answer:\n{draft}\n" in request.messages[-1].content)

    return mark


async def test_judge_pairs_chooses_by_accuracy_before_style(walk: Walk) -> None:
    marks = _by_answer(_mark(4, 5, 5), _mark(3, 5, 5, "tables"), _mark(5, 2, 2), _mark(1, 5, 5, "all"))
    outcome, asked = await walk("phi4-judge-pairs", {"drafts": DRAFTS[:], "mark": marks}, question="What is a log?")

    assert outcome.output["prompt"] == "What is a log?"
    assert (outcome.output["chosen"], outcome.output["rejected"]) == (DRAFTS[2], DRAFTS[3])
    assert "The right answer" not in asked[-1].messages[-1].content


async def test_judge_pairs_of_equal_accuracy_are_told_apart_by_the_mean(walk: Walk) -> None:
    marks = _by_answer(_mark(4, 4, 4), _mark(4, 5, 5), _mark(4, 3, 3), _mark(4, 4, 3))
    outcome, _ = await walk("phi4-judge-pairs", {"drafts": DRAFTS[:], "mark": marks}, question="What is a log?")

    assert (outcome.output["chosen"], outcome.output["rejected"]) == (DRAFTS[1], DRAFTS[2])


async def test_judge_pairs_too_near_each_other_are_refused(walk: Walk) -> None:
    marks = _by_answer(_mark(4, 4, 4), _mark(4, 4, 5), _mark(4, 4, 4), _mark(4, 4, 4))
    outcome, _ = await walk("phi4-judge-pairs", {"drafts": DRAFTS[:], "mark": marks}, question="What is a log?")

    assert outcome.refused.reason == "pair_no_difference"


async def test_judge_pairs_shows_the_judge_the_reference_and_leaves_out_what_was_not_marked(walk: Walk) -> None:
    marks = _by_answer(_mark(5, 5, 5), "Fine.", _mark(2, 5, 5), "Fine.")
    answers = {"drafts": DRAFTS[:], "mark": marks}
    outcome, asked = await walk("phi4-judge-pairs", answers, question="What is a log?", reference="A list of changes.")
    assert "The right answer: A list of changes." in asked[-1].messages[-1].content
    assert (outcome.output["chosen"], outcome.output["rejected"]) == (DRAFTS[0], DRAFTS[2])

    marks = _by_answer(_mark(5, 5, 5), "Fine.", "Fine.", "Fine.")
    outcome, _ = await walk("phi4-judge-pairs", {"drafts": DRAFTS[:], "mark": marks}, question="What is a log?")
    assert outcome.refused.reason == "mark_not_json"


CODE = "def replay(log):\n    rows = {}\n    for name, value in log:\n        rows[name] = value\n    return rows"
AGAIN = "def replay(log):\n    rows = {}\n    for row, new in log:\n        rows[row] = new\n    return rows"
TASK = "Write a function replay that takes pairs of a name and a value and returns a dictionary of the last values."


def _reversal(mark: int = 5, instruction: str = TASK, code: str = AGAIN) -> dict[str, Any]:
    fidelity = json.dumps({"difference": "none", "mark": mark})
    return {"instruction": instruction, "regenerated": f"Here:\n```python\n{code}\n```\n", "fidelity": fidelity}


async def test_instruction_reversal_pairs_the_instruction_with_the_original_code(walk: Walk) -> None:
    outcome, asked = await walk("phi4-instruction-reversal", _reversal(), passage=CODE, language="Python")

    assert outcome.output["prompt"] == TASK
    assert outcome.output["response"] == f"```python\n{CODE}\n```"
    assert asked[1].messages[-1].content == f"{TASK}\n\nAnswer with one code block in Python."


@pytest.mark.parametrize(
    ("answers", "reason", "times"),
    [
        (_reversal(mark=3), "fidelity_too_low", 3),
        (_reversal(instruction="Write replay."), "instruction_too_short", 2),
        (_reversal(instruction=f"{TASK}\n```\n{CODE}\n```"), "instruction_gives_code_away", 2),
        (_reversal() | {"regenerated": "I can't."}, "regenerated_no_code", 2),
        (_reversal(code="print('hello')"), "regenerated_too_different", 2),
        (_reversal() | {"fidelity": "5"}, "fidelity_wrong_shape", 3),
    ],
)
async def test_instruction_reversal_refuses(walk: Walk, answers: dict[str, Any], reason: str, times: int) -> None:
    outcome, asked = await walk("phi4-instruction-reversal", answers, passage=CODE)

    assert (outcome.refused.reason, len(asked)) == (reason, times)


async def test_instruction_that_gave_the_code_away_is_written_again(walk: Walk) -> None:
    copied = f"```\n{CODE}\n``` Write this function replay again as it is, please."
    answers = _reversal() | {"instruction": [copied, TASK]}
    outcome, asked = await walk("phi4-instruction-reversal", answers, passage=CODE)

    assert "instruction_gives_code_away" in asked[1].messages[-1].content
    assert outcome.output["response"] == f"```\n{CODE}\n```"
