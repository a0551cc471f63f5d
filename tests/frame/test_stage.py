"""A stage's run: all or nothing, books beside the data, rejects with reasons and without secrets."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.errors import BooksError, GristmillError
from gristmill.frame.lock import exclusive
from gristmill.frame.parquet import read_rows
from gristmill.frame.stage import Refusal, read_books, stage_run
from gristmill.layout import Layout, Stage
from gristmill.schema import REJECT

SCHEMA = pa.schema([pa.field("n", pa.int64(), nullable=False)])


def keep(run, numbers):
    ledger, out = run.ledger("numbers"), run.writer(SCHEMA)
    for n in numbers:
        ledger.entered += 1
        ledger.out += 1
        out.append({"n": n})
    return ledger


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


def test_stage_run_leaves_data_books_and_metrics(layout):
    with stage_run(Stage.FILTER, layout) as run:
        ledger = keep(run, [1, 2, 3])
        ledger.entered += 1
        run.reject(ledger, Refusal(id="x", reason="odd", value="7", threshold="even", where="a.jsonl:4", text="seven"))
        run.used(recipe="qa")

    assert list(read_rows(layout.data(Stage.FILTER))) == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert read_books(layout, Stage.FILTER) == {
        "stage": "filter",
        "books": [{"unit": "numbers", "in": 4, "out": 3, "rejected": {"odd": 1}, "failed": {}}],
        "used": {"recipe": "qa"},
    }
    assert list(read_rows(layout.data(Stage.FILTER) / "rejected")) == [
        {
            "unit": "numbers",
            "id": "x",
            "outcome": "rejected",
            "reason": "odd",
            "value": "7",
            "threshold": "even",
            "where": "a.jsonl:4",
            "text": "seven",
        }
    ]
    metrics = json.loads(layout.metrics(Stage.FILTER).read_text())
    assert (metrics["in"], metrics["out"], metrics["rejected"], metrics["failed"]) == (4, 3, 1, 0)


def test_stage_run_that_raises_leaves_the_former_data_alone(layout):
    with stage_run(Stage.FILTER, layout) as run:
        keep(run, [1])

    with pytest.raises(ZeroDivisionError), stage_run(Stage.FILTER, layout) as run:
        keep(run, [2, 3 // 0])

    assert list(read_rows(layout.data(Stage.FILTER))) == [{"n": 1}]
    assert not any((layout.state / "tmp").iterdir())


def test_stage_run_whose_books_do_not_balance_writes_nothing(layout):
    with pytest.raises(BooksError, match="unaccounted for"), stage_run(Stage.FILTER, layout) as run:
        run.ledger("numbers").entered += 1

    assert not layout.data(Stage.FILTER).exists()


def test_stage_run_beside_another_of_the_same_stage_is_refused(layout):
    with (
        exclusive(layout.state / "locks" / "filter.lock", "stage filter"),
        pytest.raises(GristmillError, match="stage filter is in use by process"),
        stage_run(Stage.FILTER, layout),
    ):
        pass


def test_rejects_hold_no_personal_data_and_no_secrets(layout):
    text = "write to jane.doe@example.org, password: hunter2hunter2, key AKIAIOSFODNN7EXAMPLE, card 4111 1111 1111 1111"
    with stage_run(Stage.FILTER, layout) as run:
        ledger = keep(run, [1])
        ledger.entered += 1
        run.reject(ledger, Refusal(id="x", reason="odd", value="from jane.doe@example.org", text=text))

    part = next((layout.data(Stage.FILTER) / "rejected").glob("*.parquet"))
    row = pq.read_table(part, schema=REJECT).to_pylist()[0]
    assert row["text"] == "write to [email], password: [secret], key [aws-key], card [card]"
    assert row["value"] == "from [email]"


def test_stage_run_with_equal_input_gives_equal_bytes(layout, tmp_path):
    other = Layout(tmp_path / "other")
    for where in (layout, other):
        with stage_run(Stage.FILTER, where) as run:
            keep(run, range(1000))

    ours, theirs = layout.data(Stage.FILTER), other.data(Stage.FILTER)
    assert [path.name for path in sorted(ours.iterdir())] == ["_stage.json", "part-00000-of-00001.parquet"]
    for path in ours.iterdir():
        assert path.read_bytes() == (theirs / path.name).read_bytes()
