"""A file's documents, streamed one after the other, whatever its format and compression.

No file is ever in memory as a whole, except one that is a single document (text, Markdown, HTML, PDF), and that only
up to `max_document_bytes`. What cannot be read ends the file, not the stage: it is booked as one failed
`unreadable_file`, and the rows before it stay.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import pyarrow as pa

from gristmill.frame.stage import Refusal
from gristmill.params.ingest import Format
from gristmill.seeds import archives, columns, delimited, prose, rows
from gristmill.seeds.codecs import Peeked, codec_of, decompressed
from gristmill.seeds.document import Found, Reading
from gristmill.seeds.recognise import HEAD_BYTES, known_suffixes, recognised

_COPY_BYTES = 1 << 20
_NEED_SEEK = frozenset((Format.PARQUET, Format.ZIP))


def _read_html(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    from gristmill.seeds.web import read_html  # trafilatura takes half a second to import

    return read_html(stream, reading)


def _read_warc(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    from gristmill.seeds.web import read_warc

    return read_warc(stream, reading)


def _read_pdf(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    from gristmill.seeds.pdf import read_pdf

    return read_pdf(stream, reading)


_READERS: dict[Format, Callable[[BinaryIO, Reading], Iterator[Found]]] = {
    Format.JSONL: rows.read_jsonl,
    Format.CSV: delimited.read_csv,
    Format.PARQUET: columns.read_parquet,
    Format.ARROW: columns.read_arrow,
    Format.TEXT: prose.read_text,
    Format.MARKDOWN: prose.read_markdown,
    Format.HTML: _read_html,
    Format.PDF: _read_pdf,
    Format.WARC: _read_warc,
}


def read_documents(file: BinaryIO, reading: Reading) -> Iterator[Found]:
    """The documents and refusals in a seekable file, in its order."""
    try:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        head = Peeked(file, HEAD_BYTES).head
        file.seek(0)
        if not head:
            yield reading.refuse(None, "empty_file", threshold="at least one byte")
        elif codec := codec_of(head):
            limit, allowed = expansion(size, reading)
            yield from _read_stream(decompressed(file, codec, limit, allowed), reading, size, members=True)
        else:
            yield from _read(file, head, reading, size, members=True)
    except (OSError, EOFError, pa.ArrowException) as error:  # the readers name the line where they know it
        yield reading.unreadable(None, str(error))


def expansion(size: int, reading: Reading) -> tuple[int, str]:
    """Bytes that a compressed file of `size` may hold, and that limit in words."""
    times = reading.ingest.max_expansion
    return max(reading.ingest.max_document_bytes, size * times), f"{times} times its size (ingest.max_expansion)"


def _read_stream(stream: BinaryIO, reading: Reading, size: int, *, members: bool) -> Iterator[Found]:
    """The documents in a stream that cannot be searched."""
    peeked = Peeked(stream, HEAD_BYTES)
    if not peeked.head:
        yield reading.refuse(None, "empty_file", threshold="at least one byte")
        return
    yield from _read(cast(BinaryIO, peeked), peeked.head, reading, size, members=members)


def _read(stream: BinaryIO, head: bytes, reading: Reading, size: int, *, members: bool) -> Iterator[Found]:
    found = recognised(reading.address, head, reading.source.format)
    if found is None:
        why = "compressed twice" if codec_of(head) else f"begins with {head[:16]!r}"
        expected = f"a text, or a name or content of a known format: {known_suffixes()}"
        yield reading.refuse(None, "unknown_format", value=why, threshold=expected, outcome="failed")
        return
    with _searchable(stream) if found in _NEED_SEEK else _as_it_is(stream) as ready:
        if found not in (Format.ZIP, Format.TAR):
            yield from _READERS[found](ready, reading)
        elif members:
            yield from _read_members(ready, found, reading, size)
        else:
            yield reading.refuse(None, "unsafe_member", value="an archive in an archive", threshold="a file")


def _read_members(stream: BinaryIO, kind: Format, reading: Reading, size: int) -> Iterator[Found]:
    """The documents of an archive's members, in its order."""
    for member in archives.members(stream, kind, reading, expansion(size, reading)):
        if isinstance(member, Refusal):
            yield member
            continue
        inside = archives.within(reading, member.name)
        try:
            yield from _read_stream(member.stream, inside, member.size, members=False)
        except (OSError, pa.ArrowException, *archives.FAULTS) as error:
            yield inside.unreadable(None, str(error))


@contextmanager
def _as_it_is(stream: BinaryIO) -> Iterator[BinaryIO]:
    yield stream


@contextmanager
def _searchable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream, or where it cannot be searched a copy of its content on disk."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        while chunk := stream.read(_COPY_BYTES):
            copy.write(chunk)
        copy.seek(0)
        yield cast(BinaryIO, copy)
