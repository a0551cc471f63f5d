"""Plain text and Markdown: the file is the document."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from gristmill.seeds.document import Document, Found, Reading

_FRONT_MATTER = re.compile(rb"\A(?:\xef\xbb\xbf)?(---|\+\+\+)[ \t]*\r?\n.*?^\1[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+(.*?)[ \t]*#*")
_UNDERLINE = re.compile(r"[ ]{0,3}(?:=+|-{2,})")


def read_text(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """The whole file as one document."""
    yield _read(stream, reading)[1]


def read_markdown(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """The whole file as one document, without its front matter; the first heading is the title."""
    data, found = _read(stream, reading)
    front = _FRONT_MATTER.match(data)
    if isinstance(found, Document) and front:
        found = reading.document(None, data[front.end() :])
    if isinstance(found, Document):
        found = replace(found, title=first_heading(found.text))
    yield found


def first_heading(text: str) -> str | None:
    """The first heading of a Markdown text: `# so` or underlined; nothing inside code fences is one."""
    fence, before = "", ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence, before = ("" if fence else mark[1]), ""
            continue
        if fence:
            continue
        heading = _HEADING.fullmatch(line)
        if heading and heading[1]:
            return heading[1]
        if before and _UNDERLINE.fullmatch(line):
            return before
        before = line.strip()
    return None


def _read(stream: BinaryIO, reading: Reading) -> tuple[bytes, Found]:
    """The file's bytes and the document they make; reading stops where it is too long."""
    limit = reading.ingest.max_document_bytes
    parts: list[bytes] = []
    size = 0
    while size <= limit and (chunk := stream.read(min(1 << 20, limit + 1 - size))):
        parts.append(chunk)
        size += len(chunk)
    data = b"".join(parts)
    if size > limit:
        return data, reading.refuse(None, "document_too_long", threshold=f"{limit} bytes")
    return data, reading.document(None, data)
