"""Parquet: batch by batch, only the columns that the source names. Rows count from 1."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.seeds.document import Found, Reading

_BATCH_ROWS = 256
_BUFFER_BYTES = 1 << 20


def read_parquet(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """Documents from rows. A file without the text column, or with numbers in it, is unreadable as a whole."""
    row = 0
    try:
        with pq.ParquetFile(stream, buffer_size=_BUFFER_BYTES) as file:
            schema = file.schema_arrow
            if missing := [name for name in reading.source.columns if name not in schema.names]:
                yield reading.without_columns(None, missing, schema.names)
                return
            if fault := _fault(schema, reading.source.text_column):
                yield reading.unreadable(None, fault)
                return
            for values in _rows(file, reading):
                row += 1
                yield reading.row(row, values)
    except (OSError, pa.ArrowException) as error:
        yield reading.unreadable(row + 1 if row else None, str(error))


def _fault(schema: pa.Schema, column: str) -> str:
    """What is wrong with the text column; empty when nothing is."""
    kind = schema.field(column).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        return f"column {column!r} is {kind}, not a string"
    return ""


def _rows(file: pq.ParquetFile, reading: Reading) -> Iterator[dict[str, Any]]:
    """The rows; text comes as bytes, so that one that is not UTF-8 is its own row's fault only."""
    source = reading.source
    names = list(source.columns)
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=names):
        values = {name: _values(batch.column(name), name == source.text_column) for name in names}
        yield from (dict(zip(names, row, strict=True)) for row in zip(*values.values(), strict=True))


def _values(column: pa.Array, as_bytes: bool) -> list[Any]:
    """The column's values; names and titles with what is not UTF-8 in them replaced."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return list(column.to_pylist())
    raw = column.cast(pa.large_binary()).to_pylist()
    return raw if as_bytes else [value if value is None else value.decode(errors="replace") for value in raw]
