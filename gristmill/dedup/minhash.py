"""MinHash: 14 bands of 8 minima, as FineWeb has them; two texts that share a band are looked at more closely.

Broder 1997; Leskovec et al., Mining of Massive Datasets, section 3.4. Two texts of Jaccard similarity j share a band
with probability 1 - (1 - j^8)^14: 0.56 at 0.7, 0.92 at 0.8, 0.9996 at 0.9. The step lies at (1/14)^(1/8) = 0.72.

The i-th order of the shingles is that of h * a_i modulo 2^32, h their 32-bit hash and a_i odd (Dietzfelbinger et al.
1997): the minima of 112 such orders estimate the similarity with the mean and the spread of 112 independent ones.
"""

import numpy as np
import numpy.typing as npt

from gristmill.dedup.shingles import Sets, mixed
from gristmill.stretches import Hashes

BANDS = 14
ROWS = 8
STEP = (1 / BANDS) ** (1 / ROWS)

Minima = npt.NDArray[np.uint32]

_RANDOM = np.random.Generator(np.random.PCG64(14 * 8))
_FACTORS = _RANDOM.integers(0, 1 << 32, size=BANDS * ROWS, dtype=np.uint32) | np.uint32(1)
_WEIGHTS = _RANDOM.integers(0, 1 << 63, size=ROWS // 2, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_BAND_SEEDS = _RANDOM.integers(0, 1 << 63, size=BANDS, dtype=np.uint64)
_BLOCK_SHINGLES = 1 << 14


def catch_probability(similarity: float) -> float:
    """The probability that two texts of this Jaccard similarity share a band."""
    return float(1 - (1 - similarity**ROWS) ** BANDS)


def minima(sets: Sets) -> Minima:
    """The 112 minima of each set, one set a row. Every set has at least one member."""
    found = np.empty((len(sets.borders) - 1, BANDS * ROWS), dtype=np.uint32)
    for first, last in _blocks(sets):
        start = sets.borders[first]
        members = sets.members[start : sets.borders[last]]
        starts = sets.borders[first:last] - start
        product = np.empty_like(members)
        for column, factor in enumerate(_FACTORS):
            np.multiply(members, factor, out=product)
            found[first:last, column] = np.minimum.reduceat(product, starts)
    return found


def band_hashes(signatures: Minima) -> Hashes:
    """The 14 bands of each signature as 64-bit hashes, one signature a row: equal minima differ from band to band."""
    pairs = signatures.view(np.uint64).reshape(len(signatures), BANDS, ROWS // 2)
    return mixed((pairs * _WEIGHTS).sum(axis=2, dtype=np.uint64) + _BAND_SEEDS)


def _blocks(sets: Sets) -> list[tuple[int, int]]:
    """Runs of sets whose members fit into the processor's cache together; a larger set is a run of its own."""
    count = len(sets.borders) - 1
    blocks, first = [], 0
    while first < count:
        last = int(np.searchsorted(sets.borders, sets.borders[first] + _BLOCK_SHINGLES, side="right")) - 1
        last = min(max(last, first + 1), count)
        blocks.append((first, last))
        first = last
    return blocks
