"""HTML and WARC: a page's main text, without navigation, scripts and what repeats on every page (trafilatura).

A WARC file gives one document for each response or conversion record that holds a page or a plain text, named by the
address it was fetched from. Records about the fetching itself are no documents; answers other than 200 and other
kinds of content are refused.
"""

import logging
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import trafilatura
from lxml import html
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from gristmill.frame.stage import Refusal
from gristmill.seeds.document import Found, Reading
from gristmill.seeds.encoding import decoded
from gristmill.seeds.prose import read_whole

for _noisy in ("trafilatura", "htmldate", "warcio"):
    logging.getLogger(_noisy).setLevel(logging.CRITICAL)  # what they warn of is booked as a refusal

_META_BYTES = 4096
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_HEADER = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_PAGES = ("text/html", "application/xhtml+xml")


def read_html(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """The page as one document."""
    data = read_whole(stream, reading)
    yield data if isinstance(data, Refusal) else _page(data, None, reading)


def read_warc(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """The archive's pages and plain texts. A broken record ends the file."""
    number = 0
    try:
        for number, record in enumerate(ArchiveIterator(stream), 1):
            if record.rec_type in ("response", "conversion", "resource"):
                yield _record(record, number, reading)
    except (ArchiveLoadFailed, EOFError, ValueError, AttributeError) as error:  # warcio raises these on broken headers
        yield reading.unreadable(number + 1, f"{type(error).__name__}: {error}")


def _record(record: Any, number: int, reading: Reading) -> Found:
    """The document in a record, or why there is none."""
    address = record.rec_headers.get_header("WARC-Target-URI") or str(number)
    inside = Reading(f"{reading.address}#{address}", reading.source, reading.ingest)
    headers = record.http_headers
    status = headers.get_statuscode() if headers else "200"
    if status != "200":
        return inside.refuse(None, "http_status", value=str(status), threshold="200")
    kind = (headers or record.rec_headers).get_header("Content-Type") or ""
    media = kind.split(";")[0].strip().lower()
    if media not in (*_PAGES, "text/plain"):
        return inside.refuse(None, "no_text_record", value=media, threshold=f"{', '.join(_PAGES)} or text/plain")
    limit = reading.ingest.max_member_bytes
    data = record.content_stream().read(limit + 1)
    if len(data) > limit:
        return inside.refuse(None, "member_too_large", value=f"more than {limit} bytes", threshold=f"{limit} bytes")
    header = _HEADER.search(kind)
    charset = header[1] if header else None
    return _page(data, charset, inside) if media in _PAGES else _plain(data, charset, inside)


def _plain(data: bytes, charset: str | None, reading: Reading) -> Found:
    text = _text(data, charset, reading)
    return reading.document(None, text) if isinstance(text, str) else text


def _page(data: bytes, charset: str | None, reading: Reading) -> Found:
    """The page's main text as a document; its title element is the title."""
    meta = _META.search(data[:_META_BYTES])
    page = _text(data, charset or (meta[1].decode("ascii", "replace") if meta else None), reading)
    if not isinstance(page, str):
        return page
    if not page.strip():
        return reading.document(None, page)
    # As bytes: a page that declares another encoding than it is in would be refused as a text.
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True)
    tree = html.document_fromstring(page.encode(errors="replace"), parser=parser, ensure_head_body=True)
    title = tree.findtext(".//title")
    main = trafilatura.extract(tree, include_comments=False)
    if not (main or "").strip():
        return reading.refuse(None, "no_main_text", threshold="a page with running text", text=page[:2000])
    return reading.document(None, main, title)


def _text(data: bytes, charset: str | None, reading: Reading) -> str | Refusal:
    try:
        return decoded(data, reading.source.encoding or charset, reading.ingest.min_encoding_confidence)
    except UnicodeDecodeError as error:
        place = data.count(b"\n", 0, error.start) + 1
        return reading.refuse(place, "not_utf8", value=str(error), threshold="UTF-8, or a declared encoding")
