"""The chunks met so far, each measured once however often it comes.

All that the published filters count of a text, and that white space does not decide, is a sum over
its chunks (what stands between white space): words, marks, letters, beginnings and ends of sentences. So a text becomes
an array of chunk numbers, and its statistics are gathered from this table. The table forgets everything when it has
grown too large.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.filters.cut import Chunks
from gristmill.filters.measure import Count, Measured, measure
from gristmill.stretches import Hashes, Ints

MOST_CHUNKS = 1 << 19


class Vocabulary:
    """The chunks met so far, each with its counts; and the words of all of them, in one row."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._table: npt.NDArray[np.int64] = np.zeros((len(Count), 1 << 12), dtype=np.int64)
        self._size = 0
        self._words: Hashes = np.zeros(1 << 12, dtype=np.uint64)
        self._lengths: Ints = np.zeros(1 << 12, dtype=np.int64)
        self._word_count = 0

    @property
    def word_hashes(self) -> Hashes:
        """A hash of every word, in the order of `Count.FIRST_WORD`."""
        return self._words

    @property
    def word_lengths(self) -> Ints:
        """Characters of every word, in the same order."""
        return self._lengths

    def column(self, count: Count) -> Ints:
        """One count of all chunks, by number."""
        found: Ints = self._table[count]
        return found

    def numbers(self, hashes: list[int], gather: Callable[[Ints], Chunks]) -> Ints:
        """The number of each chunk, given its hash; `gather` is asked for those met for the first time, by place.

        Numbers hold until the next call.
        """
        if self._size > MOST_CHUNKS:
            self._numbers.clear()
            self._size = self._word_count = 0
        found = np.array([self._numbers.get(value, -1) for value in hashes], dtype=np.int64)
        new = np.flatnonzero(found < 0)
        if new.size:
            found[new] = self._size + np.arange(len(new))
            self._numbers.update(
                (hashes[place], number) for place, number in zip(new.tolist(), found[new].tolist(), strict=True)
            )
            self._add(measure(gather(new)))
        return found

    def _add(self, measured: Measured) -> None:
        first = self._word_count + np.cumsum(measured.counts[Count.WORDS]) - measured.counts[Count.WORDS]
        end, word_end = self._size + len(first), self._word_count + len(measured.words)
        self._table = _roomier(self._table, end)
        self._words, self._lengths = _roomier(self._words, word_end), _roomier(self._lengths, word_end)
        self._table[: Count.FIRST_WORD, self._size : end] = measured.counts
        self._table[Count.FIRST_WORD, self._size : end] = first
        self._words[self._word_count : word_end] = measured.words
        self._lengths[self._word_count : word_end] = measured.lengths
        self._size, self._word_count = end, word_end


def _roomier(array: npt.NDArray[Any], needed: int) -> npt.NDArray[Any]:
    """The array with room for `needed` entries along its last axis, at least doubled when it had to grow."""
    have = array.shape[-1]
    if needed <= have:
        return array
    wider = np.zeros((*array.shape[:-1], max(needed, 2 * have)), dtype=array.dtype)
    wider[..., :have] = array
    return wider
