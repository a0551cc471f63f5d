"""Any bytes under any name: documents and refusals come out, nothing else, and always the same."""

import io
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.frame.stage import Refusal
from gristmill.params.ingest import IngestParams
from gristmill.seeds.document import Document, Found, Reading
from gristmill.seeds.formats import read_documents
from gristmill.seeds.normalise import normalise
from tests.seeds.files import page, pdf, warc
from tests.seeds.test_more_formats import arrow, zipped

WHOLE = {
    "f.jsonl": b'{"text": "one"}\n{"text": "two \\u00e9"}\n',
    "f.csv": b'id,text\n1,"one ""quoted"""\n2,two\n',
    "f.md": b"---\na: b\n---\n# Title\n\nText.\n",
    "f.arrow": arrow({"text": ["one", "two"]}, file=False),
    "f.html": page("T", "Text."),
    "f.pdf": pdf("Text"),
    "f.warc": warc(("https://m.example/a", "200 OK", "text/plain", b"Words."), gzip=False),
    "f.zip": zipped(a=b"one", b=b"two"),
}
INGEST = IngestParams.model_validate({"sources": [{"name": "s", "path": "f"}], "max_document_bytes": 1 << 16})


def read(name: str, data: bytes) -> list[Found]:
    return list(read_documents(io.BytesIO(data), Reading(name, INGEST.sources[0], INGEST)))


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_damaged_file_gives_documents_and_refusals_alone(name: str, data: st.DataObject) -> None:
    whole = WHOLE[name]
    at = data.draw(st.integers(0, len(whole)))
    junk = data.draw(st.binary(max_size=20))
    damaged = whole[:at] + junk + whole[at + data.draw(st.integers(0, 20)) :]

    found = read(name, damaged)

    assert all(isinstance(item, Document | Refusal) for item in found)
    assert all(normalise(item.text) == item.text for item in found if isinstance(item, Document))
    assert found == read(name, damaged)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.binary(max_size=300), st.sampled_from(["f", "f.gz", *WHOLE]), st.booleans())
def test_any_bytes_give_documents_and_refusals_alone(data: bytes, name: str, packed: bool) -> None:
    found = read(name, zlib.compress(data, wbits=31) if packed else data)

    assert all(isinstance(item, Document | Refusal) for item in found)
