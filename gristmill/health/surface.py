"""Measures that are read, not gated on: under collapse they are weak, blind, or point the wrong way."""

import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from gristmill.health.encoded import Encoded, Floats, Ints

_ORDERS = (1, 2, 3, 4)
_SMOOTHING = 0.1


def compression_ratio(texts: Sequence[str]) -> float:
    """Bytes over compressed bytes (DEFLATE); repetition raises it. Shaib et al. 2024, arXiv 2403.00553."""
    raw = "\n".join(texts).encode()
    return len(raw) / len(zlib.compress(raw))


def distinct_n(texts: Encoded, n: int) -> float:
    """Distinct n-grams over n-grams, none across texts; 0 without any. Li et al. 2016, arXiv 1510.03055."""
    grams = _grams(texts, n)
    return len(np.unique(grams)) / len(grams) if len(grams) else 0.0


def duplicate_rate(texts: Sequence[str]) -> float:
    """Share of the texts that another text before them repeats word for word."""
    return 1 - len(set(texts)) / len(texts)


def self_bleu(texts: Encoded) -> float:
    """Mean BLEU-4 of each text with all others as its references. Zhu et al. 2018, arXiv 1802.01886.

    An order without a match counts as 0.1 matches (Chen and Cherry 2014, method 1); texts of under four words
    are scored on the orders they have. Quadratic in nothing, but in Python: give it a sample.
    """
    rows = [texts.ids[a:b].tolist() for a, b in zip(texts.bounds[:-1], texts.bounds[1:], strict=True)]
    grams = [[Counter(zip(*(row[i:] for i in range(n)), strict=False)) for row in rows] for n in _ORDERS]
    most = [_two_highest(of_order) for of_order in grams]
    lengths = texts.lengths
    scores = [
        _brevity(lengths, i) * _precision([order[i] for order in grams], most) for i in range(len(rows)) if rows[i]
    ]
    return float(np.mean(scores)) if scores else 0.0


def length_divergence(real: Ints, candidate: Ints) -> float:
    """Jensen-Shannon divergence (Lin 1991) of two sets of lengths, in bits: 0 when alike, 1 when nothing is shared.

    Bins are half octaves: 1, 2, 3, 4-5, 6-7, 8-11, ... words.
    """
    a, b = (np.floor(2 * np.log2(np.maximum(lengths, 1))).astype(np.int64) for lengths in (real, candidate))
    bins = 1 + max(a.max(), b.max())
    p, q = np.bincount(a, minlength=bins) / len(a), np.bincount(b, minlength=bins) / len(b)
    return (_kl_to_mean(p, q) + _kl_to_mean(q, p)) / 2


def _kl_to_mean(p: Floats, q: Floats) -> float:
    used = p > 0
    return float(np.sum(p[used] * np.log2(2 * p[used] / (p[used] + q[used]))))


def _grams(texts: Encoded, n: int) -> Ints:
    """A number for each n-gram, equal for equal ones."""
    ranks = texts.ids
    inside = np.arange(len(texts.ids)) - np.repeat(texts.bounds[:-1], texts.lengths)
    for back in range(1, n):
        _, ranks = np.unique(ranks * (int(texts.ids.max(initial=0)) + 1) + texts.before(back), return_inverse=True)
    return ranks[inside >= n - 1]


_Gram = tuple[int, ...]
_Highest = dict[_Gram, tuple[int, int]]


def _two_highest(counters: Sequence[Counter[_Gram]]) -> _Highest:
    """The highest and second highest count that one text gives each n-gram."""
    highest: _Highest = {}
    for counter in counters:
        for gram, count in counter.items():
            first, second = highest.get(gram, (0, 0))
            highest[gram] = (count, first) if count > first else (first, max(second, count))
    return highest


def _precision(grams: Sequence[Counter[_Gram]], most: Sequence[_Highest]) -> float:
    """Geometric mean of the clipped precisions; the text itself is no reference of its own."""
    logs = []
    for counter, highest in zip(grams, most, strict=True):
        matches = 0
        for gram, count in counter.items():
            first, second = highest[gram]
            matches += min(count, second if count == first else first)
        if counter:
            logs.append(np.log(max(matches, _SMOOTHING) / counter.total()))
    return float(np.exp(np.mean(logs)))


def _brevity(lengths: Ints, row: int) -> float:
    """BLEU's penalty against the other text whose length is nearest."""
    others = np.delete(lengths, row)
    own = int(lengths[row])
    nearest = int(others[np.abs(others - own).argmin()]) if len(others) else own
    return float(min(1.0, np.exp(1 - nearest / own)))
