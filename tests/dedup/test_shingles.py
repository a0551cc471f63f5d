import pyarrow as pa
import pytest

from gristmill.dedup.shingles import jaccard, shingle_sets
from tests.dedup.texts import changed, passages, shingles, similarity


def sets_of(*texts):
    sets = shingle_sets(pa.array(texts, pa.string()))
    return [sets.members[a:b] for a, b in zip(sets.borders, sets.borders[1:], strict=False)]


def of_two(one, other):
    return jaccard(*sets_of(one, other))


def test_shingles_of_real_texts_are_as_many_as_by_the_definition():
    texts = passages(200)

    assert [len(found) for found in sets_of(*texts)] == [len(shingles(text)) for text in texts]


@pytest.mark.parametrize("places", [1, 2, 5, 20])
def test_jaccard_of_changed_texts_is_that_of_the_definition(places):
    for text in passages(50):
        other = changed(text, places)
        assert of_two(text, other) == pytest.approx(similarity(text, other), abs=1e-12)


def test_shingles_do_not_depend_on_the_texts_beside_them():
    texts = [*passages(20), "", None, "naïve “quotes” — and a dash, more words here"]
    together = sets_of(*texts)

    assert [found.tolist() for found in together] == [sets_of(text)[0].tolist() for text in texts]


def test_case_marks_and_white_space_make_no_difference():
    assert of_two("The quick, brown fox (it jumps)!", "the  QUICK brown\nfox: it “jumps”…") == 1.0


def test_composed_and_decomposed_letters_are_equal():
    assert of_two("le café est très près d'ici", "le cafe\u0301 est tre\u0300s pre\u0300s d'ici") == 1.0


def test_full_width_and_capital_letters_beyond_ascii_are_folded():
    assert of_two("\uff21\uff22\uff23 Ünder vier Augen gesagt", "abc ünder vier augen gesagt") == 1.0


def test_letters_of_scripts_without_blanks_are_words():
    one, other = "今日はとても良い天気ですね", "今日はとても良い天気でした"

    assert len(sets_of(one)[0]) == 9
    assert of_two(one, other) == pytest.approx(7 / 11)


def test_short_texts_are_alike_only_when_their_words_are():
    assert of_two("Two words", "two words!") == 1.0
    assert of_two("two words", "two other words") == 0.0
    assert of_two("one two three four", "one two three four five") == 0.0


def test_texts_without_words_resemble_none():
    assert [len(found) for found in sets_of("", " \n", "...!?", None)] == [0, 0, 0, 0]
    assert of_two("", "") == 0.0


def test_shingles_of_no_texts_are_none():
    assert sets_of() == []
