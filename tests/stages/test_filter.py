"""The filter stage: books, rejects and what stays."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.frame.parquet import read_rows
from gristmill.frame.stage import read_books
from gristmill.layout import Stage
from gristmill.stages import filter as filter_stage
from tests.samples import refusals, samples, workspace, write_samples

ROWS = samples(12)
SPOILED = {
    "good": {},
    "short": {"prompt": "Why?"},
    "sorry": {"response": "I'm sorry, but no."},
    "invented": {"evidence": "Nobody said this."},
    "statement": {"prompt": "Tell me all about the assert statement."},
    "empty": {"prompt": "", "response": ""},
}


def test_filter_keeps_good_rows_and_says_why_others_go(tmp_path):
    layout = workspace(tmp_path)
    rows = samples(4)
    rows[2]["response"] = "mail me at jo@example.org"
    write_samples(layout, rows)

    filter_stage.run(layout)

    kept = [row["sample_id"] for row in read_rows(layout.data(Stage.FILTER))]
    reject = refusals(layout, Stage.FILTER)[rows[2]["sample_id"]]
    assert kept == [rows[0]["sample_id"], rows[1]["sample_id"], rows[3]["sample_id"]]
    assert reject["reason"] == "response_not_in_evidence"
    assert reject["threshold"] == "at least 0.8"
    assert reject["where"] == f"seed {rows[2]['seed_ids'][0]}"
    assert "[email]" in reject["text"]
    assert "jo@example.org" not in reject["text"]
    assert read_books(layout, Stage.FILTER)["books"] == [
        {"unit": "samples", "in": 4, "out": 3, "rejected": {"response_not_in_evidence": 1}, "failed": {}}
    ]


def test_filter_kept_rows_are_unchanged(tmp_path):
    layout = workspace(tmp_path)
    rows = samples(3)
    write_samples(layout, rows)

    filter_stage.run(layout)

    assert list(read_rows(layout.data(Stage.FILTER))) == rows


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.tuples(st.integers(0, 11), st.sampled_from(sorted(SPOILED))), max_size=30))
def test_filter_books_balance_for_any_rows(tmp_path_factory, kinds):
    layout = workspace(tmp_path_factory.mktemp("books"))
    write_samples(layout, [{**ROWS[number], **SPOILED[kind]} for number, kind in kinds])

    filter_stage.run(layout)

    (ledger,) = read_books(layout, Stage.FILTER)["books"]
    assert ledger["in"] == len(kinds) == ledger["out"] + sum(ledger["rejected"].values())
    assert ledger["out"] == len({number for number, kind in kinds if kind == "good"})
