"""Writes a part of a release's index: see `gristmill.dedup.release` for what is in it.

The same rows in the same order give the same bytes. Memory is that of the sorted runs, which lie in `folder` meanwhile.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.dedup.minhash import BANDS
from gristmill.dedup.near import Hashed, hash_texts
from gristmill.dedup.release import KEYS, ROWS, Part
from gristmill.dedup.spool import MEMORY_ENTRIES, SortedRuns

_GROUP_KEYS = 1 << 17
_GROUP_ROWS = 1 << 11


class PartWriter:
    """Rows are added batch by batch; `close` gives the part's files."""

    def __init__(self, folder: Path, entries: int = MEMORY_ENTRIES) -> None:
        """`folder` is private to this object: the files are to be moved out of it."""
        folder.mkdir(parents=True)
        self._folder = folder
        self._bands = SortedRuns(folder / "sorting-bands", entries)
        self._texts = SortedRuns(folder / "sorting-texts", entries)
        self._part = Part(*(folder / f"{kind}.parquet" for kind in ("bands", "texts", "rows")))
        self._rows = pq.ParquetWriter(
            self._part.rows,
            ROWS,
            compression="zstd",
            use_dictionary=False,
            column_encoding={"id": "PLAIN", "text_hash": "PLAIN", "shingles.list.element": "DELTA_BINARY_PACKED"},
        )
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self.rows = 0

    def add(self, ids: pa.Array, text_hashes: pa.Array, texts: pa.Array) -> None:
        """The next rows: ids, 16 bytes of `text_hash`, and the texts themselves, none of them null."""
        keys = np.array([int.from_bytes(value.as_py()[:8]) for value in text_hashes], dtype=np.uint64)
        self._texts.add(keys, np.arange(self.rows, self.rows + len(keys)))
        first = 0
        for hashed in hash_texts(texts):
            count = len(hashed.sets.sizes)
            self._bands.add(hashed.bands.ravel(), np.repeat(self.rows + first + hashed.filled, BANDS))
            columns = [ids.slice(first, count), text_hashes.slice(first, count), _lists(hashed)]
            self._keep(pa.RecordBatch.from_arrays(columns, schema=ROWS))
            first += count
        self.rows += first

    def close(self) -> Part:
        """Sorts and writes what is left; gives the three files."""
        self._write_rows(self._pending_rows)
        self._rows.close()
        _write_keys(self._part.bands, self._bands)
        _write_keys(self._part.texts, self._texts)
        return self._part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    def _keep(self, batch: pa.RecordBatch) -> None:
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        while self._pending_rows >= _GROUP_ROWS:
            self._write_rows(_GROUP_ROWS)

    def _write_rows(self, rows: int) -> None:
        """Writes the first pending rows as one row group: where batches end leaves no trace."""
        table = pa.Table.from_batches(self._pending, schema=ROWS).combine_chunks()
        if rows:
            self._rows.write_table(table.slice(0, rows), row_group_size=rows)
        self._pending, self._pending_rows = table.slice(rows).to_batches(), table.num_rows - rows


def _lists(hashed: Hashed) -> pa.Array:
    """The sets as a column of lists."""
    borders = pa.array(hashed.sets.borders.astype(np.int32))
    return pa.ListArray.from_arrays(borders, pa.array(hashed.sets.members), type=ROWS.field("shingles").type)


def _write_keys(path: Path, runs: SortedRuns) -> None:
    """Hashes in ascending order, those of equal hash by row."""
    plain = {"hash": "PLAIN", "row": "PLAIN"}
    with pq.ParquetWriter(path, KEYS, compression="none", use_dictionary=False, column_encoding=plain) as writer:
        for table in _groups(runs):
            writer.write_table(table, row_group_size=_GROUP_KEYS)


def _groups(runs: SortedRuns) -> Iterator[pa.Table]:
    """Tables of as many rows as a row group has, however the ranges are cut."""
    held = KEYS.empty_table()
    for keys, rows in runs.ranges():
        fresh = pa.Table.from_arrays([pa.array(keys), pa.array(rows.astype(np.uint32))], schema=KEYS)
        held = pa.concat_tables([held, fresh])
        while held.num_rows >= _GROUP_KEYS:
            yield held.slice(0, _GROUP_KEYS)
            held = held.slice(_GROUP_KEYS)
    if held.num_rows:
        yield held
