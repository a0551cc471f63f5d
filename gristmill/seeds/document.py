"""What every format yields: documents in normal form, and refusals for what is none.

A row of a file (a JSON line, a CSV record, a Parquet row, or a whole text) becomes a `Document` or
a `Refusal` with the reason and the place; the rows beside it are not touched by its fate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from gristmill.frame.stage import Refusal
from gristmill.identity import text_hash
from gristmill.params.ingest import IngestParams, Source
from gristmill.seeds.normalise import normalise

_WHITE = " \t\n"


@dataclass(frozen=True)
class Section:
    """A part of a document with a heading of its own, from `offset` on. No passage spans two sections."""

    offset: int
    heading: str


@dataclass(frozen=True)
class About:
    """What a row's other columns say about its text; every passage of it carries that."""

    licence: str | None = None
    language: str | None = None
    stratum: str | None = None
    fields: str | None = None
    """JSON object of the source's `fields`, keys in order; None where the source names none."""


NOTHING = About()


@dataclass(frozen=True)
class Document:
    """One text in normal form. `address` is the place it was read from, `#line` or `#key` included."""

    id: str
    address: str
    text: str
    title: str | None = None
    sections: tuple[Section, ...] = ()
    """In order of their offsets; without any, the whole text is one section without a heading."""
    about: About = NOTHING


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

    def without_columns(self, line: int | None, missing: list[str], names: list[str]) -> Refusal:
        """The refusal of a table that lacks columns its source names."""
        value = f"no {', '.join(map(repr, missing))} among: {', '.join(names)}"
        return self.refuse(line, "missing_column", value=value, threshold="the source's columns", outcome="failed")

    def at(self, line: int | None, mark: str) -> str:
        """The file, or the line in it."""
        return self.address if line is None else f"{self.address}{mark}{line}"

    def row(self, line: int, values: Mapping[str, Any]) -> Found:
        """The document in a row of named values. Named by its id column, else by its content: equal rows are one."""
        source = self.source
        column = source.text_column
        if column not in values:
            return self.refuse(
                line, "missing_column", value=f"no {column!r} among: {', '.join(values)}", text=str(values)
            )
        name = values.get(source.id_column) if source.id_column else None
        if source.id_column and not _names_a_document(name):
            return self.refuse(line, "bad_id", value=repr(name), threshold="a text or an integer")
        about = self._about(line, values) if source.describing_columns else NOTHING
        if isinstance(about, Refusal):
            return about
        title = values.get(source.title_column) if source.title_column else None
        return self.document(line, values[column], title, name, about)

    def document(
        self, line: int | None, text: object, title: object = None, name: object = None, about: About = NOTHING
    ) -> Found:
        """The document of this text, or the reason why it is none."""
        if text is None:
            return self.refuse(line, "null_text", threshold="a text")
        if isinstance(text, bytes):
            try:
                return self.document(line, text.decode(), title, name, about)
            except UnicodeDecodeError as error:
                return self._not_utf8(line, text, error)
        if not isinstance(text, str):
            return self.refuse(line, "text_not_string", value=type(text).__name__, threshold="a text", text=repr(text))
        limit = self.ingest.max_document_bytes
        if 4 * len(text) > limit and (len(text) > limit or len(text.encode(errors="replace")) > limit):
            return self.refuse(line, "document_too_long", threshold=f"{limit} bytes", text=text[:2000])
        normal = normalise(text)
        if not normal or not normal.strip(_WHITE):
            return self.refuse(line, "empty_text", value=repr(text[:80]))
        one_line = _one_line(title)
        return Document(self._id(line, normal, one_line, name, about), self.at(line, "#"), normal, one_line, (), about)

    def _id(self, line: int | None, text: str, title: str | None, name: object, about: About) -> str:
        if name is not None:
            return f"{self.source.name}#{name}"
        if line is None:
            return self.address
        return f"{self.source.name}#{text_hash(''.join((title or '', chr(0), about.fields or '', chr(0), text)))}"

    def _about(self, line: int, values: Mapping[str, Any]) -> About | Refusal:
        """What the row's describing columns say. Texts in normal form; anything else as JSON has it."""
        source = self.source
        fields = None
        if source.fields:
            taken = {name: _normal(values.get(column)) for name, column in source.fields.items()}
            try:
                fields = orjson.dumps(taken, option=orjson.OPT_SORT_KEYS).decode()
            except TypeError as error:  # bytes, decimals, integers beyond 64 bits: JSON has no such value
                return self.refuse(line, "bad_field", value=str(error), threshold="values that JSON can hold")
            if len(fields) > self.ingest.max_document_bytes:
                return self.refuse(line, "document_too_long", threshold=f"{self.ingest.max_document_bytes} bytes")
        licence, language, stratum = (
            _one_line(str(value) if isinstance(value, int | float) else value)
            for value in (
                values.get(column) if column else None
                for column in (source.licence_column, source.language_column, source.stratum_column)
            )
        )
        return About(licence, language, stratum, fields)

    def _not_utf8(self, line: int | None, data: bytes, error: UnicodeDecodeError) -> Refusal:
        # In a text that is a whole file, the line to name is the one with that byte.
        place = line if line is not None else data.count(b"\n", 0, error.start) + 1
        return self.refuse(place, "not_utf8", value=str(error), threshold="UTF-8, or the source's `encoding`")


def _names_a_document(name: object) -> bool:
    return (isinstance(name, str) and bool(name)) or (isinstance(name, int) and not isinstance(name, bool))


def _one_line(title: object) -> str | None:
    """A title as one line, or None when there is none."""
    return (" ".join(normalise(title).split()) or None) if isinstance(title, str) else None


def _normal(value: Any) -> Any:
    """The value with every text in it in normal form."""
    if isinstance(value, str):
        return normalise(value)
    if isinstance(value, list):
        return [_normal(part) for part in value]
    return {str(key): _normal(part) for key, part in value.items()} if isinstance(value, dict) else value
