"""What the grammar of a statement offers: openings and answers, as pairs."""

import pytest

from gristmill.recipes.questions.facts import facts, nth_fact
from gristmill.recipes.questions.grammar import needed, pairs


@pytest.mark.parametrize(
    ("statement", "offered"),
    [
        (
            "If the disk is full, the database refuses new writes.",
            [("What happens if the disk", "the database refuses new writes")],
        ),
        (
            "When a name is not found at all, a `NameError` exception is raised.",
            [("What happens when a name is", "a `NameError` exception is raised")],
        ),
        (
            "Log files are stored in the `/var/log` directory.",
            [("Where are log files", "in the `/var/log` directory")],
        ),
        ("A router is a device that forwards packets.", [("What is a router", "a device that forwards packets")]),
        (
            "Objects can customize their truth value by providing a `__bool__()` method.",
            [("How can objects", "by providing a `__bool__()` method")],
        ),
        (
            "The archive file must begin with a four-byte header.",
            [],
        ),
        (
            "The `TypeError` exception is raised when the two operands have different types.",
            [
                ("When is the `TypeError` exception", "when the two operands have different types"),
                ("Which exception is", "the `TypeError` exception"),
            ],
        ),
        ("A list contains items, which are kept in order.", [("What does a list", "items")]),
    ],
)
def test_pairs_open_a_question_and_answer_it_with_part_of_the_statement(
    statement: str, offered: list[tuple[str, str]]
) -> None:
    assert [(pair.opening, pair.answer) for pair in pairs(statement)] == offered


@pytest.mark.parametrize(
    "statement",
    [
        "It does not matter which of them is taken first.",
        "Where a name is bound, it can be used.",
        "If one is given, which is then used as the default value.",
    ],
)
def test_statement_whose_grammar_is_not_plain_offers_nothing(statement: str) -> None:
    assert pairs(statement) == []


def test_needed_is_the_whole_condition_or_else_the_verb() -> None:
    assert needed("If the disk is full, writes fail.", "What happens if the disk") == {"disk", "full"}
    assert needed("Log files are stored in a folder.", "Where are log files") == {"stor"}


PASSAGE = (
    "A router is a device that forwards packets between networks. Log files are stored in the `/var/log` directory."
)


def test_facts_are_numbered_for_the_draws_and_end() -> None:
    first, second = nth_fact(PASSAGE, 0), nth_fact(PASSAGE, 1)
    assert (first.opening, second.opening) == ("What is a router", "Where are log files")
    assert first.evidence == "A router is a device that forwards packets between networks."
    assert nth_fact(PASSAGE, 2) is None
    assert list(facts(PASSAGE)) == [first, second]
