"""`gristmill filter`: any table in, kept and rejected rows out, nothing lost."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from typer.testing import CliRunner

from gristmill.cli.main import app
from gristmill.errors import BooksError, GristmillError, InputError
from gristmill.frame.parquet import read_rows
from tests.filters.test_published import PROSE, real_texts

ROWS = [
    {"id": 1, "text": PROSE, "tags": ["a"]},
    {"id": 2, "text": "Too short.", "tags": []},
    {"id": 3, "text": "word " * 200, "tags": ["b", "c"]},
    {"id": 4, "text": PROSE.replace("cat", "dog"), "tags": None},
]


def filter_table(*arguments):
    """The command, with `--json`; gives what it printed."""
    result = CliRunner().invoke(app, ["filter", *map(str, arguments), "--json"])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def why(reason, value, threshold):
    return {"filter": "gopher_quality", "reason": reason, "value": value, "threshold": threshold}


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def write(path, rows):
    match path.suffix:
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        case ".gz":
            path.write_bytes(gzip.compress(lines(rows)))
        case ".zst":
            path.write_bytes(zstandard.compress(lines(rows)))
        case _:
            path.write_bytes(lines(rows))
    return path


@pytest.mark.parametrize("name", ["in.parquet", "in.jsonl", "in.jsonl.gz", "in.ndjson.zst"])
def test_filter_any_format_splits_rows_and_carries_columns(tmp_path, name):
    source = write(tmp_path / name, ROWS)

    said = filter_table(source, tmp_path / "out")

    assert list(read_rows(tmp_path / "out" / "kept")) == [ROWS[0], ROWS[3]]
    assert list(read_rows(tmp_path / "out" / "rejected")) == [
        {
            **ROWS[1],
            "filter": "gopher_quality",
            "reason": "gopher_too_few_words",
            "value": "2",
            "threshold": "at least 50",
        },
        {**ROWS[2], "filter": "gopher_quality", "reason": "gopher_stop_words", "value": "0", "threshold": "at least 2"},
    ]
    assert (said["rows"], said["kept"], said["rejected"]) == (4, 2, 2)
    assert said["reasons"] == [
        {"filter": "gopher_quality", "reason": "gopher_stop_words", "rows": 1},
        {"filter": "gopher_quality", "reason": "gopher_too_few_words", "rows": 1},
    ]


def test_filter_settings_and_order_are_taken(tmp_path):
    source = write(tmp_path / "in.jsonl", ROWS)
    settings = ["--set", "gopher_quality.min_words=1", "--set", "gopher_quality.min_stop_words=0"]

    said = filter_table(source, tmp_path / "out", "--filters", "gopher_repetition,gopher_quality", *settings)

    assert said["reasons"] == [
        {"filter": "gopher_repetition", "reason": "gopher_top_2gram", "rows": 2},
    ]


def test_filter_exact_dedup_and_length_work_on_one_column(tmp_path):
    rows = [{"body": PROSE}, {"body": PROSE.upper()}, {"body": "word " * 300}]
    source = write(tmp_path / "in.jsonl", rows)

    said = filter_table(source, tmp_path / "out", "--filters", "length,exact_dedup", "--text-column", "body")

    assert said["reasons"] == [
        {"filter": "exact_dedup", "reason": "duplicate", "rows": 1},
        {"filter": "length", "reason": "response_too_long", "rows": 1},
    ]


def test_filter_table_for_people_names_reasons_and_folders(tmp_path):
    source = write(tmp_path / "in.jsonl", ROWS)

    result = CliRunner().invoke(app, ["filter", str(source), str(tmp_path / "out")])

    assert "gopher_too_few_words" in result.output
    assert "4 rows: 2 in" in result.output.replace("\n", "")


def test_filter_broken_lines_are_rejected_with_their_number_and_others_kept(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_bytes(lines(ROWS[:1]) + b'{"id": 2,\n[3]\n\n' + lines(ROWS[3:]))

    filter_table(source, tmp_path / "out")

    rejected = list(read_rows(tmp_path / "out" / "rejected"))
    assert [(row["filter"], row["reason"], row["value"].split(":")[0]) for row in rejected] == [
        ("input", "broken_json", "line 2"),
        ("input", "not_an_object", "line 3"),
    ]
    assert [row["id"] for row in read_rows(tmp_path / "out" / "kept")] == [1, 4]


def test_filter_line_beyond_the_limit_is_rejected_with_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr("gristmill.tables.read.MAX_LINE_BYTES", 5000)
    source = write(tmp_path / "in.jsonl", [ROWS[0], {"id": 2, "text": "x" * 6000}, ROWS[3]])

    said = filter_table(source, tmp_path / "out")

    assert said["kept"] == 2
    assert said["reasons"] == [{"filter": "input", "reason": "line_too_long", "rows": 1}]
    assert next(iter(read_rows(tmp_path / "out" / "rejected")))["value"] == "line 2: more than 5000 bytes"


def test_filter_null_texts_are_rejected_and_differing_columns_joined(tmp_path):
    source = write(tmp_path / "in.jsonl", [{"text": None, "a": 1}, {"b": "x"}, {"text": PROSE, "a": 2.5}])

    said = filter_table(source, tmp_path / "out")

    assert (said["kept"], said["rejected"]) == (1, 2)
    assert list(read_rows(tmp_path / "out" / "kept")) == [{"text": PROSE, "a": 2.5, "b": None}]


def test_filter_own_columns_named_as_the_reasons_are_kept_apart(tmp_path):
    source = write(tmp_path / "in.jsonl", [{"text": "Short.", "value": 7}])

    filter_table(source, tmp_path / "out")

    (row,) = read_rows(tmp_path / "out" / "rejected")
    assert (row["input_value"], row["value"]) == (7, "1")


def test_filter_empty_table_gives_empty_tables(tmp_path):
    (tmp_path / "in.jsonl").write_text("")

    said = filter_table(tmp_path / "in.jsonl", tmp_path / "out")

    assert (said["rows"], said["kept"], said["rejected"]) == (0, 0, 0)


def test_filter_folder_of_real_texts_loses_nothing_and_keeps_order(tmp_path):
    texts = real_texts()
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"id": range(50), "text": texts[:50]}), tmp_path / "in" / "a.parquet")
    pq.write_table(pa.table({"id": range(50, len(texts)), "text": texts[50:]}), tmp_path / "in" / "b.parquet")

    said = filter_table(tmp_path / "in", tmp_path / "out", "--filters", "c4,fineweb,language,exact_dedup")

    kept = [row["id"] for row in read_rows(tmp_path / "out" / "kept")]
    rejected = [row["id"] for row in read_rows(tmp_path / "out" / "rejected")]
    assert kept == sorted(kept)
    assert rejected == sorted(rejected)
    assert sorted(kept + rejected) == list(range(len(texts)))
    assert (len(kept), len(rejected)) == (said["kept"], said["rejected"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--filters", "gopher"], "there is no filter 'gopher'"),
        (["--filters", "grounding"], "the filter grounding needs more than a text: context"),
        (["--filters", "c4,c4"], "found --filters 'c4,c4'"),
        (["--text-column", "body"], "no column 'body'"),
        (["--text-column", "id"], "the column 'id' is int64"),
        (["--filters", "c4", "--set", "fineweb.max_short_lines=1"], "found --set fineweb.max_short_lines"),
        (["--set", "c4.min_sentence=3"], "unknown parameter"),
        (["--set", "c4.min_sentences=many"], "found 'many'"),
    ],
)
def test_filter_wrong_arguments_are_named_and_leave_nothing(tmp_path, arguments, message):
    source = write(tmp_path / "in.jsonl", ROWS)

    with pytest.raises(InputError, match=message):
        filter_table(source, tmp_path / "out", *arguments)

    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_filter_does_not_write_over_something(tmp_path):
    source = write(tmp_path / "in.jsonl", ROWS)
    filter_table(source, tmp_path / "out")

    with pytest.raises(InputError, match="there is something already"):
        filter_table(source, tmp_path / "out")


def test_filter_cut_gzip_is_a_message_and_leaves_nothing(tmp_path):
    source = tmp_path / "in.jsonl.gz"
    source.write_bytes(gzip.compress(lines(ROWS * 500))[:-20])

    with pytest.raises(GristmillError, match="cannot be read"):
        filter_table(source, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_filter_mixed_types_in_a_column_are_named(tmp_path):
    source = write(tmp_path / "in.jsonl", [{"text": PROSE, "n": 1}, {"text": PROSE, "n": "one"}])

    with pytest.raises(InputError, match="different types") as refused:
        filter_table(source, tmp_path / "out")

    assert not isinstance(refused.value, BooksError)
