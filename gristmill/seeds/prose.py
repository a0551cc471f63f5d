"""Plain text and Markdown: the file is the document."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from gristmill.frame.stage import Refusal
from gristmill.seeds.document import Document, Found, Reading
from gristmill.seeds.encoding import decoded

_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\r?\n.*?^\1[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+(.*?)[ \t]*#*")
_UNDERLINE = re.compile(r"[ ]{0,3}(?:=+|-{2,})")


def read_text(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """The whole file as one document."""
    text = _read(stream, reading)
    yield reading.document(None, text) if isinstance(text, str) else text


def read_markdown(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """The whole file as one document, without its front matter; the first heading is the title."""
    text = _read(stream, reading)
    found = reading.document(None, _FRONT_MATTER.sub("", text, count=1)) if isinstance(text, str) else text
    yield replace(found, title=first_heading(found.text)) if isinstance(found, Document) else found


def first_heading(text: str) -> str | None:
    """The first heading of a Markdown text: `# so` or underlined; nothing inside code fences is one."""
    return next((heading for _, heading in headings(text) if heading), None)


def headings(text: str) -> Iterator[tuple[int, str]]:
    """Where each part of a Markdown text begins, and its heading; what stands before the first one has none."""
    fence, before, before_at, at = "", "", 0, 0
    starts = 0 if not text else -1
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        bare = line.rstrip("\n")
        found = None
        if mark and (not fence or mark[1].startswith(fence)):
            fence, before = ("" if fence else mark[1]), ""
        elif not fence:
            heading = _HEADING.fullmatch(bare)
            if heading and heading[1]:
                found = (at, heading[1])
            elif before and _UNDERLINE.fullmatch(bare):
                found = (before_at, before)
            before, before_at = ("" if found else bare.strip()), at
        if found:
            if starts < 0 < found[0]:
                yield 0, ""
            starts = 0
            yield found
        at += len(line)


def read_whole(stream: BinaryIO, reading: Reading) -> bytes | Refusal:
    """A file that is one document; a refusal when it is too long, found without reading more than that."""
    limit = reading.ingest.max_document_bytes
    parts: list[bytes] = []
    size = 0
    while size <= limit and (chunk := stream.read(min(1 << 20, limit + 1 - size))):
        parts.append(chunk)
        size += len(chunk)
    if size > limit:
        return reading.refuse(None, "document_too_long", threshold=f"{limit} bytes")
    return b"".join(parts)


def _read(stream: BinaryIO, reading: Reading) -> str | Refusal:
    """The file's text, by gristmill.seeds.encoding's policy."""
    data = read_whole(stream, reading)
    if isinstance(data, Refusal):
        return data
    try:
        return decoded(data, reading.source.encoding, reading.ingest.min_encoding_confidence)
    except UnicodeDecodeError:
        found = reading.document(None, data)
        assert isinstance(found, Refusal)  # it says which byte of which line
        return found
