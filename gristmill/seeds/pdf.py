"""PDF: the text layer, page by page (pypdfium2). A scan without one has no text; nothing is recognised from images."""

import re
from collections.abc import Iterator
from typing import BinaryIO

import pypdfium2

from gristmill.frame.stage import Refusal
from gristmill.seeds.document import Found, Reading
from gristmill.seeds.prose import read_whole

_BROKEN_WORD = re.compile(r"\ufffe(?:\r?\n)?")
"""PDFium's mark for a hyphen that only the line's end made."""


def read_pdf(stream: BinaryIO, reading: Reading) -> Iterator[Found]:
    """The file as one document, pages as paragraphs; the title is that of the file's properties."""
    data = read_whole(stream, reading)
    if isinstance(data, Refusal):
        yield data
        return
    try:
        with pypdfium2.PdfDocument(data) as document:
            yield _document(document, reading)
    except pypdfium2.PdfiumError as error:
        yield reading.unreadable(None, str(error))


def _document(document: pypdfium2.PdfDocument, reading: Reading) -> Found:
    limit = reading.ingest.max_document_bytes
    pages: list[str] = []
    size = 0
    for page in document:
        text = _BROKEN_WORD.sub("", page.get_textpage().get_text_range())
        page.close()
        size += len(text)
        if size > limit:
            return reading.refuse(None, "document_too_long", threshold=f"{limit} bytes")
        pages.append(text)
    if not any(page.strip() for page in pages):
        return reading.refuse(None, "no_main_text", value=f"{len(pages)} pages", threshold="a text layer")
    return reading.document(None, "\n\n".join(pages), document.get_metadata_dict().get("Title"))
