"""What grows with the rows, on disk: sorted runs of (key, value), and one list of numbers for each row.

`SortedRuns` takes pairs of 64-bit numbers in any order and gives them back sorted by key, range by range: a range is a
slice of every run, cut where no key is split. Memory is bounded by `entries` pairs; only the largest group of
equal keys must fit besides. `Lists` remembers 8 bytes a row, where its list begins.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

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
    _runs: list["_Run"] = field(default_factory=list)

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
        places = [[0, *run.places(cuts), run.entries] for run in self._runs]
        for number in range(len(cuts) + 1 if self._runs else 0):
            borders = [(place[number], place[number + 1]) for place in places]
            yield _sorted([run.read(*border) for run, border in zip(self._runs, borders, strict=True)])

    def within(self, low: int, high: int) -> Keyed:
        """The pairs whose keys lie between `low` and `high`, both included."""
        self._finish()
        found = []
        bounds = np.array([low], dtype=np.uint64), np.array([high], dtype=np.uint64)
        for run in self._runs:
            found.append(run.read(*run.places(bounds[0]), *run.places(bounds[1], side="right")))
        return _sorted(found)

    def _cuts(self) -> Hashes:
        """The keys at which ranges begin, but for the first."""
        if not self._runs:
            return np.zeros(0, dtype=np.uint64)
        samples = np.sort(np.concatenate([run.samples for run in self._runs]))
        found: Hashes = np.unique(samples[self._in_range :: self._in_range])
        return found

    @property
    def _in_range(self) -> int:
        """Samples in a range."""
        return min(1024, self.entries)

    def _finish(self) -> None:
        if self._pending_entries:
            self._write_run()

    def _write_run(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        keys, values = _sorted(self._pending)
        name = self.folder / f"{len(self._runs):05d}"
        keys.tofile(name.with_suffix(".keys"))
        values.tofile(name.with_suffix(".values"))
        self._runs.append(_Run(name, len(keys), keys[:: self.entries // self._in_range].copy()))
        self._pending, self._pending_entries = [], 0


@dataclass(frozen=True)
class _Run:
    """Two files of a sorted run. They are read, not mapped: mapped pages would count as memory that is in use."""

    name: Path
    entries: int
    samples: Hashes

    def places(self, keys: Hashes, side: Literal["left", "right"] = "left") -> list[int]:
        """Where the keys would stand."""
        mapped = np.memmap(self.name.with_suffix(".keys"), dtype=np.uint64, mode="r")
        return [int(place) for place in np.searchsorted(mapped, keys, side=side)]

    def read(self, first: int, last: int) -> Keyed:
        """The pairs between two places."""
        keys, values = self.name.with_suffix(".keys"), self.name.with_suffix(".values")
        count, offset = last - first, first * 8
        return np.fromfile(keys, np.uint64, count, offset=offset), np.fromfile(values, np.int64, count, offset=offset)


class Lists:
    """A list of numbers of one type for each row: all are added in order, then read at random."""

    def __init__(self, path: Path, kind: npt.DTypeLike) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._kind = path, np.dtype(kind)
        self._file: IO[bytes] = path.open("wb")
        self._ends: list[Ints] = [np.zeros(1, dtype=np.int64)]
        self._borders: Ints = self._ends[0]

    def add(self, values: npt.NDArray[Any], sizes: Ints) -> None:
        """The lists of the next rows, one behind the other."""
        self._file.write(np.ascontiguousarray(values, dtype=self._kind).data)
        self._ends.append(self._ends[-1][-1] + np.cumsum(sizes, dtype=np.int64))

    def finish(self) -> None:
        """No rows come any more; from now on lists can be read."""
        self._file.close()
        self._borders, self._ends = np.concatenate(self._ends), []
        self._file = self._path.open("rb")

    def __getitem__(self, row: int) -> npt.NDArray[Any]:
        """The row's list."""
        first, last = int(self._borders[row]), int(self._borders[row + 1])
        size = self._kind.itemsize
        return np.frombuffer(os.pread(self._file.fileno(), (last - first) * size, first * size), dtype=self._kind)


def _sorted(parts: Sequence[Keyed]) -> Keyed:
    """The pairs of all parts by key; where keys are equal, in the order of the parts."""
    keys = np.concatenate([_NO_KEYS, *(part[0] for part in parts)])
    values = np.concatenate([_NO_VALUES, *(part[1] for part in parts)])
    order = np.argsort(keys, kind="stable")
    return keys[order], values[order]


_NO_KEYS = np.zeros(0, dtype=np.uint64)
_NO_VALUES = np.zeros(0, dtype=np.int64)
