"""What every format yields: documents in normal form, and refusals for what is none.

A row of a file (a JSON line, a CSV record, a Parquet row, or a whole text) becomes a `Document` or
a `Refusal` with the reason and the place; the rows beside it are not touched by its fate.
"""

from dataclasses import dataclass
from typing import Any, Literal

from gristmill.frame.stage import Refusal
from gristmill.params.ingest import IngestParams, Source
from gristmill.seeds.normalise import normalise

_WHITE = " \t\n"


@dataclass(frozen=True)
class Section:
    """A part of a document with a heading of its own, from `offset` on. No passage spans two sections."""

    offset: int
    heading: str


@dataclass(frozen=True)
class Document:
    """One text in normal form. `address` is the place it was read from, `#line` or `#key` included."""

    id: str
    address: str
    text: str
    title: str | None = None
    sections: tuple[Section, ...] = ()
    """In order of their offsets; without any, the whole text is one section without a heading."""


Found = Document | Refusal


@dataclass(frozen=True)
class Reading:
    """How a file is read: where it stands, for messages and addresses, and what its source says about it."""

    address: str
    source: Source
    ingest: IngestParams

    def refuse(
        self,
        line: int | None,
        reason: str,
        *,
        value: str = "",
        threshold: str = "",
        text: str = "",
        outcome: Literal["rejected", "failed"] = "rejected",
    ) -> Refusal:
        """A refusal of this line (or of the whole file)."""
        return Refusal(self.at(line, "#"), reason, value, threshold, self.at(line, ":"), text, outcome)

    def unreadable(self, line: int | None, why: str) -> Refusal:
        """The refusal of a file that cannot be read, at all or from this line on."""
        return self.refuse(line, "unreadable_file", value=why, outcome="failed")

    def at(self, line: int | None, mark: str) -> str:
        """The file, or the line in it."""
        return self.address if line is None else f"{self.address}{mark}{line}"

    def row(self, line: int, values: dict[str, Any]) -> Found:
        """The document in a row of named values."""
        column = self.source.text_column
        if column not in values:
            return self.refuse(
                line, "missing_text", value=f"no {column!r} among: {', '.join(values)}", text=str(values)
            )
        name = values.get(self.source.id_column) if self.source.id_column else None
        if self.source.id_column and not _names_a_document(name):
            return self.refuse(line, "bad_id", value=repr(name), threshold="a text or an integer")
        title = values.get(self.source.title_column) if self.source.title_column else None
        return self.document(line, values[column], title, name)

    def document(self, line: int | None, text: object, title: object = None, name: object = None) -> Found:
        """The document of this text, or the reason why it is none."""
        if text is None:
            return self.refuse(line, "null_text", threshold="a text")
        if isinstance(text, bytes):
            return self._decoded(line, text, title, name)
        if not isinstance(text, str):
            return self.refuse(line, "text_not_string", value=type(text).__name__, threshold="a text", text=repr(text))
        limit = self.ingest.max_document_bytes
        if len(text) > limit or (4 * len(text) > limit and len(text.encode(errors="replace")) > limit):
            return self.refuse(line, "document_too_long", threshold=f"{limit} bytes", text=text[:2000])
        normal = normalise(text)
        if not normal.strip(_WHITE):
            return self.refuse(line, "empty_text", value=repr(text[:80]))
        address = self.at(line, "#")
        document_id = address if name is None else f"{self.source.name}#{name}"
        return Document(document_id, address, normal, _one_line(title))

    def _decoded(self, line: int | None, data: bytes, title: object, name: object) -> Found:
        try:
            return self.document(line, data.decode(), title, name)
        except UnicodeDecodeError as error:
            # In a text that is a whole file, the line to name is the one with that byte.
            place = line if line is not None else data.count(b"\n", 0, error.start) + 1
            return self.refuse(place, "not_utf8", value=str(error), threshold="UTF-8")


def _names_a_document(name: object) -> bool:
    return (isinstance(name, str) and bool(name)) or (isinstance(name, int) and not isinstance(name, bool))


def _one_line(title: object) -> str | None:
    """A title as one line, or None when there is none."""
    return (" ".join(normalise(title).split()) or None) if isinstance(title, str) else None
