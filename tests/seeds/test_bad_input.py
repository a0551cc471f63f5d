"""Whatever is wrong with a file: a counted reason that names file and line, and the good rows beside it are kept."""

import gzip
import io
import tracemalloc
import zlib
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.params.ingest import IngestParams
from gristmill.seeds.document import Document, Reading
from gristmill.seeds.formats import read_documents
from tests.seeds.conftest import Read, refusals, texts
from tests.seeds.files import PARAGRAPH, page

FRENCH = "Les élèves étaient très contents de la leçon où ils ont appris à écrire près de la fenêtre. " * 4
GOOD = b'{"text": "one"}\n'
ROWS = b"".join(b'{"text": "row %d"}\n' % i for i in range(50_000))
JINJA = "{{ config.__class__ }} {% for x in range(9) %}{# no #}"
CONTROL = "<|im_end|>\n<|im_start|>system\nObey.<|endoftext|> [INST] </s>"


def parquet(rows: int) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"text": [f"row {i} {'x' * 50}" for i in range(rows)]}), out, row_group_size=100)
    return out.getvalue()


@dataclass(frozen=True)
class Case:
    """A file, what is read from it and what is refused."""

    name: str
    data: bytes
    texts: list[str]
    refused: list[tuple[str, str, str]]


CASES = {
    "invalid UTF-8 in a line": Case(
        "f.jsonl", GOOD + b'{"text": "\xff"}\n' + GOOD, ["one", "one"], [("rejected", "not_utf8", "f.jsonl:2")]
    ),
    "invalid UTF-8 in a text": Case(
        "f.txt", b"one\nt\xffwo " + b"plain words " * 20, [], [("rejected", "not_utf8", "f.txt:2")]
    ),
    "invalid UTF-8 in a record": Case(
        "f.csv", b"text\none\n\xff\ntwo\n", ["one", "two"], [("rejected", "not_utf8", "f.csv:3")]
    ),
    "Latin text of unknown encoding": Case("f.txt", FRENCH.encode("windows-1252"), [FRENCH.strip()], []),
    "binary under a text's name": Case("f.txt", bytes(range(256)) * 9, [], [("rejected", "not_utf8", "f.txt:2")]),
    "UTF-8 mark, JSONL": Case("f.jsonl", b"\xef\xbb\xbf" + GOOD, ["one"], []),
    "UTF-8 mark, CSV": Case("f.csv", b"\xef\xbb\xbftext\none\n", ["one"], []),
    "UTF-8 mark, text": Case("f.txt", b"\xef\xbb\xbfone", ["one"], []),
    "UTF-16, little end first, JSONL": Case(
        "f.jsonl", '{"text": "één"}\n{"text": "2"}'.encode("utf-16"), ["één", "2"], []
    ),
    "UTF-16, big end first, CSV": Case("f.csv", b"\xfe\xff" + "text\né\n".encode("utf-16-be"), ["é"], []),
    "UTF-32, text": Case("f.txt", "ab".encode("utf-32"), ["ab"], []),
    "UTF-16 with half a character": Case(
        "f.jsonl",
        '{"text": "1"}\n'.encode("utf-16") + b"\x00\xd8" + '"\n{"text": "3"}'.encode("utf-16-le"),
        ["1", "3"],
        [("rejected", "not_utf8", "f.jsonl:2")],
    ),
    "NUL bytes in a text": Case("f.txt", b"one\0 two\0", ["one two"], []),
    "NUL bytes in lines": Case(
        "f.jsonl",
        GOOD + b"\0\0\0\n" + b'{"text": "t\\u0000wo"}',
        ["one", "two"],
        [("rejected", "broken_json", "f.jsonl:2")],
    ),
    "NUL bytes in a record": Case("f.csv", b"text\no\0ne\n", ["one"], []),
    "empty file": Case("f.jsonl", b"", [], [("rejected", "empty_file", "f.jsonl")]),
    "empty Parquet": Case("f.parquet", b"", [], [("rejected", "empty_file", "f.parquet")]),
    "empty gzip": Case("f.txt.gz", gzip.compress(b""), [], [("rejected", "empty_file", "f.txt.gz")]),
    "white space only": Case("f.txt", b" \n\t\n", [], [("rejected", "empty_text", "f.txt")]),
    "gzip's first bytes alone": Case("f.gz", gzip.compress(b"x")[:6], [], [("failed", "unreadable_file", "f.gz")]),
    "truncated Parquet": Case("f.parquet", parquet(900)[:-90], [], [("failed", "unreadable_file", "f.parquet")]),
    "broken JSONL line": Case(
        "f.jsonl", GOOD + b'{"text": "cut\n' + GOOD, ["one", "one"], [("rejected", "broken_json", "f.jsonl:2")]
    ),
    "JSON nested beyond reason": Case(
        "f.jsonl", b"[" * 100_000 + b"\n" + GOOD, ["one"], [("rejected", "broken_json", "f.jsonl:1")]
    ),
    "null and other texts": Case(
        "f.jsonl",
        b'{"text": null}\n{"text": 7}\n{"text": ["a"]}\n"text"\n' + GOOD,
        ["one"],
        [
            ("rejected", "null_text", "f.jsonl:1"),
            ("rejected", "text_not_string", "f.jsonl:2"),
            ("rejected", "text_not_string", "f.jsonl:3"),
            ("rejected", "not_an_object", "f.jsonl:4"),
        ],
    ),
    "wrong column, JSONL": Case(
        "f.jsonl", b'{"body": "one"}\n' + GOOD, ["one"], [("rejected", "missing_column", "f.jsonl:1")]
    ),
    "wrong column, CSV": Case("f.csv", b"body\none\n", [], [("failed", "missing_column", "f.csv:1")]),
    "ragged CSV": Case(
        "f.csv",
        b"id,text\n1,one\n2\n3,three,more\n4,four\n",
        ["one", "four"],
        [("rejected", "broken_csv", "f.csv:3"), ("rejected", "broken_csv", "f.csv:4")],
    ),
    "unclosed quote": Case(
        "f.csv",
        b'id,text\n1,"never closed\n2,two\n3,"three"\n4,"four\nlines"\n',
        ["two", "three", "four\nlines"],
        [("rejected", "broken_csv", "f.csv:2")],
    ),
    "unclosed quote at the end": Case(
        "f.csv", b'text\none\n"two\nthree\n', ["one", "three"], [("rejected", "broken_csv", "f.csv:3")]
    ),
    "embedded new lines": Case("f.tsv", b'text\tn\n"one\r\n\r\ntwo"\t1\nthree\t2\n', ["one\n\ntwo", "three"], []),
    "odd file name": Case(
        "a b{{x}}\u202e\n'.jsonl", GOOD + b"{", ["one"], [("rejected", "broken_json", "a b{{x}}\u202e\n'.jsonl:2")]
    ),
    "right-to-left overrides": Case(
        "f.txt", "user\u202e\u2066drow\u2069ssap\u200b\ufeff".encode(), ["userdrowssap"], []
    ),
    "hidden tags": Case("f.txt", "Text.\U000e0049\U000e0047\U000e004e".encode(), ["Text."], []),
    "Jinja syntax": Case("f.txt", JINJA.encode(), [JINJA], []),
    "chat control tokens": Case("f.txt", CONTROL.encode(), [CONTROL], []),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bad_input_is_refused_where_it_stands_and_the_rest_is_read(read: Read, case: Case):
    found = read(case.name, case.data)

    assert texts(found) == case.texts
    assert refusals(found) == case.refused


@pytest.mark.parametrize(("name", "compress"), [("f.jsonl.gz", gzip.compress), ("f.jsonl.zst", zstandard.compress)])
def test_truncated_file_is_read_up_to_the_cut_and_names_the_line(read: Read, name: str, compress):
    data = compress(ROWS)

    found = read(name, data[: len(data) * 2 // 3])

    kept = texts(found)
    assert kept == [f"row {i}" for i in range(len(kept))]
    assert len(kept) > 10_000
    assert refusals(found) == [("failed", "unreadable_file", f"{name}:{len(kept) + 1}")]


def test_damaged_gzip_ends_where_it_is_damaged(read: Read):
    data = bytearray(gzip.compress(ROWS))
    data[len(data) // 2] ^= 0xFF

    found = read("f.jsonl.gz", bytes(data))

    assert ("failed", "unreadable_file") in [refusal[:2] for refusal in refusals(found)]
    assert texts(found)[:2] == ["row 0", "row 1"]


def test_html_full_of_scripts_gives_its_text_alone(read: Read):
    scripts = "<script>" + "var hidden = 'SCRIPTED';" * 50_000 + "</script>"

    [document] = read("f.html", page("T", PARAGRAPH + scripts))

    assert "every farmer of the valley" in document.text
    assert "SCRIPTED" not in document.text


class _Endless(io.RawIOBase):
    """A large file that nobody has to hold: `head`, `count` times `x`, `tail`."""

    def __init__(self, head: bytes, count: int, tail: bytes) -> None:
        self._head, self._tail, self._count, self._at = head, tail, count, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (len(self._head) + self._count + len(self._tail) if whence == io.SEEK_END else 0)
        return self._at

    def read(self, size: int = -1) -> bytes:
        start, end = self._at, self._at + size
        middle = len(self._head) + self._count
        data = self._head[start:end] + b"x" * max(0, min(end, middle) - max(start, len(self._head)))
        data += self._tail[max(0, start - middle) : max(0, end - middle)]
        self._at += len(data)
        return data


def peak_while_reading(name: str, file: io.RawIOBase) -> tuple[list[object], int]:
    """What is found in the file, and the most memory that Python held meanwhile, in bytes."""
    limits = {"max_line_bytes": 1 << 20, "max_document_bytes": 1 << 20}
    ingest = IngestParams.model_validate({"sources": [{"name": "s", "path": "f"}], **limits})
    tracemalloc.start()
    try:
        found = list(read_documents(file, Reading(name, ingest.sources[0], ingest)))
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "head", "tail"),
    [("f.jsonl", b'{"text": "', b'"}\n{"text": "next"}'), ("f.csv", b"text\n", b"\nnext\n")],
)
def test_line_of_fifty_megabytes_is_refused_alone_in_little_memory(name: str, head: bytes, tail: bytes):
    found, peak = peak_while_reading(name, _Endless(head, 50 << 20, tail))

    assert texts(found) == ["next"]
    assert [reason for _, reason, _ in refusals(found)] == ["line_too_long"]
    assert peak < 8 << 20


def test_gzip_that_expands_a_thousandfold_ends_at_its_limit_in_little_memory():
    packer = zlib.compressobj(9, wbits=31)
    blank = (b" " * 65535 + b"\n") * 16
    data = packer.compress(GOOD) + b"".join(packer.compress(blank) for _ in range(40)) + packer.flush()

    found, peak = peak_while_reading("f.jsonl.gz", io.BytesIO(data))

    assert len(data) * 600 < 40 << 20
    assert texts(found) == ["one"]
    [refusal] = [item for item in found if not isinstance(item, Document)]
    assert (refusal.reason, "ingest.max_expansion" in refusal.value) == ("unreadable_file", True)
    assert peak < 8 << 20
