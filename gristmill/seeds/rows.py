"""JSONL and CSV: line by line, each line bounded, broken ones refused with their number.

A file that cannot be read on (a cut gzip) ends with one failed `unreadable_file` at the line reached.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import orjson

from gristmill.frame.stage import Refusal
from gristmill.seeds.document import Found, Reading

_CHUNK_BYTES = 1 << 14
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Line:
    """One line without its end; `data` is None when it was longer than allowed."""

    number: int
    data: bytes | None


def read_jsonl(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """Documents from JSON objects, one in each line; empty lines are none."""
    for line in _lines(stream, reading):
        if isinstance(line, Refusal):
            yield line
        elif line.data is None:
            yield _too_long(reading, line.number)
        elif line.data.strip():
            yield _json_row(reading, line.number, line.data)


def read_csv(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """Documents from records below a header; the number of a record is that of its first line."""
    csv.field_size_limit(reading.ingest.max_line_bytes)
    feed = _Feed(_lines(stream, reading))
    records = csv.reader(feed, strict=True)
    header: list[str] | None = None
    while True:
        start = feed.next_record()
        try:
            record = next(records)
        except StopIteration:
            break
        except csv.Error as error:
            yield reading.refuse(start, "broken_csv", value=str(error))
            continue
        if feed.fault:
            yield feed.refusal(reading, start)
        elif header is None:
            header = record
            if missing := [name for name in reading.source.columns if name not in header]:
                yield reading.without_columns(start, missing, header)
                return
        elif record:
            yield _csv_row(reading, start, header, record)
    if feed.broken:
        yield feed.broken


def split_lines(stream: BinaryIO, max_bytes: int) -> Iterator[Line]:
    """The stream's lines, numbered from 1; never more than a line and a chunk in memory."""
    number, held = 0, 0
    parts: list[bytes] = []
    while chunk := stream.read(_CHUNK_BYTES):
        *whole, rest = chunk.split(b"\n")
        for data in whole:
            number += 1
            yield Line(number, b"".join([*parts, data]) if held + len(data) <= max_bytes else None)
            held, parts = 0, []
        held += len(rest)
        parts = [*parts, rest] if held <= max_bytes else []
    if held:
        yield Line(number + 1, b"".join(parts) if held <= max_bytes else None)


class _Feed:
    """The lines as csv.reader takes them; remembers what was wrong with those of the present record."""

    def __init__(self, lines: Iterator[Line | Refusal]) -> None:
        self._lines = lines
        self._number = 0
        self.fault = ""
        self.broken: Refusal | None = None

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if isinstance(line, Refusal):
            self.broken = line
            raise StopIteration
        self._number = line.number
        if line.data is None:
            self.fault = "line_too_long"
            return "\n"
        try:
            return line.data.decode() + "\n"
        except UnicodeDecodeError:
            self.fault = "not_utf8"
            return line.data.decode(errors="replace") + "\n"

    def next_record(self) -> int:
        """Begins a record; gives the number of its first line."""
        self.fault = ""
        return self._number + 1

    def refusal(self, reading: Reading, start: int) -> Refusal:
        """The refusal of the present record."""
        if self.fault == "line_too_long":
            return _too_long(reading, start)
        return reading.refuse(start, self.fault, threshold="UTF-8")


def _lines(stream: BinaryIO, reading: Reading) -> Iterator[Line | Refusal]:
    """The lines; where the file cannot be read on, a refusal ends them."""
    reached = 0
    try:
        for line in split_lines(stream, reading.ingest.max_line_bytes):
            reached = line.number
            marked = line.number == 1 and line.data is not None and line.data.startswith(_BYTE_ORDER_MARK)
            yield Line(1, line.data[len(_BYTE_ORDER_MARK) :]) if marked and line.data else line
    except OSError as error:
        yield reading.unreadable(reached + 1, str(error))


def _json_row(reading: Reading, number: int, data: bytes) -> Found:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return reading.refuse(number, "not_utf8", value=str(error), threshold="UTF-8")
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return reading.refuse(number, "broken_json", value=str(error), threshold="a JSON object", text=text)
    if not isinstance(values, dict):
        return reading.refuse(
            number, "not_an_object", value=type(values).__name__, threshold="a JSON object", text=text
        )
    return reading.row(number, values)


def _csv_row(reading: Reading, number: int, header: list[str], record: list[str]) -> Found:
    if len(record) != len(header):
        found, expected = f"{len(record)} fields", f"{len(header)} fields"
        return reading.refuse(number, "broken_csv", value=found, threshold=expected, text=",".join(record))
    return reading.row(number, dict(zip(header, record, strict=True)))


def _too_long(reading: Reading, number: int) -> Refusal:
    return reading.refuse(number, "line_too_long", threshold=f"{reading.ingest.max_line_bytes} bytes")
