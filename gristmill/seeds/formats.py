"""A file's name tells its format and compression; its documents are streamed, one after the other.

`report.jsonl.gz` is JSONL in gzip. No file is ever in memory as a whole, except a text or Markdown document,
and that only up to `max_document_bytes`. What cannot be read ends the file, not the stage: it is
booked as one failed `unreadable_file`, and the rows before it stay.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

import pyarrow as pa

from gristmill.params.ingest import Format
from gristmill.seeds import columns, prose, rows
from gristmill.seeds.document import Found, Reading

_BY_SUFFIX = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".parquet": Format.PARQUET,
    ".csv": Format.CSV,
    ".txt": Format.TEXT,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
}
_CODECS = {".gz": "gzip", ".zst": "zstd"}
_CHUNK_BYTES = 1 << 14
_MAX_EXPANSION = 1000
"""Decompressed over compressed size. Real text expands to a tenth of that at most; a bomb to far more."""

_READERS: dict[Format, Callable[[BinaryIO, Reading], Iterator[Found]]] = {
    Format.JSONL: rows.read_jsonl,
    Format.CSV: rows.read_csv,
    Format.PARQUET: columns.read_parquet,
    Format.TEXT: prose.read_text,
    Format.MARKDOWN: prose.read_markdown,
}


@dataclass(frozen=True)
class Layers:
    """What a file's name says: the format inside, and the codec around it."""

    format: Format
    codec: str | None


def layers(name: str, declared: Format = Format.AUTO) -> Layers | None:
    """Format and codec of a file of this name; None when neither the name nor the declaration tells the format."""
    path = Path(name.lower())
    codec = _CODECS.get(path.suffix)
    if codec:
        path = path.with_suffix("")
    found = _BY_SUFFIX.get(path.suffix) if declared is Format.AUTO else declared
    return Layers(found, codec) if found else None


def known_suffixes() -> str:
    """The suffixes that tell a format, for messages."""
    return " ".join(_BY_SUFFIX) + ", each also with .gz or .zst"


def read_documents(path: Path, reading: Reading) -> Iterator[Found]:
    """The documents and refusals in the file at `path`, in its order."""
    known = layers(reading.address, reading.source.format)
    if known is None:
        yield reading.unreadable(None, f"its name tells no format (known: {known_suffixes()})")
        return
    try:
        with _opened(path, known, reading.ingest.max_document_bytes) as stream:
            yield from _READERS[known.format](stream, reading)
    except (OSError, EOFError, pa.ArrowException) as error:  # the readers name the line where they know it
        yield reading.unreadable(None, str(error))


@contextmanager
def _opened(path: Path, known: Layers, small: int) -> Iterator[BinaryIO]:
    """The file's content as a stream; for Parquet one that can be searched."""
    with path.open("rb") as file:
        if known.codec is None:
            yield file
            return
        limit = max(small, path.stat().st_size * _MAX_EXPANSION)
        stream = _Decompressed(file, known.codec, limit)
        if known.format is not Format.PARQUET:
            yield cast(BinaryIO, stream)
            return
        with tempfile.TemporaryFile() as spilled:
            while chunk := stream.read(_CHUNK_BYTES):
                spilled.write(chunk)
            spilled.seek(0)
            yield cast(BinaryIO, spilled)


class _Decompressed(io.RawIOBase):
    """A compressed file's content. Raises OSError when it is broken, cut short, or expands beyond `limit` bytes."""

    def __init__(self, file: IO[bytes], codec: str, limit: int) -> None:
        self._stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), codec)
        self._limit = limit
        self._read = 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, empty at the end."""
        data = bytes(self._stream.read(size if size >= 0 else self._limit + 1))
        self._read += len(data)
        if self._read > self._limit:
            raise OSError(f"expands to more than {self._limit} bytes, {_MAX_EXPANSION} times its size")
        return data
