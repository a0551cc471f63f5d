"""Word frequencies of a candidate against those of real text of the same number of words."""

import numpy as np

from gristmill.health.encoded import Encoded

RARE = 2
"""A type (distinct word) is in the tail of a set when it occurs at most so often in it."""


def unigram_kl(real: Encoded, candidate: Encoded) -> float:
    """Sum of r log2(r / s) over the types of both sets, in bits; counts of both raised by 1/2.

    Kullback and Leibler 1951; the half is Krichevsky and Trofimov's (1981) estimate.
    """
    size = 1 + max(real.ids.max(initial=0), candidate.ids.max(initial=0))
    r, s = np.bincount(real.ids, minlength=size), np.bincount(candidate.ids, minlength=size)
    used = (r + s) > 0
    p, q = (r[used] + 0.5), (s[used] + 0.5)
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum(p * np.log2(p / q)))


def tail_coverage(real: Encoded, candidate: Encoded) -> float:
    """Share of the types that occur at most twice in the real set which occur in the candidate at all.

    Tails go first: Shumailov et al. 2024, Nature 631:755. 1 when the real set has no rare types.
    """
    size = 1 + max(real.ids.max(initial=0), candidate.ids.max(initial=0))
    r, s = np.bincount(real.ids, minlength=size), np.bincount(candidate.ids, minlength=size)
    rare = (r > 0) & (r <= RARE)
    return float((s[rare] > 0).mean()) if rare.any() else 1.0


def types(texts: Encoded) -> int:
    """Distinct words: comparable only between sets of the same number of words."""
    return len(np.unique(texts.ids))


def tail_mass(texts: Encoded) -> float:
    """Share of the words whose type occurs at most twice. Blind to collapse: a tail of other words is a tail too."""
    counts = np.bincount(texts.ids)
    return float(counts[counts <= RARE].sum() / max(1, counts.sum()))
