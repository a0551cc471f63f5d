from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.params.ingest import IngestParams
from gristmill.seeds.document import Document, Found, Reading
from gristmill.seeds.formats import read_documents

LIMITS = (
    "max_line_bytes",
    "max_document_bytes",
    "max_member_bytes",
    "max_expansion",
    "min_encoding_confidence",
)
Read = Callable[..., list[Found]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads `data` as a file of that name; keywords are the source's fields, or limits of `ingest`."""

    def read_file(name: str, data: bytes, **fields: Any) -> list[Found]:
        limits = {key: fields.pop(key) for key in LIMITS if key in fields}
        ingest = IngestParams.model_validate({"sources": [{"name": "s", "path": name, **fields}], **limits})
        path = tmp_path / "file"
        path.write_bytes(data)
        with path.open("rb") as file:
            return list(read_documents(file, Reading(name, ingest.sources[0], ingest)))

    return read_file


def texts(found: list[Found]) -> list[str]:
    """The documents' texts."""
    return [document.text for document in found if isinstance(document, Document)]


def refusals(found: list[Found]) -> list[tuple[str, str, str]]:
    """Outcome, reason and place of what was refused."""
    return [(item.outcome, item.reason, item.where) for item in found if not isinstance(item, Document)]
