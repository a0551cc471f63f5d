"""What grows with the rows, on disk: sorted runs of (key, value), and one list of numbers for each row.

`SortedRuns` takes pairs of 64-bit numbers in any order and gives them back sorted by key, range by range: a range is a
slice of every run, cut where no key is split. Memory is bounded by `entries` pairs; only the largest group of
equal keys must fit besides. `Lists` remembers 8 bytes a row, where its list begins.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.stretches import Hashes, Ints

MEMORY_ENTRIES = 1 << 20
"""Pairs held at once: 16 MiB, and three times that while they are sorted."""

Keyed = tuple[Hashes, Ints]
"""Keys, and the value of each."""


@dataclass
class SortedRuns:
    """Pairs of a key and a value: all are added, then read in the order of the keys.

    Values of equal keys come in the order in which they were added.
    """

    folder: Path
    entries: int = MEMORY_ENTRIES
    _pending: list[Keyed] = field(default_factory=list)
    _pending_entries: int = 0
    _runs: list[Keyed] = field(default_factory=list)

    def add(self, keys: Hashes, values: Ints) -> None:
        """Takes pairs; writes a run when enough are there."""
        self._pending.append((keys, values))
        self._pending_entries += len(keys)
        if self._pending_entries >= self.entries:
            self._write_run()

    def ranges(self) -> Iterator[Keyed]:
        """All pairs, in ascending ranges of about `entries`; equal keys are in one range."""
        self._finish()
        cuts = self._cuts()
        places = [[0, *np.searchsorted(keys, cuts).tolist(), len(keys)] for keys, _ in self._runs]
        for number in range(len(cuts) + 1 if self._runs else 0):
            slices = [slice(place[number], place[number + 1]) for place in places]
            yield _sorted([(keys[part], values[part]) for (keys, values), part in zip(self._runs, slices, strict=True)])

    def within(self, low: int, high: int) -> Keyed:
        """The pairs whose keys lie between `low` and `high`, both included."""
        self._finish()
        found = []
        for keys, values in self._runs:
            first = np.searchsorted(keys, np.uint64(low))
            last = np.searchsorted(keys, np.uint64(high), side="right")
            found.append((keys[first:last], values[first:last]))
        return _sorted(found)

    def _cuts(self) -> Hashes:
        """The keys at which ranges begin, but for the first."""
        if not self._runs:
            return np.zeros(0, dtype=np.uint64)
        in_range = min(1024, self.entries)
        samples = np.sort(np.concatenate([keys[:: self.entries // in_range] for keys, _ in self._runs]))
        found: Hashes = np.unique(samples[in_range::in_range])
        return found

    def _finish(self) -> None:
        if self._pending_entries:
            self._write_run()

    def _write_run(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        keys, values = _sorted(self._pending)
        name = self.folder / f"{len(self._runs):05d}"
        self._runs.append((_stored(name.with_suffix(".keys"), keys), _stored(name.with_suffix(".values"), values)))
        self._pending, self._pending_entries = [], 0


class Lists:
    """A list of numbers of one type for each row: all are added in order, then read at random."""

    def __init__(self, path: Path, kind: npt.DTypeLike) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._kind = path, np.dtype(kind)
        self._file = path.open("wb")
        self._ends: list[Ints] = [np.zeros(1, dtype=np.int64)]
        self._borders: Ints = self._ends[0]
        self._values: npt.NDArray[Any] = np.zeros(0, dtype=self._kind)

    def add(self, values: npt.NDArray[Any], sizes: Ints) -> None:
        """The lists of the next rows, one behind the other."""
        self._file.write(np.ascontiguousarray(values, dtype=self._kind).data)
        self._ends.append(self._ends[-1][-1] + np.cumsum(sizes, dtype=np.int64))

    def finish(self) -> None:
        """No rows come any more; from now on lists can be read."""
        self._file.close()
        self._borders, self._ends = np.concatenate(self._ends), []
        if self._borders[-1]:
            self._values = np.memmap(self._path, dtype=self._kind, mode="r")

    def __getitem__(self, row: int) -> npt.NDArray[Any]:
        """The row's list."""
        return self._values[self._borders[row] : self._borders[row + 1]]


def _sorted(parts: Sequence[Keyed]) -> Keyed:
    """The pairs of all parts by key; where keys are equal, in the order of the parts."""
    keys = np.concatenate([_NO_KEYS, *(part[0] for part in parts)])
    values = np.concatenate([_NO_VALUES, *(part[1] for part in parts)])
    order = np.argsort(keys, kind="stable")
    return keys[order], values[order]


_NO_KEYS = np.zeros(0, dtype=np.uint64)
_NO_VALUES = np.zeros(0, dtype=np.int64)


def _stored(path: Path, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array in a file, read from there when it is looked at."""
    array.tofile(path)
    return np.memmap(path, dtype=array.dtype, mode="r")
