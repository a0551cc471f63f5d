"""Lines, each bounded, and JSONL: broken ones are refused with their number, those beside them are read.

A file that cannot be read on (a cut gzip) ends with one failed `unreadable_file` at the line reached.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import orjson

from gristmill.frame.stage import Refusal
from gristmill.seeds.document import Found, Reading
from gristmill.seeds.encoding import as_utf8

_CHUNK_BYTES = 1 << 18


class Line(NamedTuple):
    """One line without its end; `data` is None when it was longer than allowed."""

    number: int
    data: bytes | None


def read_jsonl(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """Documents from JSON objects, one in each line; empty lines are none."""
    reached = 0
    try:
        for reached, data in split_lines(as_utf8(stream, reading.source.encoding), reading.ingest.max_line_bytes):
            if data is None:
                yield too_long(reading, reached)
                continue
            try:
                values = orjson.loads(data)
            except orjson.JSONDecodeError as error:
                if data.strip():
                    yield _broken(reading, reached, data, error)
                continue
            yield reading.row(reached, values) if type(values) is dict else _no_object(reading, reached, data, values)
    except OSError as error:
        yield reading.unreadable(reached + 1, str(error))


def split_lines(stream: BinaryIO, max_bytes: int) -> Iterator[Line]:
    """The stream's lines, numbered from 1; never more than a line and a chunk in memory."""
    number, held = 0, 0  # `held` counts what stands before the chunk of its first line, kept in `parts` or not
    parts: list[bytes] = []
    while chunk := stream.read(_CHUNK_BYTES):
        *whole, rest = chunk.split(b"\n")
        if whole and held:
            held += len(whole[0])
            first = b"".join([*parts, whole[0]]) if held <= max_bytes else None
            number += 1
            yield Line(number, first)
            held, parts = 0, []
            del whole[0]
        for data in whole:
            number += 1
            yield Line(number, data if len(data) <= max_bytes else None)
        held += len(rest)
        parts = [*parts, rest] if held <= max_bytes else []
    if held:
        yield Line(number + 1, b"".join(parts) if held <= max_bytes else None)


def too_long(reading: Reading, number: int) -> Refusal:
    """The refusal of a line that is longer than allowed."""
    return reading.refuse(number, "line_too_long", threshold=f"{reading.ingest.max_line_bytes} bytes")


def _broken(reading: Reading, number: int, data: bytes, error: orjson.JSONDecodeError) -> Refusal:
    """The refusal of a line that is no JSON: not UTF-8, or not JSON."""
    try:
        text = data.decode()
    except UnicodeDecodeError as fault:
        return reading.refuse(number, "not_utf8", value=str(fault), threshold="UTF-8, or the source's `encoding`")
    return reading.refuse(number, "broken_json", value=str(error), threshold="a JSON object", text=text)


def _no_object(reading: Reading, number: int, data: bytes, values: object) -> Refusal:
    kind = type(values).__name__
    return reading.refuse(
        number, "not_an_object", value=kind, threshold="a JSON object", text=data.decode(errors="replace")
    )
