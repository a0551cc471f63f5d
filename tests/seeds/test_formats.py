import bz2
import gzip
import io
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.seeds.document import About, Document
from tests.seeds.conftest import refusals, texts


def test_jsonl_good_rows_survive_every_kind_of_broken_one(read):
    lines = [
        b'{"text": "one"}',
        b'{"text": "cut',
        b'{"text": null}',
        b'{"text": 7}',
        b'{"other": "x"}',
        b'["text"]',
        b'{"text": "\xff"}',
        b"",
        b'{"text": " \\u200b "}',
        b'{"text": "' + b"x" * 1100 + b'"}',
        b'{"text": "last"}',
    ]

    found = read("f.jsonl", b"\n".join(lines), max_line_bytes=1024)

    assert texts(found) == ["one", "last"]
    assert refusals(found) == [
        ("rejected", "broken_json", "f.jsonl:2"),
        ("rejected", "null_text", "f.jsonl:3"),
        ("rejected", "text_not_string", "f.jsonl:4"),
        ("rejected", "missing_column", "f.jsonl:5"),
        ("rejected", "not_an_object", "f.jsonl:6"),
        ("rejected", "not_utf8", "f.jsonl:7"),
        ("rejected", "empty_text", "f.jsonl:9"),
        ("rejected", "line_too_long", "f.jsonl:10"),
    ]


def test_jsonl_line_many_chunks_long_is_refused_and_the_next_one_read(read):
    found = read("f.jsonl", b"x" * 100_000 + b'\n{"text": "next"}\n' + b"y" * 100_000, max_line_bytes=2000)

    assert texts(found) == ["next"]
    assert refusals(found) == [
        ("rejected", "line_too_long", "f.jsonl:1"),
        ("rejected", "line_too_long", "f.jsonl:3"),
    ]


def test_jsonl_byte_order_mark_and_windows_line_ends_are_no_part_of_it(read):
    assert texts(read("f.jsonl", b'\xef\xbb\xbf{"text": "a"}\r\n{"text": "b"}\r\n')) == ["a", "b"]


def test_jsonl_columns_name_the_document_and_its_title(read):
    data = b'{"body": "a", "key": 7, "head": "Of\\n a"}\n{"body": "b", "key": null}\n{"body": "c", "key": "k"}'

    found = read("f.jsonl", data, text_column="body", id_column="key", title_column="head")

    assert found[0] == Document("s#7", "f.jsonl#1", "a", "Of a")
    assert refusals(found) == [("rejected", "bad_id", "f.jsonl:2")]
    assert found[2] == Document("s#k", "f.jsonl#3", "c", None)


def test_jsonl_rows_without_an_id_column_keep_their_ids_when_a_line_comes_before_them(read):
    rows = [b'{"text": "one"}', b'{"text": "two"}', b'{"text": "one"}', b'{"text": "one", "t": "titled"}']

    before = [document.id for document in read("f.jsonl", b"\n".join(rows), title_column="t")]
    after = [document.id for document in read("f.jsonl", b"\n".join([rows[1], *rows]), title_column="t")]

    assert after == [before[1], *before]
    assert before[0] == before[2]
    assert len({*before}) == 3
    assert all(len(name) == len("s#") + 32 for name in before)


def test_jsonl_mapped_columns_are_carried_as_they_stand(read):
    row = {"text": "a", "by": "CC0-1.0", "lang": "de", "grade": 3, "gold": "b\r\n", "tags": ["x\u200b", 1], "more": 0}
    data = json.dumps(row).encode() + b'\n{"text": "c"}'
    columns = {"licence_column": "by", "language_column": "lang", "stratum_column": "grade"}

    found = read("f.jsonl", data, **columns, fields={"answer": "gold", "tags": "tags"})

    assert [document.about for document in found] == [
        About("CC0-1.0", "de", "3", '{"answer":"b","tags":["x",1]}'),
        About(None, None, None, '{"answer":null,"tags":null}'),
    ]


def test_parquet_mapped_column_that_is_missing_is_named(read):
    [refusal] = read("f.parquet", _parquet({"text": ["a"], "n": [1]}), fields={"n": "n", "answer": "gold"})

    assert (refusal.reason, refusal.value) == ("missing_column", "no 'gold' among: text, n")


def test_parquet_field_that_json_cannot_hold_is_refused_alone(read):
    table = pa.table({"text": ["a", "b"], "raw": pa.array([b"x", None], pa.binary())})

    found = read("f.parquet", _parquet(table), fields={"raw": "raw"})

    assert texts(found) == ["b"]
    assert refusals(found) == [("rejected", "bad_field", "f.parquet:1")]


def test_jsonl_document_too_long_is_refused_by_its_bytes(read):
    found = read("f.jsonl", '{{"text": "{}"}}'.format("é" * 600).encode(), max_document_bytes=1024)

    assert refusals(found) == [("rejected", "document_too_long", "f.jsonl:1")]


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [("gz", gzip.compress), ("zst", zstandard.compress), ("bz2", bz2.compress), ("xz", lzma.compress)],
)
class TestCompressed:
    def test_jsonl_compressed_reads_like_the_plain_file(self, read, suffix, compress):
        assert texts(read(f"f.jsonl.{suffix}", compress(b'{"text": "a"}\n{"text": "b"}'))) == ["a", "b"]

    def test_jsonl_several_members_are_read_on(self, read, suffix, compress):
        assert texts(read(f"f.jsonl.{suffix}", compress(b'{"text": "a"}\n') + compress(b'{"text": "b"}'))) == ["a", "b"]

    def test_jsonl_cut_short_keeps_the_rows_before_the_cut(self, read, suffix, compress):
        rows = b"".join(b'{"text": "row %d of many"}\n' % i for i in range(100_000))
        data = compress(rows)

        found = read(f"f.jsonl.{suffix}", data[: len(data) // 2])

        kept = texts(found)
        assert kept[:2] == ["row 0 of many", "row 1 of many"]
        assert len(kept) > 4000
        assert refusals(found) == [("failed", "unreadable_file", f"f.jsonl.{suffix}:{len(kept) + 1}")]

    def test_text_that_is_compressed_only_by_its_name_is_read(self, read, suffix, compress):
        assert texts(read(f"f.txt.{suffix}", b"plain text")) == ["plain text"]

    def test_text_compressed_twice_is_refused(self, read, suffix, compress):
        [refusal] = read(f"f.{suffix}", compress(compress(b"text")))

        assert (refusal.outcome, refusal.reason, refusal.value) == ("failed", "unknown_format", "compressed twice")

    def test_text_compressed_with_nothing_in_it_is_an_empty_file(self, read, suffix, compress):
        assert refusals(read(f"f.txt.{suffix}", compress(b""))) == [("rejected", "empty_file", f"f.txt.{suffix}")]

    def test_parquet_compressed_reads_like_the_plain_file(self, read, suffix, compress):
        assert texts(read(f"f.parquet.{suffix}", compress(_parquet({"text": ["a"]})))) == ["a"]

    def test_text_that_expands_beyond_reason_is_an_unreadable_file(self, read, suffix, compress):
        found = read(f"f.jsonl.{suffix}", compress(b"0" * (40 << 20)), max_document_bytes=1 << 20)

        assert refusals(found) == [("failed", "unreadable_file", f"f.jsonl.{suffix}:1")]


def test_csv_quoted_line_ends_belong_to_the_record_and_lines_are_counted(read):
    data = b'id,text\r\n1,"two\nlines"\n2,plain\n3\n4,"bad"x\n5,\n6,\xff\n7,last\n'

    found = read("f.csv", data, id_column="id")

    assert [(d.id, d.address, d.text) for d in found if isinstance(d, Document)] == [
        ("s#1", "f.csv#2", "two\nlines"),
        ("s#2", "f.csv#4", "plain"),
        ("s#7", "f.csv#9", "last"),
    ]
    assert refusals(found) == [
        ("rejected", "broken_csv", "f.csv:5"),
        ("rejected", "broken_csv", "f.csv:6"),
        ("rejected", "empty_text", "f.csv:7"),
        ("rejected", "not_utf8", "f.csv:8"),
    ]


def test_csv_line_too_long_is_refused_alone(read):
    found = read("f.csv", b"text\n" + b"x" * 3000 + b"\nnext\n", max_line_bytes=2048)

    assert texts(found) == ["next"]
    assert refusals(found) == [("rejected", "line_too_long", "f.csv:2")]


def test_csv_without_the_column_is_one_failure_that_names_the_others(read):
    [refusal] = read("f.csv", b"a,b\n1,2\n")

    assert (refusal.outcome, refusal.reason, refusal.value) == (
        "failed",
        "missing_column",
        "no 'text' among: a, b",
    )


def _parquet(columns: dict[str, list[object]] | pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), sink)
    return sink.getvalue()


def test_parquet_rows_of_all_string_types_are_read_with_their_number(read):
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        table = pa.table({"text": pa.array(["a", None, "c"]).cast(kind), "n": [1, 2, 3]})

        found = read("f.parquet", _parquet(table), id_column="n")

        assert [(d.id, d.address, d.text) for d in found if isinstance(d, Document)] == [
            ("s#1", "f.parquet#1", "a"),
            ("s#3", "f.parquet#3", "c"),
        ]
        assert refusals(found) == [("rejected", "null_text", "f.parquet:2")]


def test_parquet_value_that_is_not_utf8_is_refused_alone(read):
    raw = pa.array([b"good", b"\xff", b"fine"], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 3, raw.buffers())

    found = read("f.parquet", _parquet(pa.table({"text": broken})))

    assert texts(found) == ["good", "fine"]
    assert refusals(found) == [("rejected", "not_utf8", "f.parquet:2")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"this is no parquet file", "unreadable_file: Parquet magic bytes not found"),
        (_parquet({"other": ["a"]}), "missing_column: no 'text' among: other"),
        (_parquet({"text": [1, 2]}), "unreadable_file: column 'text' is int64, not a string"),
    ],
)
def test_parquet_unreadable_as_a_whole_is_one_failure(read, data, why):
    [refusal] = read("f.parquet", data)

    assert (refusal.outcome, refusal.where) == ("failed", "f.parquet")
    assert why in f"{refusal.reason}: {refusal.value}"


def test_text_whole_file_is_one_document_named_by_its_address(read):
    assert read("d/f.txt", b"Line one\r\nLine two  \n") == [Document("d/f.txt", "d/f.txt", "Line one\nLine two")]


def test_text_not_utf8_names_the_line(read):
    assert refusals(read("f.txt", b"one\ntwo\nth\xffree\n")) == [("rejected", "not_utf8", "f.txt:3")]


def test_text_too_long_is_refused(read):
    assert refusals(read("f.txt", b"x" * 1025, max_document_bytes=1024)) == [("rejected", "document_too_long", "f.txt")]


def test_markdown_front_matter_goes_and_the_first_heading_is_the_title(read):
    data = b"---\ntitle: ignored\n---\nSome text.\n\n```\n# no heading\n```\n\n## The title ##\n\nMore."

    [document] = read("f.md", data)

    assert document.title == "The title"
    assert document.text == "Some text.\n\n```\n# no heading\n```\n\n## The title ##\n\nMore."


@pytest.mark.parametrize(
    ("text", "title"),
    [("Title\n=====\n\nText.", "Title"), ("Text only.", None), ("Text.\n\n---\n\nMore.", None), ("#hashtag", None)],
)
def test_markdown_title_is_a_heading_or_nothing(read, text, title):
    assert read("f.md", text.encode())[0].title == title
