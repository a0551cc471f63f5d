"""Which format a file is in: what is unmistakable in its first bytes, else its name, else how its text begins.

    crawl.txt that begins with `WARC/1.0`        WARC: the content decides
    notes.csv                                    CSV: nothing in a text file contradicts its name
    export (no suffix) that begins with `{...}`  JSONL
    README (no suffix)                           plain text

A source's `format` decides alone where it is set.
"""

import re
from pathlib import Path

from gristmill.params.ingest import Format
from gristmill.seeds.codecs import codec_of
from gristmill.seeds.encoding import marked

HEAD_BYTES = 4096

_BY_SUFFIX = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".parquet": Format.PARQUET,
    ".arrow": Format.ARROW,
    ".feather": Format.ARROW,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".txt": Format.TEXT,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    ".pdf": Format.PDF,
    ".warc": Format.WARC,
    ".zip": Format.ZIP,
    ".tar": Format.TAR,
}
_CODEC_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")
_MAGIC = (
    (b"PAR1", Format.PARQUET),
    (b"ARROW1", Format.ARROW),
    (b"\xff\xff\xff\xff", Format.ARROW),
    (b"%PDF-", Format.PDF),
    (b"WARC/", Format.WARC),
    (b"PK\x03\x04", Format.ZIP),
    (b"PK\x05\x06", Format.ZIP),
)
_TAR_MAGIC, _TAR_AT = b"ustar", 257
_JSON_OBJECT = re.compile(rb'\s*\{\s*(?:"|\}\s*(?:\n|\Z))')
_PAGE = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)


def named_format(name: str) -> Format | None:
    """The format that a file's name tells, compressed or not; None when it tells none."""
    path = Path(name.lower())
    if path.suffix == ".tgz":
        return Format.TAR
    if path.suffix in _CODEC_SUFFIXES:
        path = path.with_suffix("")
    return _BY_SUFFIX.get(path.suffix)


def known_suffixes() -> str:
    """The suffixes that tell a format, for messages."""
    return f"{' '.join(_BY_SUFFIX)}, each also with {' '.join(_CODEC_SUFFIXES)}"


def recognised(name: str, head: bytes, declared: Format) -> Format | None:
    """The format of a file of this name whose content (without compression) begins with `head`; None for none known."""
    found = _by_magic(head)
    if found in (Format.ZIP, Format.TAR):
        return found
    if declared is not Format.AUTO:
        return declared
    return found or named_format(name) or _by_text(head)


def _by_magic(head: bytes) -> Format | None:
    if head[_TAR_AT:].startswith(_TAR_MAGIC):
        return Format.TAR
    return next((format_ for magic, format_ in _MAGIC if head.startswith(magic)), None)


def _by_text(head: bytes) -> Format | None:
    """What a text without a telling name is; None for what is no text."""
    encoding, length = marked(head)
    if encoding.startswith(("utf-16", "utf-32")):
        return Format.TEXT
    text = head[length:]
    if b"\0" in text or codec_of(head):
        return None
    if _JSON_OBJECT.match(text):
        return Format.JSONL
    return Format.HTML if _PAGE.match(text) else Format.TEXT
