"""The Vendi score: the effective number of different texts in a set.

    exp(- sum l log l), l the eigenvalues of X'X / n, rows of X of length 1

which are those of the cosine similarity matrix XX' / n, apart from zeros. n copies of one text
score 1, n orthogonal texts n. Friedman and Dieng 2022, arXiv 2210.02410.
"""

import numpy as np

from gristmill.health.neighbours import Vectors


def vendi(vectors: Vectors) -> float:
    """The score of rows of length 1."""
    rows = vectors.astype(np.float64)
    values = np.linalg.eigvalsh(rows.T @ rows / len(rows) if rows.shape[1] < len(rows) else rows @ rows.T / len(rows))
    values = values[values > 1e-12]
    return float(np.exp(-np.sum(values * np.log(values))))
