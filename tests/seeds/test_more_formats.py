"""Arrow, HTML, PDF, WARC, archives; and which format a file is taken for."""

import io
import tarfile
import zipfile

import pyarrow as pa
import pytest

from gristmill.params.ingest import Format
from gristmill.seeds.document import Document
from gristmill.seeds.recognise import named_format, recognised
from tests.seeds.conftest import Read, refusals, texts
from tests.seeds.files import PARAGRAPH, page, pdf, warc


def arrow(columns: dict[str, list[object]], *, file: bool) -> bytes:
    table = pa.table(columns)
    out = io.BytesIO()
    with (pa.ipc.new_file if file else pa.ipc.new_stream)(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return out.getvalue()


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a/b.jsonl", b"{}", Format.JSONL),
        ("s3://b/c.parquet", b"nothing of the kind", Format.PARQUET),
        ("b.csv.zst", b'{"not": "json, for it says csv"}', Format.CSV),
        ("b.txt", b"PAR1....", Format.PARQUET),
        ("b.jsonl", b"ARROW1\0\0", Format.ARROW),
        ("b.txt", b"%PDF-1.7", Format.PDF),
        ("b", b"WARC/1.0\r\n", Format.WARC),
        ("b.dat", b"PK\x03\x04", Format.ZIP),
        ("b", b'\n {"text": "a"}', Format.JSONL),
        ("b", b"{{ not json }}", Format.TEXT),
        ("b.log", b"<!-- made by hand -->\n<!DOCTYPE HTML>", Format.HTML),
        ("README", b"Read me.", Format.TEXT),
        ("README", "Read me.".encode("utf-16"), Format.TEXT),
        ("b.bin", b"\x7fELF\0\0\0", None),
    ],
)
def test_recognised_by_content_then_by_name(name, head, expected):
    assert recognised(name, head, Format.AUTO) is expected


def test_recognised_declared_format_decides():
    assert recognised("dump.log", b'{"text": 1}', Format.TEXT) is Format.TEXT


@pytest.mark.parametrize(("name", "expected"), [("B.JSONL.GZ", Format.JSONL), ("b.tgz", Format.TAR), ("b.gz", None)])
def test_named_format_looks_behind_the_codec(name, expected):
    assert named_format(name) is expected


@pytest.mark.parametrize("file", [True, False])
def test_arrow_file_and_stream_are_read_by_their_content(read: Read, file: bool):
    found = read("data.bin", arrow({"text": ["a", None, "c"], "more": [1, 2, 3]}, file=file))

    assert [(d.address, d.text) for d in found if isinstance(d, Document)] == [("data.bin#1", "a"), ("data.bin#3", "c")]
    assert refusals(found) == [("rejected", "null_text", "data.bin:2")]


def test_arrow_cut_short_keeps_the_batches_before_the_cut(read: Read):
    data = arrow({"text": [f"row {i}" for i in range(100)]}, file=False)

    found = read("f.arrow", data[: len(data) // 2])

    kept = texts(found)
    assert kept[:2] == ["row 0", "row 1"]
    assert refusals(found) == [("failed", "unreadable_file", f"f.arrow:{len(kept) + 1}")]


def test_arrow_text_that_is_not_utf8_is_refused_alone(read: Read):
    raw = pa.array([b"good", b"\xff", b"fine"], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    out = io.BytesIO()
    with pa.ipc.new_stream(out, pa.schema([("text", pa.string())])) as writer:
        writer.write_batch(pa.record_batch({"text": broken}))

    found = read("f.arrow", out.getvalue())

    assert texts(found) == ["good", "fine"]
    assert refusals(found) == [("rejected", "not_utf8", "f.arrow:2")]


def test_html_main_text_comes_without_navigation_and_scripts(read: Read):
    [document] = read("f.html", page("The mill", "It <b>stands</b> there &amp; turns. " + PARAGRAPH))

    assert document.title == "The mill"
    assert "It stands there & turns. The mill stood by the river" in document.text
    for rest in ("SCRIPTED", "STYLED", "NAVIGATION", "CLICKED", "FOOTER", "<"):
        assert rest not in document.text


def test_html_own_charset_is_used_where_the_page_is_not_utf8(read: Read):
    [document] = read("f.html", page("Mühle", "Größe und Höhe. " + PARAGRAPH, charset="windows-1252"))

    assert document.title == "Mühle"
    assert "Größe und Höhe." in document.text


@pytest.mark.parametrize(
    "body", [b"<html><script>only()</script></html>", b"<html></html>", b"<html><!-- x", b"<html>"]
)
def test_html_without_text_is_refused(read: Read, body: bytes):
    assert refusals(read("f.html", body)) == [("rejected", "no_main_text", "f.html")]


def test_html_nested_beyond_reason_does_no_harm(read: Read):
    found = read("f.html", b"<html><body>" + b"<div>" * 50_000 + PARAGRAPH.encode() * 3)

    assert len(found) == 1


def test_pdf_pages_are_one_document_with_the_title_of_its_properties(read: Read):
    [document] = read("f.pdf", pdf("The first page says this.", "The second says that."))

    assert (document.title, document.text) == ("The mill", "The first page says this.\n\nThe second says that.")


def test_pdf_without_a_text_layer_and_broken_pdf_are_refused(read: Read):
    assert refusals(read("f.pdf", pdf(""))) == [("rejected", "no_main_text", "f.pdf")]
    assert refusals(read("f.pdf", b"%PDF-1.4\nbroken")) == [("failed", "unreadable_file", "f.pdf")]


@pytest.mark.parametrize("gzip", [True, False])
def test_warc_pages_and_texts_are_documents_named_by_their_address(read: Read, gzip: bool):
    data = warc(
        ("https://m.example/a", "200 OK", "text/html; charset=utf-8", page("A", PARAGRAPH * 2)),
        ("https://m.example/b", "200 OK", "text/plain", b"Plain words."),
        ("https://m.example/c", "404 Not Found", "text/html", b"<html>gone</html>"),
        ("https://m.example/d", "200 OK", "image/png", b"\x89PNG"),
        ("https://m.example/e", "200 OK", "text/plain; charset=latin-1", "Größe".encode("latin-1")),
        gzip=gzip,
    )

    found = read("crawl", data)

    assert [d.id for d in found if isinstance(d, Document)] == [f"crawl#https://m.example/{key}" for key in "abe"]
    assert texts(found)[1:] == ["Plain words.", "Größe"]
    assert refusals(found) == [
        ("rejected", "http_status", "crawl#https://m.example/c"),
        ("rejected", "no_text_record", "crawl#https://m.example/d"),
    ]


def test_warc_cut_short_keeps_the_records_before_the_cut(read: Read):
    pages = [(f"https://m.example/{i}", "200 OK", "text/plain", f"Words {i}.".encode() * 50) for i in range(20)]
    data = warc(*pages, gzip=True)

    found = read("f.warc.gz", data[: len(data) // 2 + 7])

    assert len(texts(found)) > 5
    assert [reason for _, reason, _ in refusals(found)] == ["unreadable_file"]


def test_zip_members_are_read_in_the_archives_order_by_their_formats(read: Read):
    data = zipped(
        **{"b/x.jsonl": b'{"text": "one"}\nbroken', "a.txt": b"two", "pics/p.png": b"\x89PNG\0", "c.csv": b"text\n3\n"}
    )

    found = read("f.zip", data)

    assert [(d.address, d.text) for d in found if isinstance(d, Document)] == [
        ("f.zip!b/x.jsonl#1", "one"),
        ("f.zip!a.txt", "two"),
        ("f.zip!c.csv#2", "3"),
    ]
    assert refusals(found) == [
        ("rejected", "broken_json", "f.zip!b/x.jsonl:2"),
        ("failed", "unknown_format", "f.zip!pics/p.png"),
    ]


def test_tar_links_and_names_that_lead_out_are_refused_alone(read: Read):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in (("../up.txt", b"up"), ("/root.txt", b"root"), ("good.txt", b"good")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)

    found = read("f.tar.gz", out.getvalue())

    assert texts(found) == ["good"]
    assert refusals(found) == [
        ("rejected", "unsafe_member", "f.tar.gz!../up.txt"),
        ("rejected", "unsafe_member", "f.tar.gz!/root.txt"),
        ("rejected", "unsafe_member", "f.tar.gz!link.txt"),
    ]


def test_zip_member_too_large_and_archive_in_archive_are_refused_alone(read: Read):
    data = zipped(**{"big.txt": b"x" * 3000, "inner.zip": zipped(a=b"a"), "good.txt": b"good"})

    found = read("f.zip", data, max_member_bytes=2048)

    assert texts(found) == ["good"]
    assert refusals(found) == [
        ("rejected", "member_too_large", "f.zip!big.txt"),
        ("rejected", "unsafe_member", "f.zip!inner.zip"),
    ]


def test_zip_that_expands_beyond_its_limit_ends_there(read: Read):
    data = zipped(**{f"{i}.txt": b"0" * 60_000 for i in range(40)})

    found = read("f.zip", data, max_expansion=2, max_document_bytes=100_000)

    assert len(texts(found)) == 1
    assert refusals(found) == [("failed", "unreadable_file", "f.zip")]


def test_zip_cut_short_is_an_unreadable_file(read: Read):
    assert refusals(read("f.zip", zipped(a=b"a" * 900)[:-30])) == [("failed", "unreadable_file", "f.zip")]
