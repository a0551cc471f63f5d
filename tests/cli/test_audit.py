"""`gristmill audit`: two files or folders in, a table and a verdict out; whatever cannot be compared is refused."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bench.collapse import load
from gristmill.cli.main import app
from gristmill.errors import GateRefused, InputError
from gristmill.health.recursion import Arm, generations


@pytest.fixture(scope="module")
def texts():
    """A third of the real sentences, the other two thirds, and what a model of the first third writes."""
    corpus = load()
    order = np.random.default_rng(3).permutation(len(corpus.encoded))
    third = len(order) // 3
    first = corpus.encoded.take(order[:third])
    _, made = generations(first, corpus.size, Arm.REPLACE, 1, np.random.default_rng(0))
    return corpus.written(first), corpus.written(corpus.encoded.take(order[third:])), corpus.written(made.pool)


@pytest.fixture
def real(tmp_path, texts):
    return lines(tmp_path / "real.jsonl", texts[1])


def lines(path, found, column="text"):
    path.write_text("".join(json.dumps({column: text}) + "\n" for text in found))
    return path


def table(path, found, column="text"):
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({"id": list(range(len(found))), column: found}), path)
    return path


def audit(*arguments):
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


def refusal(*arguments):
    """The message of an audit that is refused for its input: no number is printed with it."""
    done = audit(*arguments)
    assert isinstance(done.exception, InputError)
    assert done.exception.exit_code == 2
    assert "deviation" not in done.stdout
    return str(done.exception)


def test_audit_of_real_text_passes_and_prints_a_table(tmp_path, texts, real):
    done = audit(lines(tmp_path / "held-back.jsonl", texts[0]), "--reference", real)

    assert done.exit_code == 0
    assert "pass: largest deviation" in done.stdout
    assert "tail_coverage" in done.stdout


def test_audit_of_collapsed_text_trips_with_exit_code_3_and_says_what_moved(tmp_path, texts, real):
    made = table(tmp_path / "made" / "part-00000-of-00001.parquet", texts[2], "response")

    done = audit(made.parent, "--text-column", "response", "--reference", real, "--reference-column", "text", "--json")

    result = json.loads(done.stdout)
    assert isinstance(done.exception, GateRefused)
    assert done.exception.exit_code == 3
    assert "unigram_kl" in str(done.exception)
    assert result["verdict"] == "trip"
    assert result["largest_deviation"] > result["calibration"]["bound"]
    assert {"unigram_kl", "tail_coverage"} <= set(result["moved"])
    assert len(result["measures"]) == 16
    assert all(measure["real_deviation"] > 0 for measure in result["measures"])


def test_audit_of_too_few_rows_is_unmeasured_and_no_pass(tmp_path, texts, real):
    few = lines(tmp_path / "few.jsonl", texts[2][:150])

    done = audit(few, "--reference", real, "--json")

    result = json.loads(done.stdout)
    assert done.exception.exit_code == 2
    assert (result["verdict"], result["measures"], result["largest_deviation"]) == ("unmeasured", [], None)
    assert result["calibration"]["bound"] is None
    assert "200 rows in the candidate and 400 in the reference; found 150" in str(done.exception)


def test_audit_of_a_set_against_itself_in_another_order_is_refused(tmp_path, texts, real):
    again = table(tmp_path / "again.parquet", texts[1][::-1])

    assert "candidate and reference hold the same texts" in refusal(again, "--reference", real)


def test_audit_against_a_reference_that_contains_the_candidate_is_refused(tmp_path, texts, real):
    copied, own = set(texts[1][:300]), set(texts[0]) - set(texts[1])

    message = refusal(lines(tmp_path / "part.jsonl", sorted(copied | own)), "--reference", real)

    assert f"the reference contains {len(copied)} of {len(copied | own):,} distinct texts of the candidate" in message


def test_audit_of_one_real_answer_given_every_time_trips(tmp_path, texts, real):
    done = audit(lines(tmp_path / "parrot.jsonl", texts[1][:1] * 300), "--reference", real)

    assert isinstance(done.exception, GateRefused)
    assert "vendi_ratio" in str(done.exception)


def test_audit_of_one_language_against_another_is_refused(tmp_path, real):
    nouns = ("Hund", "Garten", "Zug", "Brief", "Regen", "Markt", "Wald", "Fluss", "Turm", "Abend")
    german = [
        f"Der {a} steht seit dem Morgen neben dem {b}, und niemand weiß genau, warum der {c} heute gewartet hat."
        for a in nouns
        for b in nouns
        for c in nouns[:3]
    ]

    message = refusal(lines(tmp_path / "german.jsonl", german), "--reference", real)

    assert "the candidate is in 'de' (100%), the reference in 'en'" in message


@pytest.mark.parametrize("empty", ["", "  \n", "?!"])
def test_audit_of_empty_texts_names_the_first(tmp_path, texts, real, empty):
    path = lines(tmp_path / "holes.jsonl", [texts[0][0], empty, texts[0][1], empty])

    message = refusal(path, "--reference", real)

    assert f"{path}: 2 of 4 texts hold no word, the first: holes.jsonl row 2" in message


def test_audit_of_missing_texts_counts_them_as_empty(tmp_path, real):
    path = table(tmp_path / "null.parquet", ["a text", None])

    assert "1 of 2 texts hold no word" in refusal(path, "--reference", real)


def test_audit_says_at_once_what_is_wrong_with_either_set(tmp_path):
    (tmp_path / "broken.jsonl").write_text('{"text": "fine"}\n{"text": \n')

    message = refusal(tmp_path / "broken.jsonl", "--reference", tmp_path / "nowhere")

    assert "broken.jsonl: line 2: not JSON" in message
    assert "nowhere: no such file or folder" in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"body": "a text"}\n', "no column 'text'\n    expected: one of body"),
        ('["a text"]\n', "line 1: a list\n    expected: a JSON object on each line"),
        ('{"text": 5}\n', "line 1: 'text' is int\n    expected: a string"),
        ("\n", "no rows"),
    ],
)
def test_audit_of_lines_that_hold_no_text_says_what_they_hold(tmp_path, real, content, message):
    (tmp_path / "odd.jsonl").write_text(content)

    assert message in refusal(tmp_path / "odd.jsonl", "--reference", real)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("text", [1, 2], "column 'text' is int64"),
        ("prompt", ["a"], "no column 'text'\n    expected: one of id, prompt"),
    ],
)
def test_audit_of_a_table_without_text_says_what_is_there(tmp_path, real, column, values, message):
    assert message in refusal(table(tmp_path / "odd.parquet", values, column), "--reference", real)


def test_audit_of_a_file_that_is_no_parquet_says_so(tmp_path, real):
    (tmp_path / "fake.parquet").write_text("not Parquet")

    assert "cannot be read as Parquet" in refusal(tmp_path / "fake.parquet", "--reference", real)


def test_audit_of_a_table_whose_text_is_not_utf8_says_so(tmp_path, real):
    table(tmp_path / "latin.parquet", pa.array([b"fine", "caf\xe9".encode("latin-1")]).view(pa.utf8()))

    assert "cannot be read as Parquet: 'utf-8' codec" in refusal(tmp_path / "latin.parquet", "--reference", real)


def test_audit_of_a_folder_without_data_says_what_is_read(tmp_path, real):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "_stage.json").write_text("{}")

    message = refusal(tmp_path / "empty", "--reference", real)

    assert "no data of a known kind\n    expected: .parquet or .jsonl or .ndjson" in message
