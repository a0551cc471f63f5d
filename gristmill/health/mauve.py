"""MAUVE: the area under the curve on which two distributions trade their divergences from a mixture of both.

    R(t) = t P + (1 - t) Q;  the curve { (exp(-c KL(Q|R)), exp(-c KL(P|R))) : 0 < t < 1 }, c = 5

P and Q are histograms of the two sets over the same clusters of their vectors. 1 for equal
distributions, near 0 for those with nothing in common. Pillutla et al. 2021, arXiv 2102.01454.
"""

import numpy as np

from gristmill.health.encoded import Floats, Ints
from gristmill.health.neighbours import Vectors, squared_distances

SCALE = 5.0
_ROWS_PER_CLUSTER = 10
_ROUNDS = 8
_MIXTURES = np.linspace(1e-6, 1 - 1e-6, 25)


def mauve(real: Vectors, candidate: Vectors, rng: np.random.Generator) -> float:
    """MAUVE of two sets of vectors of the same size, quantised to a tenth as many clusters as a set has rows."""
    clusters = clustered(np.vstack([real, candidate]), max(2, len(real) // _ROWS_PER_CLUSTER), rng)
    used = int(clusters.max()) + 1
    p = np.bincount(clusters[: len(real)], minlength=used) / len(real)
    q = np.bincount(clusters[len(real) :], minlength=used) / len(candidate)
    return area(p, q)


def area(p: Floats, q: Floats) -> float:
    """The area under the divergence curve of two histograms, its ends carried to the axes."""
    points = [(1.0, 0.0)]
    for t in _MIXTURES:
        r = t * p + (1 - t) * q
        points.append((float(np.exp(-SCALE * _kl(q, r))), float(np.exp(-SCALE * _kl(p, r)))))
    curve = np.array([*points, (0.0, 1.0)])
    return float(-np.trapezoid(curve[:, 1], curve[:, 0]))


def clustered(vectors: Vectors, clusters: int, rng: np.random.Generator) -> Ints:
    """The cluster of each row, by Lloyd's k-means, begun at rows drawn by `rng`; a centre left without rows stays."""
    centres = vectors[np.sort(rng.permutation(len(vectors))[:clusters])]
    for _ in range(_ROUNDS):
        nearest = squared_distances(vectors, centres).argmin(axis=1)
        belongs = (nearest == np.arange(len(centres))[:, None]).astype(np.float32)
        counts = belongs.sum(axis=1)[:, None]
        centres = np.where(counts > 0, belongs @ vectors / np.maximum(counts, 1), centres)
    final: Ints = squared_distances(vectors, centres).argmin(axis=1)
    return final


def _kl(p: Floats, r: Floats) -> float:
    used = p > 0
    return float(np.sum(p[used] * np.log(p[used] / r[used])))
