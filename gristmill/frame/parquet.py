"""Parquet in and out, streamed: memory is bounded by the row group's size, not by the number of rows.

zstd, page index, row groups sized by bytes, files `part-00000-of-000NN.parquet`. Even an empty
data set has one file, so that its schema can be read.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.errors import GristmillError

ROW_GROUP_BYTES = 64 << 20
PART_BYTES = 256 << 20
_BATCH_ROWS = 1024


class PartWriter:
    """Writes rows into numbered parts under `folder`; `close` gives the parts their final names."""

    def __init__(
        self,
        folder: Path,
        schema: pa.Schema,
        *,
        row_group_bytes: int = ROW_GROUP_BYTES,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._folder = folder
        self.schema = schema
        self._row_group_bytes = row_group_bytes
        self._part_bytes = part_bytes
        self._rows: list[Mapping[str, Any]] = []
        self._batches: list[pa.RecordBatch] = []
        self._batched_bytes = 0
        self._part_written = 0
        self._parts: list[Path] = []
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, row: Mapping[str, Any]) -> None:
        """Adds one row, a mapping from column to value."""
        self._rows.append(row)
        self.rows += 1
        if len(self._rows) >= _BATCH_ROWS:
            self._batch_rows()

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds a batch whose columns and types are the schema's."""
        self._batch_rows()
        if not batch.num_rows:
            return  # an empty slice would keep what it was cut from
        self.rows += batch.num_rows
        self._add(batch.cast(self.schema))

    def close(self) -> list[Path]:
        """Writes what is left; gives the parts in order under their final names."""
        self._batch_rows()
        self._flush()
        if self._writer is None and not self._parts:
            self._open()
        self._close_part()
        final = [
            part.with_name(f"part-{i:05d}-of-{len(self._parts):05d}.parquet") for i, part in enumerate(self._parts)
        ]
        for part, name in zip(self._parts, final, strict=True):
            part.rename(name)
        return final

    def abandon(self) -> None:
        """Closes the open file; what was written is of no use."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def _batch_rows(self) -> None:
        if self._rows:
            rows, self._rows = self._rows, []
            self._add(pa.RecordBatch.from_pylist(rows, schema=self.schema))

    def _add(self, batch: pa.RecordBatch) -> None:
        self._batches.append(batch)
        self._batched_bytes += batch.nbytes
        if self._batched_bytes >= self._row_group_bytes:
            self._flush()

    def _flush(self) -> None:
        if not self._batches:
            return
        writer = self._writer or self._open()
        table = pa.Table.from_batches(self._batches, schema=self.schema)
        writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._part_written += self._batched_bytes
        self._batches, self._batched_bytes = [], 0
        if self._part_written >= self._part_bytes:
            self._close_part()

    def _open(self) -> pq.ParquetWriter:
        part = self._folder / f"part-{len(self._parts):05d}.parquet.open"
        self._parts.append(part)
        self._writer = pq.ParquetWriter(
            part, self.schema, compression="zstd", write_page_index=True, store_schema=True, version="2.6"
        )
        self._part_written = 0
        return self._writer

    def _close_part(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def part_files(folder: Path) -> list[Path]:
    """The parts of a data set in order. Raises GristmillError when there are none."""
    parts = sorted(folder.glob("part-*-of-*.parquet"))
    if not parts:
        raise GristmillError(
            "no Parquet parts found",
            where=str(folder),
            expected="part-00000-of-000NN.parquet, written by the stage of that name",
            do="run `dvc repro` (or `gristmill run`): it makes what is missing",
        )
    return parts


def read_batches(
    folder: Path, columns: Sequence[str] | None = None, *, batch_rows: int = 4096
) -> Iterator[pa.RecordBatch]:
    """The data set's rows in order, at most `batch_rows` at a time."""
    for part in part_files(folder):
        with _opened(part) as file:
            yield from file.iter_batches(batch_size=batch_rows, columns=list(columns) if columns else None)


def _opened(part: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(part)
    except pa.ArrowInvalid as error:
        raise GristmillError(
            f"not readable as Parquet: {error}", where=str(part), do="run `dvc repro`: it brings the folder back"
        ) from None


def read_rows(folder: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The data set's rows in order, as dictionaries."""
    for batch in read_batches(folder, columns):
        yield from batch.to_pylist()


def count_rows(folder: Path) -> int:
    """Rows in the data set, from the files' footers."""
    return sum(pq.read_metadata(part).num_rows for part in part_files(folder))
