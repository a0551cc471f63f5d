"""Recipes that make text of another form from a passage: rephrase, textbook, nemotron-cc, finephrase."""

import pytest

from tests.recipes.library.conftest import PASSAGE, Walk

EASY = (
    "Think of a list of small jobs for a database. Either it does all the jobs, or it does none of them. It first "
    "writes in a diary what it will change. If the light goes out, it reads the diary and takes back the jobs that "
    "were not done. "
    "A lock lets only one list change a row. When two lists wait for each other, one must start again."
)
PAIRS = (
    "Question: What does a transaction group?\n"
    "Answer: A transaction groups several statements so that all take effect or none.\n"
    "Question: When is the log read again?\n"
    "Answer: The log is read again at the next start, and what was not committed is undone."
)


async def test_rephrase_gives_each_draw_another_style(walk: Walk) -> None:
    asked = [(await walk("rephrase", {"text": EASY}, draw=draw))[1][0].messages[-1].content for draw in range(5)]

    assert [text.splitlines()[0].split("below ")[1].split()[0] for text in asked[:4]] == ["for", "in", "for", "as"]
    assert asked[4] == asked[0]
    assert all(text.endswith(PASSAGE) for text in asked)


async def test_rephrase_gives_text_for_pre_training(walk: Walk) -> None:
    outcome, _ = await walk("rephrase", {"text": f"  {EASY}\n"})

    assert outcome.output["response"] == EASY
    assert outcome.output["context"] == PASSAGE


@pytest.mark.parametrize(
    ("answer", "draw", "reason"),
    [
        ("Databases are fun.", 0, "text_too_short"),
        (EASY * 6, 0, "text_too_long"),
        (PASSAGE, 0, "text_copied"),
        (f"Here is the text: {EASY}", 0, "text_talks_about_itself"),
        (EASY, 3, "text_no_pairs"),
    ],
)
async def test_rephrase_refuses(walk: Walk, answer: str, draw: int, reason: str) -> None:
    outcome, _ = await walk("rephrase", {"text": answer}, draw=draw)

    assert outcome.refused.reason == reason


PAGE = f"Every database must survive a power cut. {EASY} " * 3


async def test_textbook_takes_its_topic_from_the_first_thousand_characters(walk: Walk) -> None:
    outcome, asked = await walk("textbook", {"page": PAGE}, passage=PASSAGE + " filler" * 500, draw=1)

    assert len(outcome.fields["excerpt"]) == 1000
    assert "Write a short story" in asked[0].messages[0].content
    assert outcome.output["response"] == PAGE.strip()
    assert outcome.output["prompt"].startswith("Write a short story in which people meet this subject")


async def test_textbook_that_mentions_its_extract_is_written_again(walk: Walk) -> None:
    outcome, asked = await walk("textbook", {"page": [f"This extract tells much. {PAGE}", PAGE]})

    assert (
        "page_mentions_extract" in asked[1].messages[-1].content or "mentions_extract" in asked[1].messages[-1].content
    )
    assert outcome.output["response"] == PAGE.strip()


async def test_textbook_off_its_topic_is_refused_after_one_more_try(walk: Walk) -> None:
    cooking = "Boil the potatoes, then add butter, and serve them hot with parsley and a glass of milk. " * 12
    outcome, asked = await walk("textbook", {"page": cooking})

    assert (outcome.refused.reason, len(asked)) == ("page_off_topic", 2)


async def test_nemotron_cc_turns_a_poor_text_into_encyclopedia_prose(walk: Walk) -> None:
    outcome, asked = await walk("nemotron-cc", {"grade": "1", "text": PASSAGE})

    assert [request.step for request in asked] == ["grade", "text"]
    assert outcome.fields["form"] == "encyclopedia"
    assert asked[1].sampling.temperature == 0.5
    assert asked[1].sampling.top_p == 0.9


@pytest.mark.parametrize(
    ("draw", "form", "answer"),
    [
        (0, "diverse_qa", PAIRS),
        (1, "distil", PASSAGE),
        (2, "extract", PASSAGE),
        (
            3,
            "knowledge_list",
            "- A transaction groups several statements.\n- The database writes each change to a log.",
        ),
    ],
)
async def test_nemotron_cc_uses_the_seeds_grade_and_gives_a_good_text_another_form_each_draw(
    walk: Walk, draw: int, form: str, answer: str
) -> None:
    outcome, asked = await walk("nemotron-cc", {"text": answer}, draw=draw, quality="4")

    assert [request.step for request in asked] == ["text"]
    assert outcome.fields["form"] == form
    assert outcome.output["response"] == answer


async def test_nemotron_cc_list_in_prose_is_asked_again_and_then_refused(walk: Walk) -> None:
    outcome, asked = await walk("nemotron-cc", {"text": PASSAGE}, draw=3, quality="5")

    assert (outcome.refused.reason, outcome.refused.kind, len(asked)) == ("text_no_list", "wrong_format", 2)


async def test_nemotron_cc_answer_from_elsewhere_is_not_grounded(walk: Walk) -> None:
    outcome, _ = await walk(
        "nemotron-cc", {"text": "Potatoes and butter make a cheap and warming supper."}, draw=1, quality="5"
    )

    assert outcome.refused.kind == "not_grounded"


TABLE = (
    "| Part | What the database does |\n|---|---|\n"
    "| transaction | groups several statements |\n| log | holds each change |\n"
    "A transaction needs the log. Without it nothing is undone."
)
MATH = "A log holds 12 statements of 3 transactions. How many each?\n12 / 3 = 4\nAnswer: 4"
FAQ = (
    "Q: What is a transaction?\nA: It groups several statements.\n"
    "Q: What is the log?\nA: The database writes each change to it.\n"
    "Q: What does a lock do?\nA: It keeps two transactions from changing the same row."
)
STEPS = (
    "You will group statements in a transaction.\n"
    "1. Begin a transaction; a lock is held.\n2. Commit; the log is read again at the next start."
)


@pytest.mark.parametrize(("draw", "answer"), [(0, MATH), (1, TABLE), (2, FAQ), (3, STEPS)])
async def test_finephrase_gives_each_draw_another_form(walk: Walk, draw: int, answer: str) -> None:
    outcome, _ = await walk("finephrase", {"text": answer}, draw=draw)

    assert outcome.output["response"] == answer


@pytest.mark.parametrize(
    ("draw", "reason"), [(0, "text_no_answer"), (1, "text_no_table"), (2, "text_no_pairs"), (3, "text_no_steps")]
)
async def test_finephrase_in_a_wrong_form_is_asked_again_and_then_refused(walk: Walk, draw: int, reason: str) -> None:
    outcome, asked = await walk("finephrase", {"text": EASY}, draw=draw)

    assert (outcome.refused.reason, len(asked)) == (reason, 2)
