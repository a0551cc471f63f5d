"""Measures that are only read, against numbers worked out by hand."""

import numpy as np
import pytest

from gristmill.health.encoded import Dictionary
from gristmill.health.surface import compression_ratio, distinct_n, duplicate_rate, length_divergence, self_bleu


def encoded(*texts):
    return Dictionary().encode([text.split() for text in texts])


def test_distinct_n_counts_no_ngram_across_texts():
    texts = encoded("a b a b", "b a")

    assert distinct_n(texts, 1) == pytest.approx(2 / 6)
    assert distinct_n(texts, 2) == pytest.approx(2 / 4)
    assert distinct_n(texts, 3) == 1.0
    assert distinct_n(texts, 5) == 0.0


def test_compression_ratio_rises_with_repetition():
    varied = [f"line {number * 7919 % 1009} of text" for number in range(200)]

    assert compression_ratio(varied[:1] * 200) > 5 * compression_ratio(varied)


def test_duplicate_rate_counts_every_repeat_after_the_first():
    assert duplicate_rate(["a", "b", "a", "a"]) == 0.5


def test_self_bleu_of_copies_is_one():
    assert self_bleu(encoded(*["the cat sat on the mat"] * 4)) == pytest.approx(1)


def test_self_bleu_is_the_clipped_precision_against_the_other_texts():
    found = self_bleu(encoded("a b c d", "a b c e"))

    # each: 3 of 4 words, 2 of 3 pairs, 1 of 2 triples, 0.1 of 1 run of four; equal lengths, no penalty
    assert found == pytest.approx((3 / 4 * 2 / 3 * 1 / 2 * 0.1) ** 0.25)


def test_self_bleu_does_not_take_a_text_as_its_own_reference():
    # "a a" matches one a of the other text, which in turn is matched once
    found = self_bleu(encoded("a a", "a b"))

    first, second = (1 / 2 * 0.1) ** 0.5, (1 / 2 * 0.1) ** 0.5
    assert found == pytest.approx((first + second) / 2)


def test_length_divergence_is_zero_for_equal_and_one_for_disjoint_lengths():
    lengths = np.array([3, 3, 10])

    assert length_divergence(lengths, lengths[::-1]) == 0
    assert length_divergence(lengths, np.array([100, 200])) == pytest.approx(1)


def test_length_divergence_of_half_shared_lengths_is_as_by_hand():
    # p = (1/2, 1/2), q = (1, 0) over two bins, mean (3/4, 1/4)
    expected = (0.5 * np.log2(0.5 / 0.75) + 0.5 * np.log2(0.5 / 0.25) + np.log2(1 / 0.75)) / 2

    assert length_divergence(np.array([1, 100]), np.array([1, 1])) == pytest.approx(expected)
