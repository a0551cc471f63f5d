"""The functions that recipes call."""

import pytest

from gristmill.recipes.functions import (
    FUNCTIONS,
    as_json,
    between,
    draw_from,
    jaccard,
    last_number,
    mean,
    numbered,
    one_line,
    opens_with,
    overlap,
    phrases_in,
    pick,
    similarity,
)


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


def test_draw_from_gives_different_options_the_same_each_time() -> None:
    options = ["a", "b", "c", "d"]
    drawn = draw_from(options, 3, "seed")
    assert len(set(drawn)) == 3
    assert draw_from(options, 3, "seed") == drawn
    assert sorted(draw_from(options, 9)) == options
    assert any(draw_from(options, 3, str(i)) != drawn for i in range(9))


def test_mean_of_numbers() -> None:
    assert mean([1, 2, 6]) == 3.0


def test_between_takes_what_stands_after_the_last_start() -> None:
    assert between("a <b> x </b> <b> y </b> z", "<b>", "</b>") == "y"
    assert between("Answer: 4", "Answer:", "\n") == "4"
    assert between("none", "<b>", "</b>") == ""


def test_last_number_reads_thousands_signs_and_fractions() -> None:
    assert last_number("from 3 to 1,234.5 and -7") == "-7"
    assert last_number("it costs 1,234.50.") == "1234.50"
    assert last_number("none") == ""


def test_similarity_is_one_for_the_same_words_and_half_for_half_of_them() -> None:
    assert similarity("The cat sat", "the cat sat") == 1.0
    assert similarity("the cat sat down", "the dog sat up") == 0.5
    assert similarity("", "x") == 0.0


def test_as_json_is_one_line() -> None:
    assert as_json({"a": [1, "x"]}) == '{"a":[1,"x"]}'


@pytest.mark.parametrize(
    ("text", "right", "same"),
    [
        ("So it is 1,200.", "1200", True),
        ("41", "42", False),
        (" Paris.", "paris", True),
        ("Rome", "Paris", False),
        ("", "", False),
    ],
)
def test_same_answer_compares_numbers_or_words(text: str, right: str, same: bool) -> None:
    assert FUNCTIONS["same_answer"](text, right) is same


def test_jaccard_counts_words_once_and_in_any_order() -> None:
    assert jaccard("A nurse, a nurse!", "nurse a old") == pytest.approx(2 / 3)
    assert jaccard("", "...") == 0.0


def test_opens_with_looks_at_the_beginning_alone() -> None:
    assert opens_with("  Sure, here it is.", ["sure,", "of course"])
    assert not opens_with("Make sure, please.", ["sure,"])


def test_phrases_in_finds_whole_words_across_marks() -> None:
    assert phrases_in("Go to the MAP; draw.", ["map", "go to", "go the", "dra"]) == ["map", "go to"]


def test_numbered_gives_each_text_one_line() -> None:
    assert numbered(["One\n two.", "Three."]) == "[1] One two.\n[2] Three."
