"""Pairs worth a comparison: rows that share a band.

A bucket is what has one band hash. Up to 64 rows are all paired with each other. In a larger one every row is paired
with 16 of its rows, spread over it, and with its 16 neighbours on each side, by `order`, a number that depends on
a row's text alone: so the pairs do not depend on the order of the rows. Copies stand beside each other there.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from gristmill.dedup.spool import Keyed, SortedRuns
from gristmill.stretches import Hashes, Ints

LARGEST_PAIRED = 64
NEIGHBOURS = 16
_ROW_BITS = np.uint64(32)
_ROW_MARK = np.uint64((1 << 32) - 1)
MOST_ROWS = 1 << 32


def pair_up(bands: SortedRuns, order: Hashes, pairs: SortedRuns) -> None:
    """Adds the pairs of rows that share a band; `bands` holds rows by band hash, `order` is indexed by row."""
    for keys, rows in bands.ranges():
        for one, other in _pairs_of(*_shared(keys, rows), order):
            pairs.add(_packed(one, other), np.zeros(len(one), dtype=np.int64))


def distinct_pairs(pairs: SortedRuns) -> Iterator[tuple[Ints, Ints]]:
    """Every pair once, the smaller row first, in ascending order."""
    for keys, _ in pairs.ranges():
        found = np.unique(keys)
        yield (found >> _ROW_BITS).astype(np.int64), (found & _ROW_MARK).astype(np.int64)


def _shared(keys: Hashes, rows: Ints) -> Keyed:
    """What is left without the keys that only one row has."""
    same = keys[1:] == keys[:-1]
    shared = np.concatenate((same, [False])) | np.concatenate(([False], same)) if len(keys) else np.zeros(0, np.bool_)
    return keys[shared], rows[shared]


def _pairs_of(keys: Hashes, rows: Ints, order: Hashes) -> Iterator[tuple[Ints, Ints]]:
    sizes = np.diff(_borders(keys))
    size = np.repeat(sizes, sizes)
    small = size <= LARGEST_PAIRED
    yield from _neighbours(keys[small], rows[small], LARGEST_PAIRED - 1)
    keys, rows = keys[~small], rows[~small]
    by_text = np.lexsort((order[rows], keys))
    keys, rows = keys[by_text], rows[by_text]
    yield from _neighbours(keys, rows, NEIGHBOURS)
    yield from _spread(keys, rows)


def _neighbours(keys: Hashes, rows: Ints, distance: int) -> Iterator[tuple[Ints, Ints]]:
    """Rows of one key that stand up to `distance` places apart."""
    first = np.arange(len(keys))
    for step in range(1, distance + 1):
        first = first[first + step < len(keys)]
        first = first[keys[first] == keys[first + step]]
        if not len(first):
            return
        yield rows[first], rows[first + step]


def _spread(keys: Hashes, rows: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Every row of a key with 16 of them, at equal distances."""
    for first, last in pairwise(_borders(keys).tolist()):
        for hub in np.linspace(first, last - 1, NEIGHBOURS).astype(np.int64):
            others = np.delete(rows[first:last], hub - first)
            yield np.full(len(others), rows[hub]), others


def _borders(keys: Hashes) -> Ints:
    """Where runs of equal keys begin, and at last where the last one ends."""
    if not len(keys):
        return np.zeros(1, dtype=np.int64)
    return np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1], [True])))


def _packed(one: Ints, other: Ints) -> Hashes:
    """Both rows in one number, the smaller one first."""
    low, high = np.minimum(one, other).astype(np.uint64), np.maximum(one, other).astype(np.uint64)
    found: Hashes = (low << _ROW_BITS) | high
    return found
