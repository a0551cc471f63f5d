"""Hashes of stretches of a sequence: the words of a text, its lines, its n-grams, many texts at once.

`Stretches` gives the hash of any stretch of a sequence of numbers: a polynomial modulo 2^64, whose running sum makes a
stretch one subtraction and one multiplication.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_SPREAD = np.uint64(0xD6E8FEB86659FD93)


@cache
def _byte_values() -> Hashes:
    """A fixed number for each byte, far from each other."""
    return np.random.default_rng(2021).integers(1, 1 << 63, size=256, dtype=np.uint64)


def hash_values(data: npt.NDArray[np.uint8]) -> Hashes:
    """Bytes as numbers for `Stretches`."""
    found: Hashes = _byte_values()[data]
    return found


class _Powers:
    """Powers of a number modulo 2^64, as far as they were needed yet."""

    def __init__(self, base: int) -> None:
        self._base = np.uint64(base)
        self._known = np.ones(1, dtype=np.uint64)

    def upto(self, count: int) -> Hashes:
        if len(self._known) < count:
            powers = np.full(count, self._base, dtype=np.uint64)
            powers[0] = 1
            self._known = np.multiply.accumulate(powers)
        return self._known[:count]


_UP, _DOWN = _Powers(_BASE), _Powers(_INVERSE)


class Stretches:
    """Hashes of any stretch of the values."""

    def __init__(self, values: Hashes) -> None:
        self._running = np.zeros(len(values) + 1, dtype=np.uint64)
        np.cumsum(values * _UP.upto(len(values)), out=self._running[1:])

    def between(self, start: Ints, end: Ints) -> Hashes:
        """Equal values between start (in) and end (out) have equal hashes, wherever they stand."""
        hashes = (self._running[end] - self._running[start]) * _DOWN.upto(len(self._running))[start]
        found: Hashes = (hashes ^ (hashes >> np.uint64(32))) * _SPREAD
        return found
