"""Which sentences stand alone, and how they read as one line."""

import pytest

from gristmill.recipes.questions.statements import clean, stands_alone, statements


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ('The "with" statement\n   closes it.', "The `with` statement closes it."),
        ("A *suite* is **PEP 8** text.", "A suite is PEP 8 text."),
        ("It is called (see section Calls) now.", "It is called now."),
        ("A decimal-\npoint number, single- or double-quoted.", "A decimal-point number, single- or double-quoted."),
        ("The sequence\N{RIGHT SINGLE QUOTATION MARK}s length.", "The sequence's length."),
    ],
)
def test_clean_makes_one_line_with_code_between_backticks(raw: str, line: str) -> None:
    assert clean(raw) == line


@pytest.mark.parametrize(
    "line",
    [
        "A code block is executed in an execution frame.",
        "If the disk is full, the database refuses all new writes.",
        "The `lambda` keyword creates an anonymous function with one expression.",
    ],
)
def test_whole_sentence_that_names_its_subject_stands_alone(line: str) -> None:
    assert stands_alone(line)


@pytest.mark.parametrize(
    "line",
    [
        "A block is code.",  # too short
        "This is executed in a new frame each time again.",  # dangling
        "The rules are described in the section on naming and binding.",  # points away
        "The view is updated whenever an item of it is changed.",  # what view?
        "Return the length of the object that was given to it.",  # no subject
        "Several objects without any finite form or shape whatsoever.",  # no verb
        "The form `x < y` is < the form that was used before.",  # odd marks
        "The list (which is empty is returned by the function.",  # unbalanced
        "The function returns a list of all the names that",  # no end
    ],
)
def test_sentence_that_needs_its_context_does_not(line: str) -> None:
    assert not stands_alone(line)


def test_statements_are_verbatim_slices_of_prose_paragraphs() -> None:
    passage = (
        "Blocks\n******\n\n"
        'A code block is executed\nin an "execution frame" of its own.  It is a unit.\n\n'
        "   >>> A code block is executed in an execution frame.\n\n"
        "frame\n   A frame contains some administrative information about the running block.\n"
    )
    found = list(statements(passage))
    assert [each.line for each in found] == [
        "A code block is executed in an `execution frame` of its own.",
        "A frame contains some administrative information about the running block.",
    ]
    assert all(each.verbatim in passage for each in found)
