"""Real rows beside generated ones, and the cap on generation depth."""

import json
import logging

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.compose.real import lock_real_rows
from gristmill.errors import InputError, ProblemsError
from gristmill.frame.parquet import read_rows
from gristmill.frame.stage import read_books
from gristmill.layout import Stage
from gristmill.params.compose import MixParams
from gristmill.stages import compose
from gristmill.text import estimate_tokens
from tests.release import Shelf, released, through_audit
from tests.samples import judged, refusals, samples, workspace, write_judged

REAL = [{"prompt": f"Which port is number {n}?", "response": f"Port {n} of the first switch."} for n in range(20)]


def mixing(root, real=REAL, **mix):
    """A workspace with real rows, pinned."""
    layout = workspace(root, compose={"mix": {"real": "real/*.jsonl", "licence": "CC0-1.0", **mix}})
    (root / "real").mkdir()
    (root / "real" / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in real))
    pin(layout, MixParams(real="real/*.jsonl"))
    return layout


def pin(layout, mix):
    lock = {"version": 1, "sources": [], **lock_real_rows(mix, layout.root)}
    layout.sources_lock.write_text(json.dumps(lock))


def composed(layout):
    return list(read_rows(layout.data(Stage.COMPOSE)))


def test_mix_is_off_until_real_rows_are_named(tmp_path):
    layout = workspace(tmp_path)
    write_judged(layout, [judged(row) for row in samples(5)])

    compose.run(layout)

    assert len(composed(layout)) == 5
    assert [ledger["unit"] for ledger in read_books(layout, Stage.COMPOSE)["books"]] == ["samples", "parent rows"]


def test_mix_takes_sixty_percent_generated_rows_and_every_real_one(tmp_path):
    layout = mixing(tmp_path)
    write_judged(layout, [judged(row) for row in samples(100)])

    compose.run(layout)

    rows = composed(layout)
    refused = refusals(layout, Stage.COMPOSE).values()
    assert [row["recipe"] for row in rows].count("real") == 20
    assert len(rows) == 50
    assert {row["reason"] for row in refused} == {"over_synthetic_share"}
    assert {(row["value"], row["threshold"]) for row in refused} == {("share 0.833", "at most 0.6")}
    assert read_books(layout, Stage.COMPOSE)["used"]["depths"] == {"0": 20, "1": 30}


def test_mix_with_few_generated_rows_drops_no_real_one(tmp_path):
    layout = mixing(tmp_path)
    write_judged(layout, [judged(row) for row in samples(3)])

    compose.run(layout)

    assert [row["depth"] for row in composed(layout)] == [0] * 20 + [1] * 3


def test_mix_by_tokens_weighs_long_rows_more(tmp_path):
    layout = mixing(tmp_path, by="tokens", synthetic_share=0.5)
    write_judged(layout, [judged(row) for row in samples(100)])

    compose.run(layout)

    sizes = {True: 0, False: 0}
    for row in composed(layout):
        sizes[row["depth"] == 0] += estimate_tokens(row["prompt"]) + estimate_tokens(row["response"])
    assert 0.8 * sizes[True] < sizes[False] <= sizes[True]


def test_mix_draws_by_hash_whatever_the_order(tmp_path):
    kept = []
    for name, rows in (("a", samples(60)), ("b", samples(60)[::-1])):
        (tmp_path / name).mkdir()
        layout = mixing(tmp_path / name)
        write_judged(layout, [judged(row) for row in rows])
        compose.run(layout)
        kept.append({row["sample_id"] for row in composed(layout)})

    assert kept[0] == kept[1]


def test_mix_counts_the_parents_rows_on_both_sides(tmp_path, monkeypatch):
    shelf = Shelf()
    old = released(shelf, tmp_path / "old", samples(25))
    (tmp_path / "new").mkdir()
    layout = mixing(tmp_path / "new")
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    write_judged(layout, [judged(row) for row in samples(70)[25:]])

    compose.run(layout)

    rows = composed(layout)
    assert len(composed(old)) == 25
    assert len(rows) == 25 + 20 + 5


def test_mix_books_real_rows_that_are_empty_or_there_twice(tmp_path):
    layout = mixing(tmp_path, [*REAL, REAL[0], {"prompt": "Why?", "response": " "}])
    write_judged(layout, [])

    compose.run(layout)

    ledger = read_books(layout, Stage.COMPOSE)["books"][2]
    assert (ledger["unit"], ledger["in"], ledger["out"]) == ("real rows", 22, 20)
    assert ledger["rejected"] == {"empty": 1, "in_parent": 1}


def test_mix_audit_measures_the_generated_rows_only(tmp_path):
    layout = mixing(tmp_path)

    through_audit(layout, samples(60))

    health = json.loads((layout.data(Stage.AUDIT) / "verdict.json").read_text())["health"]
    assert list(health["recipes"]) == ["qa-from-docs"]


def test_mix_changed_file_is_refused_before_anything_is_written(tmp_path):
    layout = mixing(tmp_path)
    (tmp_path / "real" / "a.jsonl").write_text('{"prompt": "a", "response": "b"}\n')
    write_judged(layout, [])

    with pytest.raises(InputError, match="not those that were pinned"):
        compose.run(layout)
    assert not layout.data(Stage.COMPOSE).exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"question": "a"}\n{"prompt": 5, "response": "b"}\n', "row 2: not a row of prompt and response"),
        ('["a"]\n', "row 1: not a row of prompt and response"),
        ("{\n", "line 1: not JSON"),
    ],
)
def test_mix_file_without_rows_of_that_form_is_named(tmp_path, content, message):
    layout = mixing(tmp_path)
    (tmp_path / "real" / "a.jsonl").write_text(content)
    pin(layout, MixParams(real="real/*.jsonl"))
    write_judged(layout, [])

    with pytest.raises(InputError, match=message):
        compose.run(layout)


def test_mix_parquet_is_read_by_the_columns_named(tmp_path):
    layout = workspace(tmp_path, compose={"mix": {"real": "r.parquet", "prompt_column": "q", "response_column": "a"}})
    pq.write_table(pa.table({"q": ["Which?", "Who?"], "a": ["This.", "They."], "n": [1, 2]}), tmp_path / "r.parquet")
    pin(layout, MixParams(real="r.parquet"))
    write_judged(layout, [])

    compose.run(layout)

    assert [(row["prompt"], row["response"]) for row in composed(layout)] == [("Which?", "This."), ("Who?", "They.")]


@pytest.mark.parametrize("path", ["none/*.jsonl", "../outside.jsonl"])
def test_mix_that_names_no_file_of_the_workspace_is_refused_by_sync(tmp_path, path):
    with pytest.raises((InputError, ProblemsError)):
        lock_real_rows(MixParams(real=path), tmp_path)


def test_compose_rows_deeper_than_the_cap_are_refused(tmp_path):
    layout = workspace(tmp_path, compose={"max_depth": 2})
    rows = [judged({**row, "depth": depth}) for depth, row in zip((1, 2, 3), samples(3), strict=True)]
    write_judged(layout, rows)

    compose.run(layout)

    (refused,) = refusals(layout, Stage.COMPOSE).values()
    assert (refused["reason"], refused["value"], refused["threshold"]) == ("too_deep", "depth 3", "at most 2")
    assert read_books(layout, Stage.COMPOSE)["used"]["depths"] == {"1": 1, "2": 1}


def test_compose_replace_warns_plainly_and_says_why(tmp_path, caplog):
    layout = workspace(tmp_path, compose={"policy": "replace"})
    parent = {"tag": "dataset@v0.4.0", "version": "v0.4.0", "manifest": "s3://x/releases/v/m", "manifest_sha256": "0"}
    layout.parent_lock.write_text(json.dumps({"version": 1, "parent": parent}))
    write_judged(layout, [judged(row) for row in samples(2)])

    with caplog.at_level(logging.WARNING):
        compose.run(layout)

    assert "the rows of dataset@v0.4.0 are dropped" in caplog.text
    assert "collapses within a few rounds" in caplog.text
