"""The index of a release: what later rows are held against, without its texts and without loading it.

One part for each release that added rows, three Parquet files in each, never written again:

* bands: (hash, row), sorted by hash: the MinHash bands
* texts: (hash, row), sorted by hash: the first 64 bits of `text_hash`
* rows: id, text_hash, shingles (ascending); `row` counts these, in the order of the release

New rows are looked up by a merge join: for each row group, those of their hashes that lie between the group's first and
last one. A group without any is not read. What shares a band is compared by true Jaccard, in the order of `rows`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.dedup.shingles import jaccard
from gristmill.dedup.spool import Lists, SortedRuns
from gristmill.errors import InputError
from gristmill.stretches import Hashes, Ints


class Kind(StrEnum):
    """The files of a part."""

    BANDS = "bands"
    TEXTS = "texts"
    ROWS = "rows"


SCHEME = b"words5-bands14x8-1"
"""Stands in every file: other shingles, bands or hashes need another name."""
_LABEL = {b"gristmill.index": SCHEME}

KEYS = pa.schema(
    [pa.field("hash", pa.uint64(), nullable=False), pa.field("row", pa.uint32(), nullable=False)], metadata=_LABEL
)
ROWS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text_hash", pa.binary(16), nullable=False),
        pa.field("shingles", pa.list_(pa.field("element", pa.uint32(), nullable=False)), nullable=False),
    ],
    metadata=_LABEL,
)


@dataclass(frozen=True)
class Part:
    """The three files of one release's rows."""

    bands: Path
    texts: Path
    rows: Path


@dataclass(frozen=True)
class Matches:
    """What the release knows of new rows."""

    found: Mapping[int, str] = field(default_factory=dict)
    """New rows that resemble a released one, with its id; of several the first by part and row."""
    own: frozenset[int] = frozenset()
    """New rows whose id is released: the same sample again."""


class ReleaseIndex:
    """The parts of a release's index. Raises InputError for a file of another scheme."""

    def __init__(self, parts: Sequence[Part], folder: Path) -> None:
        """`folder` is private to this object: candidates are spilled there."""
        self._parts, self._folder = parts, folder
        for part in parts:
            for path in (part.bands, part.texts, part.rows):
                _check(path)

    def near(self, bands: SortedRuns, sets: Lists, name: Callable[[int], str], threshold: float) -> Matches:
        """New rows, by bands and sets, against all released ones; `name` gives a new row's id."""
        found: dict[int, str] = {}
        own: set[int] = set()
        for number, part in enumerate(self._parts):
            candidates = SortedRuns(self._folder / f"candidates-{number:05d}")
            for old, new in joined(part.bands, bands):
                candidates.add(old.astype(np.uint64), new)
            for id_, shingles, rows in _looked_up(part.rows, candidates):
                for row in rows.tolist():
                    if name(row) == id_:
                        own.add(row)
                    elif row not in found and jaccard(shingles, sets[row]) >= threshold:
                        found[row] = id_
        return Matches(found, frozenset(own))


def joined(path: Path, runs: SortedRuns) -> Iterator[tuple[Ints, Ints]]:
    """Pairs (row in the file, value in the runs) of equal hashes; row groups without any are not read."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            bounds = file.metadata.row_group(number).column(0).statistics
            keys, values = runs.within(bounds.min, bounds.max)
            if len(keys):
                group = file.read_row_group(number)
                yield _equal(group["hash"].to_numpy(), group["row"].to_numpy().astype(np.int64), keys, values)


def _equal(hashes: Hashes, rows: Ints, keys: Hashes, values: Ints) -> tuple[Ints, Ints]:
    """All pairs of a row and a value whose hashes are equal; both sides are sorted."""
    first, last = np.searchsorted(hashes, keys), np.searchsorted(hashes, keys, side="right")
    counts = last - first
    behind = np.cumsum(counts)
    places = np.arange(behind[-1] if len(behind) else 0) + np.repeat(first - (behind - counts), counts)
    return rows[places], np.repeat(values, counts)


def _looked_up(path: Path, candidates: SortedRuns) -> Iterator[tuple[str, Any, Ints]]:
    """For each released row that is a candidate: its id, its shingles, and the new rows to compare, each once."""
    with pq.ParquetFile(path) as file:
        groups = _Groups(file)
        for old, new in candidates.ranges():
            borders = np.flatnonzero(np.concatenate(([True], old[1:] != old[:-1], [True])))
            for first, last in pairwise(borders.tolist()):
                yield (*groups.row(int(old[first])), np.unique(new[first:last]))


class _Groups:
    """Rows of a file asked for in ascending order; one row group is in memory."""

    def __init__(self, file: pq.ParquetFile) -> None:
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        self._ends = np.cumsum(sizes)
        self._file = file
        self._number = -1
        self._rows: pa.RecordBatch | None = None

    def row(self, row: int) -> tuple[str, Any]:
        number = int(np.searchsorted(self._ends, row, side="right"))
        if number != self._number:
            table = self._file.read_row_group(number, columns=["id", "shingles"]).combine_chunks()
            self._number, self._rows = number, table.to_batches()[0]
        assert self._rows is not None
        place = row - (int(self._ends[number - 1]) if number else 0)
        return self._rows["id"][place].as_py(), self._rows["shingles"][place].values.to_numpy()


def _check(path: Path) -> None:
    found = (pq.read_schema(path).metadata or {}).get(b"gristmill.index")
    if found != SCHEME:
        raise InputError(
            f"the index was made by the scheme {found.decode() if found else 'of another program'}",
            where=str(path),
            expected=SCHEME.decode(),
            do="release the parent again with this version of Gristmill, then refresh",
        )
