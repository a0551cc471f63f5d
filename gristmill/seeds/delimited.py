"""CSV and TSV: records below a header, as RFC 4180 has them; the number of a record is that of its first line.

A record that is broken (a quote that never closes, text behind a closing quote) is refused by its first line alone,
and reading goes on at the second: an unclosed quote costs its own record, not the file.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from gristmill.frame.stage import Refusal
from gristmill.seeds.document import Found, Reading
from gristmill.seeds.encoding import as_utf8
from gristmill.seeds.rows import Line, split_lines, too_long

_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')


def read_csv(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """Documents from records. A header without the source's columns is the failure of the file."""
    csv.field_size_limit(reading.ingest.max_line_bytes)
    feed = _Feed(split_lines(as_utf8(stream, reading.source.encoding), reading.ingest.max_line_bytes))
    header: list[str] | None = None
    for start, record in _records(feed, reading):
        if isinstance(record, Refusal):
            yield record
        elif header is None:
            header = record
            if missing := [name for name in reading.source.columns if name not in header]:
                yield reading.without_columns(start, missing, header)
                return
        elif len(record) != len(header):
            found, expected = f"{len(record)} fields", f"{len(header)} fields"
            yield reading.refuse(start, "broken_csv", value=found, threshold=expected, text=",".join(record))
        else:
            yield reading.row(start, dict(zip(header, record, strict=True)))
    if feed.broken:
        yield reading.unreadable(feed.number + 1, feed.broken)


def _records(feed: "_Feed", reading: Reading) -> Iterator[tuple[int, list[str] | Refusal]]:
    """The records that are not empty, each with the number of its first line."""
    records = csv.reader(feed, delimiter=_delimiter(feed, reading), strict=True)
    while True:
        start = feed.next_record()
        try:
            record: list[str] | Refusal = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            record = reading.refuse(start, "broken_csv", value=str(error), text=feed.first)
            feed.give_back()
        if feed.faults:
            record = _refused(reading, start, feed.faults[0])
        if record:
            yield start, record


def _refused(reading: Reading, start: int, fault: str) -> Refusal:
    if fault == "line_too_long":
        return too_long(reading, start)
    return reading.refuse(start, fault, threshold="UTF-8, or the source's `encoding`")


def _delimiter(feed: "_Feed", reading: Reading) -> str:
    """The source's, else the mark that is most frequent in the first line outside quotes."""
    if reading.source.delimiter:
        return reading.source.delimiter
    first = _QUOTED.sub("", feed.peek())
    return max(_DELIMITERS, key=first.count)


class _Feed:
    """The lines as csv.reader takes them; those of the present record are held until the next one begins."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._ahead: deque[tuple[str, str]] = deque()
        self._record: list[tuple[str, str]] = []
        self.number = 0
        """Lines given so far."""
        self.faults: list[str] = []
        """What is wrong with lines of the present record."""
        self.broken = ""
        """Why the file could not be read on."""

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        entry = self._ahead.popleft() if self._ahead else self._read()
        self.number += 1
        self._record.append(entry)
        if entry[1]:
            self.faults.append(entry[1])
        return entry[0]

    @property
    def first(self) -> str:
        """The present record's first line."""
        return self._record[0][0] if self._record else ""

    def next_record(self) -> int:
        """Begins a record; gives the number of its first line."""
        self._record, self.faults = [], []
        return self.number + 1

    def give_back(self) -> None:
        """The present record's lines are read again, except its first."""
        again = self._record[1:]
        self.number -= len(again)
        self._ahead.extendleft(reversed(again))
        self.faults = self.faults if len(self._record) == 1 else [fault for _, fault in self._record[:1] if fault]

    def peek(self) -> str:
        """The next line; empty when there is none."""
        if not self._ahead:
            try:
                self._ahead.append(self._read())
            except StopIteration:
                return ""
        return self._ahead[0][0]

    def _read(self) -> tuple[str, str]:
        """A line with its end, and what is wrong with it. Raises StopIteration at the end."""
        try:
            _, data = next(self._lines)
        except OSError as error:
            self.broken = str(error)
            raise StopIteration from None
        if data is None:
            return "\n", "line_too_long"
        try:
            return data.decode() + "\n", ""
        except UnicodeDecodeError:
            return data.decode(errors="replace") + "\n", "not_utf8"
