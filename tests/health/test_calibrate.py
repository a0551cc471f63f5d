"""The verdict on two sets: silent on real text, loud on collapse, mute on too little."""

import numpy as np
import pytest

from gristmill.health.calibrate import MIN_ROWS, Verdict, compare
from gristmill.health.measures import GATING, KINDS, Name
from gristmill.health.prepare import first_words, prepare

FAST = {"splits": 12, "draws": 2, "report": False}


def deviation(judgement, name):
    return next(reading.deviation for reading in judgement.readings if reading.measure is name)


def test_compare_of_real_with_real_passes(thirds):
    found = compare(thirds[1] + thirds[2], thirds[0])

    assert found.verdict is Verdict.PASS
    assert found.largest < found.bound
    assert {reading.measure for reading in found.readings} == set(Name)
    assert not found.moved


def test_compare_of_the_first_generation_written_trips_and_names_what_moved(thirds, collapsing):
    found = compare(thirds[1] + thirds[2], collapsing[1], **FAST)

    assert found.verdict is Verdict.TRIP
    assert found.largest == found.moved[0].deviation > found.bound
    assert {Name.CROSS_ENTROPY, Name.KL, Name.TAIL_COVERAGE} <= {reading.measure for reading in found.moved}
    assert all(reading.gates for reading in found.moved)


def test_compare_finds_each_generation_worse_than_the_one_before(thirds, collapsing):
    judged = [compare(thirds[1] + thirds[2], collapsing[number], **FAST) for number in (0, 1, 3, 6)]

    for name in (Name.CROSS_ENTROPY, Name.KL, Name.TAIL_COVERAGE, Name.TYPES):
        moves = [deviation(found, name) for found in judged]
        assert moves == sorted(moves), name


def test_compare_of_one_text_over_and_over_trips_though_precision_is_perfect(thirds):
    found = compare(thirds[1] + thirds[2], thirds[0][:1] * 400, **FAST)

    assert found.verdict is Verdict.TRIP
    assert next(r.value for r in found.readings if r.measure is Name.VENDI) < 0.1


def test_compare_is_the_same_for_the_same_seed(thirds):
    one, again, other = (
        compare(thirds[1] + thirds[2], thirds[0], seed=seed, splits=4, draws=1, report=False) for seed in (1, 1, 2)
    )

    assert one == again
    assert one != other


def test_compare_of_too_few_rows_is_unmeasured_and_says_how_many_are_needed(thirds):
    found = compare(thirds[1], thirds[0][: MIN_ROWS - 1])

    assert found.verdict is Verdict.UNMEASURED
    assert found.readings == ()
    assert np.isnan([found.largest, found.bound]).all()
    assert found.needs == f"200 rows in the candidate and 400 in the reference; found 199 and {len(thirds[1])}"


def test_compare_of_too_few_words_is_unmeasured_and_says_how_many_rows_are_needed(thirds):
    found = compare(thirds[1], ["hello world"] * 250)

    assert found.verdict is Verdict.UNMEASURED
    assert "at 2.0 words a row" in found.needs
    assert "1,000 rows in the candidate and 2,000 in the reference; 250 could be compared" in found.needs


def test_compare_does_not_take_shorter_texts_for_poorer_ones(thirds):
    short = [first_words(text, max(3, len(text.split()) * 2 // 3)) for text in thirds[0]]

    found = compare(thirds[1] + thirds[2], short, splits=20, draws=4)

    assert found.verdict is Verdict.PASS
    assert deviation(found, Name.LENGTHS) > 10


def test_prepare_gives_both_sets_the_same_lengths():
    real, made, _ = prepare(["a b c d e", "a b"], ["c", "x y z"], lambda texts: np.zeros((len(texts), 2)))

    assert real.texts == ["a b c", "a"]
    assert sorted(real.words.lengths) == sorted(made.words.lengths) == [1, 3]
    assert real.lengths.tolist() == [5, 2]


@pytest.mark.parametrize(("count", "expected"), [(0, ""), (2, 'A "word'), (9, 'A "word", a.word!')])
def test_first_words_keeps_what_stands_between_them(count, expected):
    assert first_words('A "word", a.word!', count) == expected.removesuffix("!")


def test_what_misleads_under_collapse_does_not_gate():
    silent = {Name.PRECISION, Name.DENSITY, Name.DISTINCT, Name.COMPRESSION, Name.LENGTHS, Name.DUPLICATES}

    assert len(GATING) == 8
    assert not any(KINDS[name].gates for name in silent)
