"""Measures that count words, against numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.health.encoded import BEFORE, Dictionary
from gristmill.health.frequencies import tail_coverage, tail_mass, types, unigram_kl
from gristmill.health.measures import same_words
from gristmill.health.ngram import train


def encoded(*texts, dictionary=None):
    return (dictionary or Dictionary()).encode([text.split() for text in texts])


def pair(real, candidate):
    dictionary = Dictionary()
    return encoded(*real, dictionary=dictionary), encoded(*candidate, dictionary=dictionary)


def test_encoded_words_before_do_not_cross_texts():
    found = encoded("a b c", "b a")

    assert found.ids.tolist() == [1, 2, 3, 2, 1]
    assert found.before(1).tolist() == [BEFORE, 1, 2, BEFORE, 2]
    assert found.before(2).tolist() == [BEFORE, BEFORE, 1, BEFORE, BEFORE]


def test_encoded_cut_takes_rows_in_order_and_their_first_words():
    found = encoded("a b c", "d", "e f").cut(np.array([2, 0]), np.array([1, 2]))

    assert (found.ids.tolist(), found.bounds.tolist()) == ([5, 1, 2], [0, 1, 3])


def test_unigram_kl_on_three_words_is_as_by_hand():
    real, candidate = pair(["a a a b"], ["a b b c"])

    # raised by 1/2: real 3.5 1.5 0.5 of 5.5, candidate 1.5 2.5 1.5 of 5.5
    expected = (3.5 * np.log2(3.5 / 1.5) + 1.5 * np.log2(1.5 / 2.5) + 0.5 * np.log2(0.5 / 1.5)) / 5.5
    assert unigram_kl(real, candidate) == pytest.approx(expected, abs=1e-12)
    assert unigram_kl(real, real) == 0


def test_tail_coverage_asks_only_for_words_that_are_rare_in_the_real_text():
    real, candidate = pair(["the the the cat cat sat mat"], ["cat cat slept"])

    assert tail_coverage(real, candidate) == pytest.approx(1 / 3)


def test_tail_coverage_without_rare_words_is_complete():
    real, candidate = pair(["a a a"], ["b"])

    assert tail_coverage(real, candidate) == 1.0


def test_types_and_tail_mass_count_words():
    found = encoded("a a a b c c")

    assert types(found) == 3
    assert tail_mass(found) == 0.5


def test_same_words_cuts_the_longer_set_inside_a_text():
    a, b = same_words(*pair(["a b", "c d e"], ["f g h"]))

    assert (a.ids.tolist(), a.bounds.tolist()) == ([1, 2, 3], [0, 2, 3])
    assert b.ids.tolist() == [6, 7, 8]


def test_cross_entropy_is_the_interpolation_by_hand():
    dictionary = Dictionary()
    training, test = encoded("a b", "a c", dictionary=dictionary), encoded("a b", dictionary=dictionary)

    # "a" begins every text; "b" is one of two words after "a", and one of four words
    first = 0.5 * 1 + 0.35 * 1 + 0.149 * 0.5 + 0.001 / 3
    second = 0.5 * 0.5 + 0.35 * 0.5 + 0.149 * 0.25 + 0.001 / 3
    expected = -(np.log2(first) + np.log2(second)) / 2
    assert train(training, dictionary.size).cross_entropy(test) == pytest.approx(expected, abs=1e-12)


def test_cross_entropy_of_a_word_never_seen_is_finite():
    dictionary = Dictionary()
    training, test = encoded("a a", dictionary=dictionary), encoded("z", dictionary=dictionary)

    assert train(training, dictionary.size).cross_entropy(test) == pytest.approx(-np.log2(0.001 / 2))


@given(texts=st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=8))
def test_probabilities_after_any_context_add_up_to_one(texts):
    dictionary = Dictionary()
    model = train(encoded(*texts, dictionary=dictionary), dictionary.size)
    vocabulary = dictionary.words()[1:]

    for context in ("a b", "d d", ""):
        rows = [f"{context} {word}".split() for word in vocabulary]
        known = dictionary.encode(row for row in rows if all(word in vocabulary for word in row))
        if len(known) == len(rows):
            last = model.probabilities(known)[known.bounds[1:] - 1]
            assert last.sum() == pytest.approx(1, abs=1e-9)
