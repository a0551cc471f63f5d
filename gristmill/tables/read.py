"""A table from a Parquet file, a folder of them, or JSONL (plain, gzip, zstd), in batches of one schema.

JSONL is read twice: once for the columns and their types, once for the rows. A line that is no JSON object comes as
a `Broken` among the batches: nothing is lost. Memory is bounded by a batch and by the longest line.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.errors import GristmillError, InputError
from gristmill.seeds.rows import Line, split_lines

_JSONL = (".jsonl", ".ndjson")
_CODECS = (".gz", ".zst")
_BATCH_ROWS = 1024
_BATCH_BYTES = 8 << 20
MAX_LINE_BYTES = 16 << 20


@dataclass(frozen=True)
class Broken:
    """A line that is no row: where, and why."""

    line: int
    reason: str
    value: str


@dataclass(frozen=True)
class Table:
    """Where a table lies, and its columns."""

    files: tuple[Path, ...]
    jsonl: bool
    schema: pa.Schema

    def batches(self) -> Iterator[pa.RecordBatch | Broken]:
        """The rows in order, and the lines that are none."""
        for file in self.files:
            with _reading(file):
                yield from self._json_batches(file) if self.jsonl else _parquet_batches(file, self.schema)

    def _json_batches(self, file: Path) -> Iterator[pa.RecordBatch | Broken]:
        for rows in _json_rows(file):
            yield rows if isinstance(rows, Broken) else pa.RecordBatch.from_pylist(rows, schema=self.schema)


def open_table(path: Path) -> Table:
    """The table at `path`. Raises InputError when there is none, or its columns have no single type."""
    if path.is_dir():
        files = tuple(sorted(path.glob("*.parquet")))
        if not files:
            raise InputError("no Parquet files in this folder", where=str(path), expected="*.parquet")
        return Table(files, False, _parquet_schema(files))
    if not path.is_file():
        raise InputError("there is no such file", where=str(path), expected="a Parquet or JSONL file")
    name = path.with_suffix("") if path.suffix in _CODECS else path
    if path.suffix == ".parquet":
        return Table((path,), False, _parquet_schema((path,)))
    if name.suffix in _JSONL:
        return Table((path,), True, _json_schema(path))
    raise InputError(
        "its name tells no format", where=str(path), expected=f".parquet, or {' '.join(_JSONL)}, also with .gz or .zst"
    )


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Raises GristmillError for a file that cannot be read on."""
    try:
        yield
    except (OSError, EOFError, pa.ArrowException) as error:
        raise GristmillError(
            f"cannot be read: {error}", where=str(file), do="check that the file is whole and what its name says"
        ) from None


def _parquet_schema(files: tuple[Path, ...]) -> pa.Schema:
    schemas = []
    for file in files:
        with _reading(file):
            schemas.append(pq.read_schema(file).remove_metadata())
    for file, schema in zip(files, schemas, strict=True):
        if not schema.equals(schemas[0]):
            raise InputError(
                f"found the columns {', '.join(schema.names)}", where=str(file), expected=f"those of {files[0]}"
            )
    return schemas[0]


def _parquet_batches(file: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=_BATCH_ROWS):
            yield batch.cast(schema)


def _json_schema(file: Path) -> pa.Schema:
    """The columns of all rows."""
    schema = pa.schema([])
    with _reading(file):
        for rows in _json_rows(file):
            if not isinstance(rows, Broken):
                schema = _unified(file, schema, rows)
    return schema


def _unified(file: Path, schema: pa.Schema, rows: list[dict[str, Any]]) -> pa.Schema:
    names = list(dict.fromkeys(name for row in rows for name in row))
    try:
        fields = [pa.field(name, pa.array([row.get(name) for row in rows]).type) for name in names]
        return pa.unify_schemas([schema, pa.schema(fields)], promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(
            f"a column has values of different types: {error}",
            where=str(file),
            expected="one type in each column",
            do="convert the file to Parquet, or leave that column out",
        ) from None


def _json_rows(file: Path) -> Iterator[list[dict[str, Any]] | Broken]:
    """Rows in batches, and the lines that are none where they stand."""
    rows: list[dict[str, Any]] = []
    size = 0
    with pa.input_stream(str(file), compression="detect") as stream:
        for line in split_lines(stream, MAX_LINE_BYTES):
            row = _row(line)
            if row is None:
                continue
            if rows and (isinstance(row, Broken) or len(rows) == _BATCH_ROWS or size > _BATCH_BYTES):
                yield rows
                rows, size = [], 0
            if isinstance(row, Broken):
                yield row
            else:
                rows.append(row)
                size += len(line.data or b"")
    if rows:
        yield rows


def _row(line: Line) -> dict[str, Any] | Broken | None:
    """The row in a line; None where the line is empty."""
    if line.data is None:
        return Broken(line.number, "line_too_long", f"line {line.number}: more than {MAX_LINE_BYTES} bytes")
    data = line.data.removeprefix(b"\xef\xbb\xbf") if line.number == 1 else line.data
    if not data.strip():
        return None
    try:
        row = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return Broken(line.number, "broken_json", f"line {line.number}: {error}")
    if not isinstance(row, dict):
        return Broken(line.number, "not_an_object", f"line {line.number}: {type(row).__name__}")
    return row
