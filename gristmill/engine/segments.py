"""Segments: stretches of the journal as immutable Parquet files that other clones can take in.

A segment holds answers in the order in which they were recorded, with all that the journal knows of
them. Its name is the time of its first answer and the SHA-256 of the file, so equal names are equal
files, names sort by time, and whoever fetches one can tell whether it is whole.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.errors import GristmillError
from gristmill.recipes.request import request_key

SEGMENT_BYTES = 32 << 20
"""Text at which a segment is full; about a sixth of it on disk."""
SCHEMA = pa.schema(
    [
        pa.field("key", pa.binary(16), nullable=False),
        pa.field("content", pa.binary(), nullable=False),  # the request's canonical form, JSON
        pa.field("text", pa.string(), nullable=False),
        pa.field("finish_reason", pa.string(), nullable=False),
        pa.field("prompt_tokens", pa.int64(), nullable=False),
        pa.field("completion_tokens", pa.int64(), nullable=False),
        pa.field("cached_tokens", pa.int64(), nullable=False),
        pa.field("engine", pa.string(), nullable=False),
        pa.field("engine_seconds", pa.float64(), nullable=False),
        pa.field("gpu_seconds", pa.float64(), nullable=False),
        pa.field("recipe", pa.string(), nullable=False),
        pa.field("answered_at", pa.float64(), nullable=False),  # seconds since 1970
    ]
)
"""The journal's columns, in its order."""
_NAME = re.compile(r"\d{8}T\d{6}-[0-9a-f]{64}\.parquet")
_READ_ROWS = 1024

Row = tuple[Any, ...]


class DamagedSegment(GristmillError):
    """A file that is not the segment that its name says."""


def is_segment(name: str) -> bool:
    """Whether a file can be one, by its name."""
    return _NAME.fullmatch(name) is not None


def write_segment(folder: Path, rows: Sequence[Row]) -> Path:
    """A new segment with these rows (at least one), private to its owner; it appears when it is complete."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = folder / "segment.open"
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
    pq.write_table(pa.Table.from_arrays(columns, schema=SCHEMA), fresh, compression="zstd")
    began = datetime.fromtimestamp(rows[0][-1], UTC)
    path = folder / f"{began:%Y%m%dT%H%M%S}-{_sha256(fresh)}.parquet"
    return fresh.replace(path)


def read_segment(path: Path) -> Iterator[list[Row]]:
    """Its rows, some at a time. Raises DamagedSegment when the bytes, the columns or a key are not what they should be.

    The whole file is held against its name before the first row is given.
    """
    found = _sha256(path)
    if not path.name.endswith(f"-{found}.parquet"):
        raise _damaged(path, f"its SHA-256 is {found}")
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(SCHEMA):
                raise _damaged(path, f"its columns are {', '.join(file.schema_arrow.names)}")
            for batch in file.iter_batches(batch_size=_READ_ROWS):
                yield _rows(path, batch)
    except pa.ArrowException as error:
        raise _damaged(path, str(error)) from None


def sha256_in(name: str) -> str:
    """The hash that a segment's name holds."""
    return name.removesuffix(".parquet").rpartition("-")[2]


def _rows(path: Path, batch: pa.RecordBatch) -> list[Row]:
    rows = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    if any(request_key(row[1]) != row[0] for row in rows):
        raise _damaged(path, "a key is not that of its request")
    return rows


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(path: Path, found: str) -> DamagedSegment:
    return DamagedSegment(
        f"segment {path.name} of the journal is damaged: {found}",
        expected="the file that a journal of this version wrote under that name",
        do="remove it from the store: its answers are asked again where no other journal has them",
    )
