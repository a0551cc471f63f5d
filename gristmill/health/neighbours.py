"""Precision, recall, density and coverage: whether a candidate's vectors lie where the real ones do, and everywhere.

A ball is drawn round each point, as wide as the distance to its k-th nearest neighbour in its own set.

    precision = share of candidates inside some real ball         (rises or stays under collapse)
    recall    = share of real points inside some candidate's ball (falls)
    density   = mean number of real balls round a candidate, / k  (rises)
    coverage  = share of real balls with a candidate inside       (falls)

Naeem et al. 2020, arXiv 2002.09797; recall and precision after Kynkäänniemi et al. 2019, arXiv 1904.06991.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

NEIGHBOURS = 5
_SLACK = 1e-5
"""Squared distances nearer than this count as equal: arithmetic must not part copies."""


@dataclass(frozen=True)
class Prdc:
    """The four shares of one comparison; density may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: Vectors, candidate: Vectors, k: int = NEIGHBOURS) -> Prdc:
    """The four measures. Both sets need the same number of rows, more than k. Raises ValueError otherwise."""
    if len(real) != len(candidate) or len(real) <= k:
        raise ValueError(f"sets of equal size above {k} wanted, not {len(real)} and {len(candidate)}")
    between = squared_distances(real, candidate)
    real_ball, candidate_ball = _radii(real, k), _radii(candidate, k)
    inside_real = between <= real_ball[:, None] + _SLACK
    inside_candidate = between <= candidate_ball[None, :] + _SLACK
    return Prdc(
        precision=float(inside_real.any(axis=0).mean()),
        recall=float(inside_candidate.any(axis=1).mean()),
        density=float(inside_real.sum() / (k * len(candidate))),
        coverage=float(inside_real.any(axis=1).mean()),
    )


def squared_distances(a: Vectors, b: Vectors) -> Vectors:
    """Squared Euclidean distance of each row of `a` from each row of `b`."""
    distances: Vectors = a @ b.T
    distances *= -2
    distances += (a * a).sum(axis=1)[:, None]
    distances += (b * b).sum(axis=1)[None, :]
    np.maximum(distances, 0, out=distances)
    return distances


def _radii(points: Vectors, k: int) -> Vectors:
    """Squared distance of each point from its k-th nearest other."""
    distances = squared_distances(points, points)
    np.fill_diagonal(distances, np.inf)
    nearest: Vectors = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return nearest
