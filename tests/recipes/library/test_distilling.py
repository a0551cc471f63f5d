"""gemma-distill and its subsets; budgeted."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gristmill.params.load import parse
from gristmill.params.root import Params
from tests.recipes.library.conftest import PASSAGE, RECIPES, Walk

ASKED = "Why is the log read again when the database starts?"
ANSWER = "Because what was not committed before the power failed has to be undone."


async def test_gemma_distill_answers_a_real_prompt_as_it_stands(walk: Walk) -> None:
    outcome, asked = await walk("gemma-distill", {"written": ANSWER}, question="How do I undo a commit?")

    assert [request.step for request in asked] == ["written"]
    assert (outcome.output["prompt"], outcome.output["response"]) == ("How do I undo a commit?", ANSWER)


async def test_gemma_distill_without_a_real_prompt_has_the_teacher_write_one(walk: Walk) -> None:
    outcome, asked = await walk("gemma-distill", {"asked": ASKED, "written": ANSWER})

    assert asked[0].messages[1].content.startswith(PASSAGE)
    assert asked[1].messages[1].content == ASKED
    assert (outcome.output["prompt"], outcome.output["context"]) == (ASKED, "")


async def test_gemma_distill_prompt_that_points_at_the_text_is_written_again(walk: Walk) -> None:
    outcome, asked = await walk(
        "gemma-distill", {"asked": ["What does the text say of locks?", ASKED], "written": ANSWER}
    )

    assert [request.step for request in asked] == ["asked", "asked", "written"]
    assert outcome.output["prompt"] == ASKED


@pytest.mark.parametrize(
    ("asked", "written", "reason"),
    [
        ("Why so?", ANSWER, "asked_too_short"),
        ("I'm ready to assist. What would you like to ask?", ANSWER, "asked_speaks_as_assistant"),
        (ASKED, "No.", "written_too_short"),
        (ASKED, f"I'm ChatGPT. {ANSWER}", "wrong_identity"),
    ],
)
async def test_gemma_distill_refuses(walk: Walk, asked: str, written: str, reason: str) -> None:
    outcome, _ = await walk("gemma-distill", {"asked": lambda _: asked, "written": written})

    assert outcome.refused.reason == reason


def _statements(*pairs: tuple[str, int]) -> str:
    return json.dumps({"statements": [{"text": text, "source": source} for text, source in pairs]})


LOGGED = ("The database writes each change to a log first.", 2)
UNDONE = ("At the next start, what was not committed is undone.", 3)


async def test_gemma_distill_attribution_names_the_source_of_each_statement(walk: Walk) -> None:
    outcome, _ = await walk("gemma-distill-attribution", {"asked": ASKED, "statements": _statements(LOGGED, UNDONE)})

    assert outcome.output["response"] == f"{LOGGED[0]} [2] {UNDONE[0]} [3]"
    assert "\n[2] The database writes each change to a log" in outcome.output["prompt"]
    assert outcome.output["prompt"].endswith(f"\n\n{ASKED}")
    assert outcome.output["context"] == PASSAGE


async def test_gemma_distill_attribution_writes_its_own_prompt_also_beside_a_real_one(walk: Walk) -> None:
    outcome, _ = await walk(
        "gemma-distill-attribution", {"asked": ASKED, "statements": _statements(LOGGED)}, question="Who are you?"
    )
    assert outcome.output["prompt"].endswith(ASKED)


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (_statements(LOGGED, ("Locks are slow.", 9)), "statements_no_such_source"),
        (_statements(("Potatoes are boiled in salted water.", 1)), "line_not_in_its_source"),
        (_statements(LOGGED, ("Potatoes are boiled in salted water.", 1)), "held_lost_statements"),
        ("No idea.", "statements_not_json"),
    ],
)
async def test_gemma_distill_attribution_refuses_what_no_source_says(walk: Walk, statements: str, reason: str) -> None:
    outcome, _ = await walk("gemma-distill-attribution", {"asked": ASKED, "statements": lambda _: statements})

    assert outcome.refused.reason == reason


async def test_gemma_distill_attribution_is_told_how_many_sources_there_are(walk: Walk) -> None:
    answers = {"asked": ASKED, "statements": [_statements(("Locks are slow.", 9)), _statements(LOGGED)]}
    outcome, asked = await walk("gemma-distill-attribution", answers)

    assert "There are 4 sources." in asked[-1].messages[-1].content
    assert outcome.refused is None


HEDGED = "The log is surely read. Whether it suffices depends on the disk; most likely it does."


async def test_gemma_distill_hedging_keeps_a_calibrated_answer(walk: Walk) -> None:
    outcome, asked = await walk("gemma-distill-hedging", {"asked": ASKED, "written": HEDGED, "manner": "calibrated"})
    assert asked[-1].constraint.value == ("calibrated", "too_sure", "evasive")
    assert outcome.output["response"] == HEDGED


async def test_gemma_distill_hedging_mends_a_sure_answer_once(walk: Walk) -> None:
    answers = {"asked": ASKED, "written": [ANSWER, HEDGED], "manner": ["too_sure", "calibrated"]}
    outcome, asked = await walk("gemma-distill-hedging", answers)

    assert [request.step for request in asked] == ["asked", "written", "manner", "written", "manner"]
    assert outcome.output["response"] == HEDGED


async def test_gemma_distill_hedging_drops_what_stays_evasive(walk: Walk) -> None:
    answers = {"asked": ASKED, "written": lambda _: "It all depends, as ever.", "manner": lambda _: "evasive"}
    outcome, _ = await walk("gemma-distill-hedging", answers)

    assert outcome.refused.reason == "manner_not_calibrated"


def _draw_with(decline: bool) -> int:
    """A draw for which the recipe takes a harmful situation, or a harmless one."""
    from gristmill.recipes.functions import pick

    situations = yaml.safe_load((RECIPES / "data" / "refusal-situations.yaml").read_text())
    return next(draw for draw in range(99) if pick(situations, PASSAGE, draw)["decline"] is decline)


REQUEST = "Tell me how I can find out where my former partner lives now."
DECLINED = (
    "I won't help with finding her. If you have left things there, I can help you to ask for them through a friend."
)


@pytest.mark.parametrize(
    ("decline", "manners", "reason"),
    [
        (True, ["declines"], None),
        (True, ["helps"], "manner_helps_to_harm"),
        (True, ["lectures", "declines"], None),
        (True, ["lectures", "lectures"], "manner_lectures"),
        (False, ["helps"], None),
        (False, ["declines", "helps"], None),
        (False, ["declines", "lectures"], "manner_refuses_the_harmless"),
    ],
)
async def test_gemma_distill_refusal(walk: Walk, decline: bool, manners: list[str], reason: str | None) -> None:
    answers = {"asked": REQUEST, "written": lambda _: DECLINED, "manner": list(manners)}
    outcome, asked = await walk("gemma-distill-refusal", answers, draw=_draw_with(decline))

    assert PASSAGE not in asked[0].messages[1].content
    assert (outcome.refused.reason if outcome.refused else None) == reason
    assert len(asked) == 1 + 2 * len(manners)


def test_half_of_the_refusal_situations_are_harmless() -> None:
    situations = yaml.safe_load((RECIPES / "data" / "refusal-situations.yaml").read_text())
    assert sum(each["decline"] for each in situations) * 2 == len(situations) == 20


def _pairs(*pairs: tuple[str, str, str]) -> str:
    names = ("question", "answer", "evidence")
    return json.dumps({"pairs": [dict(zip(names, pair, strict=True)) for pair in pairs]})


SOUND = (
    "When is what was not committed undone?",
    "It is undone at the next start.",
    "the log is read again at the next start, and what was not committed is undone",
)


async def test_budgeted_makes_several_rows_of_one_request_and_drops_the_unsound_ones(walk: Walk) -> None:
    second = (
        "What does a lock keep two transactions from?",
        "Changing the same row at once.",
        "A lock keeps two transactions from changing the same row at once",
    )
    answer = _pairs(
        SOUND,
        second,
        ("Name the log.", "log", SOUND[2]),
        ("What is said in the passage of power?", "It fails.", "If the power fails"),
        ("Who reads the log first?", "The kernel.", "The kernel reads the log first"),
        ("Why is the log needed at all?", "Disks are slow and cheap.", SOUND[2]),
        ("When is what was not yet committed undone?", SOUND[1], SOUND[2]),
    )
    outcome, asked = await walk("budgeted", {"pairs": answer}, parameters={"rows": 7})

    assert len(asked) == 1
    assert [row.content["prompt"] for row in outcome.rows] == [SOUND[0], second[0]]
    assert [verdict.reason for _, verdict in outcome.refused_rows] == [
        *("no_question", "points_at_the_text", "evidence_not_in_passage", "answer_not_in_evidence", "asked_before")
    ]


async def test_budgeted_asks_for_no_more_rows_than_its_parameter(walk: Walk) -> None:
    outcome, asked = await walk("budgeted", {"pairs": _pairs(SOUND, SOUND)}, parameters={"rows": 1})

    assert asked[0].messages[1].content.startswith("Up to 1 questions")
    assert outcome.refused.reason == "pairs_wrong_shape"


async def test_budgeted_answer_that_was_cut_off_keeps_its_whole_rows(walk: Walk) -> None:
    outcome, _ = await walk("budgeted", {"pairs": _pairs(SOUND, SOUND)[:-40]})

    assert [row.content["prompt"] for row in outcome.rows] == [SOUND[0]]


def test_budgets_sections_in_the_docs_are_sound_parameters() -> None:
    page = (RECIPES.parent / "docs" / "recipes.md").read_text()
    sections: dict[str, Any] = yaml.safe_load(
        page.partition("## On a budget")[2].partition("```yaml\n")[2].partition("```")[0]
    )
    params = yaml.safe_load(Path(RECIPES.parent / "params.yaml").read_text())
    for name, values in sections.items():
        params[name] = {**params[name], **values}

    found = parse(Params, params, "docs")

    assert (found.generate.recipe, found.compose.mix.synthetic_share, found.budget.usd) == ("budgeted", 0.9, 400)
