"""Parquet and Arrow: batch by batch, only the columns that the source names. Rows count from 1."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.seeds.codecs import Peeked
from gristmill.seeds.document import Found, Reading

_BATCH_BYTES = 8 << 20
_BATCH_ROWS = (16, 4096)
_BUFFER_BYTES = 1 << 20
_FILE_MAGIC = b"ARROW1\0\0"


def read_parquet(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """Documents from rows. A file without the source's columns, or whose text is no string, fails as a whole."""
    reached = 0
    try:
        with pq.ParquetFile(stream, buffer_size=_BUFFER_BYTES) as file:
            if refusal := _fault(file.schema_arrow, reading):
                yield refusal
                return
            batches = file.iter_batches(batch_size=_rows_at_a_time(file.metadata), columns=list(reading.source.columns))
            for reached, values in _rows(batches, reading):
                yield reading.row(reached, values)
    except (OSError, pa.ArrowException) as error:
        yield reading.unreadable(reached + 1 if reached else None, str(error))


def read_arrow(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """The same from Arrow's IPC format: a stream, or a file, which is a stream between a mark and an index."""
    peeked = Peeked(stream, len(_FILE_MAGIC))
    if peeked.head == _FILE_MAGIC:
        peeked.read()
    reached = 0
    try:
        with pa.ipc.open_stream(pa.PythonFile(peeked, mode="r")) as batches:
            if refusal := _fault(batches.schema, reading):
                yield refusal
                return
            chosen = (batch.select(list(reading.source.columns)) for batch in batches)
            for reached, values in _rows(chosen, reading):
                yield reading.row(reached, values)
    except (OSError, pa.ArrowException) as error:
        yield reading.unreadable(reached + 1 if reached else None, str(error))


def _rows_at_a_time(file: pq.FileMetaData) -> int:
    """So many rows that a batch has about `_BATCH_BYTES`, by the largest row group's mean."""
    least, most = _BATCH_ROWS
    groups = [file.row_group(i) for i in range(file.num_row_groups)]
    mean = max((group.total_byte_size / max(1, group.num_rows) for group in groups), default=1)
    return int(min(most, max(least, _BATCH_BYTES / max(1, mean))))


def _fault(schema: pa.Schema, reading: Reading) -> Found | None:
    """The refusal of a table with this schema; None when it can be read."""
    source = reading.source
    if missing := [name for name in source.columns if name not in schema.names]:
        return reading.without_columns(None, missing, schema.names)
    if doubled := sorted({name for name in source.columns if schema.names.count(name) > 1}):
        return reading.unreadable(None, f"several columns are named {', '.join(doubled)}")
    kind = schema.field(source.text_column).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (_is_string(kind) or pa.types.is_string_view(kind)):
        return reading.unreadable(None, f"column {source.text_column!r} is {kind}, not a string")
    return None


def _rows(batches: Iterator[pa.RecordBatch], reading: Reading) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows with their numbers; a text that is not UTF-8 comes as bytes, so that it is its own row's fault only."""
    names, number = reading.source.columns, 0
    for batch in batches:
        columns = [_values(batch.column(name), keep=name == reading.source.text_column) for name in names]
        for row in zip(*columns, strict=True):
            number += 1
            yield number, dict(zip(names, row, strict=True))


def _values(column: pa.Array, *, keep: bool) -> list[Any]:
    """The column's values. Strings that are not UTF-8 come as bytes (`keep`), or with that replaced."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not _is_string(column.type):
        return list(column.to_pylist())
    raw = column.view(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary())
    raw.validate(full=True)  # offsets that point outside would be read
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [value if value is None else _decoded(value, keep) for value in raw.to_pylist()]


def _decoded(value: bytes, keep: bool) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value if keep else value.decode(errors="replace")


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
