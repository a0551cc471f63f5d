"""The functions that recipes call."""

import pytest

from gristmill.recipes.functions import FUNCTIONS, one_line, overlap, pick


def test_pick_depends_on_content_alone() -> None:
    options = ["a", "b", "c", "d"]
    assert [pick(options, "seed", draw) for draw in range(8)] == [pick(options, "seed", draw) for draw in range(8)]
    assert {pick(options, "seed", draw) for draw in range(40)} == set(options)


def test_pick_from_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to pick from"):
        pick([])


def test_one_line_folds_white_space() -> None:
    assert one_line(" a\n  b\t c ") == "a b c"


def test_overlap_is_the_share_of_content_words() -> None:
    assert overlap("The red cat", "A cat is red.") == 1.0
    assert overlap("The red dog", "A cat is red.") == 0.5
    assert overlap("of the", "A cat is red.") == 0.0


def test_every_function_is_documented() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
    assert [name for name in FUNCTIONS if f"`{name}(" not in text] == []
