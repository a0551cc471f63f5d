"""Near-duplicates of rows, within the run and of the parent release: see `gristmill.dedup.near`.

The text of a row is its prompt and its response. Of rows that resemble each other the best stays (`keep_by`; where
several are equally good, the one with the smallest id); a released row wins over all of them. The measured value is
the id of the row that stays. Ids are the column `sample_id`, or `id`; without either, hashes of the texts.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.dedup.near import NearDuplicates, Resolution, Scores
from gristmill.dedup.release import ReleaseIndex
from gristmill.dedup.rows import row_texts
from gristmill.errors import InputError
from gristmill.filters.verdict import Finding, Verdicts
from gristmill.identity import text_hash
from gristmill.params.duplicates import LENGTH, NearDedupParams

Release = Callable[[Path], ReleaseIndex | None]
"""Opens the parent release's index, which may spill into the folder given; None without a parent."""

_IDS = ("sample_id", "id")


class NearDedup:
    """All rows are added, then each is judged."""

    name = "near_dedup"

    def __init__(self, params: NearDedupParams, folder: Path, release: Release) -> None:
        """`folder` is private to this filter, and made when the first rows come."""
        self._params, self._folder, self._release = params, folder, release
        self._rows: NearDuplicates | None = None
        self._found: Resolution | None = None
        self._judged = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes notice of a batch. Raises InputError when the column to keep by is none, or holds no numbers."""
        if self._rows is None:
            workers = len(os.sched_getaffinity(0))
            self._rows = NearDuplicates(self._folder, threshold=self._params.threshold, workers=workers)
        texts = row_texts(batch)
        self._rows.add(texts, row_ids(batch, texts), row_scores(batch, texts, self._params.keep_by, self.name))

    def resolve(self) -> None:
        """Finds what resembles what."""
        if self._rows is not None:
            self._found = self._rows.resolve(self._release(self._folder / "release"))

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for the next rows, in the order in which they were added."""
        first, self._judged = self._judged, self._judged + batch.num_rows
        if self._found is None:
            return Verdicts(batch.num_rows, {})
        refused = np.flatnonzero(~self._found.kept[first : self._judged]).tolist()
        return Verdicts(batch.num_rows, {row: self._finding(first + row) for row in refused})

    def facts(self) -> Mapping[str, int]:
        """Nothing beside the reasons."""
        return {}

    def _finding(self, row: int) -> Finding:
        assert self._found is not None
        assert self._rows is not None
        threshold = f"Jaccard similarity below {self._params.threshold:g}"
        if row in self._found.released:
            return Finding("near_duplicate_of_release", self._found.released[row], threshold)
        return Finding("near_duplicate", self._rows.id(int(self._found.best[row])), threshold)


def row_ids(batch: pa.RecordBatch, texts: pa.Array) -> pa.Array:
    """The rows' ids as texts. Raises InputError for a row without one."""
    for name in _IDS:
        if name in batch.schema.names:
            ids = batch[name].cast(pa.string())
            if ids.null_count:
                raise InputError(f"a row has no {name}", expected=f"a value in every row of the column {name}")
            return ids
    return pa.array([text_hash(text or "") for text in texts.to_pylist()], pa.string())


def row_scores(batch: pa.RecordBatch, texts: pa.Array, keep_by: str, filter_name: str) -> Scores:
    """How good each row is; a row without a value is the worst."""
    values = pc.utf8_length(texts) if keep_by == LENGTH else _column(batch, keep_by, filter_name)
    found: Scores = pc.fill_null(values.cast(pa.float64()), -np.inf).to_numpy(zero_copy_only=False)
    return found


def _column(batch: pa.RecordBatch, name: str, filter_name: str) -> pa.Array:
    where = f"{filter_name}.keep_by"
    if name not in batch.schema.names:
        raise InputError(f"no column {name!r}", where=where, expected=f"{LENGTH}, or one of {_numeric(batch)}")
    kind = batch.schema.field(name).type
    if not _is_number(kind):
        raise InputError(
            f"the column {name!r} is {kind}", where=where, expected=f"{LENGTH}, or one of {_numeric(batch)}"
        )
    return batch[name]


def _numeric(batch: pa.RecordBatch) -> str:
    return ", ".join(field.name for field in batch.schema if _is_number(field.type)) or "the columns of numbers (none)"


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
