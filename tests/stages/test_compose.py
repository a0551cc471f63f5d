"""The compose stage: selection, splits, and the parent release's rows from a store."""

import hashlib
import json

import pytest

from gristmill.errors import GristmillError, InputError
from gristmill.frame.parquet import read_rows
from gristmill.frame.stage import read_books
from gristmill.identity import text_hash
from gristmill.layout import Stage
from gristmill.stages import compose
from gristmill.text import normalised
from tests.release import Shelf, released
from tests.samples import judged, refusals, sample, samples, seeds, workspace, write_judged

REPLACE = {"compose": {"policy": "replace"}}


def composed(layout):
    return list(read_rows(layout.data(Stage.COMPOSE)))


def test_compose_adds_split_and_text_hash_and_keeps_the_rest(tmp_path):
    layout = workspace(tmp_path)
    rows = [judged(row) for row in samples(3)]
    write_judged(layout, rows)

    compose.run(layout)

    for before, after in zip(rows, composed(layout), strict=True):
        assert after.pop("split") in {"train", "validation", "test"}
        assert after.pop("text_hash") == text_hash(f"{normalised(before['prompt'])}\n{normalised(before['response'])}")
        assert after == before


def test_compose_no_document_is_on_two_sides(tmp_path):
    layout = workspace(tmp_path, compose={"splits": {"train": 0.4, "validation": 0.3, "test": 0.3}})
    write_judged(layout, [judged(row) for row in samples(300)])

    compose.run(layout)

    sides = {}
    for row in composed(layout):
        sides.setdefault(row["origins"][0]["document_id"], set()).add(row["split"])
    assert all(len(found) == 1 for found in sides.values())
    assert set.union(*sides.values()) == {"train", "validation", "test"}


def test_compose_without_a_bound_the_judge_annotates_only(tmp_path):
    layout = workspace(tmp_path)
    first, second = samples(2)
    write_judged(layout, [judged(first, 1.0), judged(second, None)])

    compose.run(layout)

    assert [row["judge_mean"] for row in composed(layout)] == [1.0, None]


def test_compose_with_a_bound_rejects_low_and_unparsed(tmp_path):
    layout = workspace(tmp_path, compose={"min_judge_mean": 3.5})
    low, unparsed, good = samples(3)
    write_judged(layout, [judged(low, 3.0), judged(unparsed, None), judged(good, 3.5)])

    compose.run(layout)

    found = refusals(layout, Stage.COMPOSE)
    assert [row["sample_id"] for row in composed(layout)] == [good["sample_id"]]
    assert (found[low["sample_id"]]["reason"], found[low["sample_id"]]["value"]) == ("judge_mean", "3.000")
    assert found[unparsed["sample_id"]]["reason"] == "judge_unparsed"


def test_compose_takes_a_row_whose_mean_is_the_bound(tmp_path):
    layout = workspace(tmp_path, compose={"min_judge_mean": 3.6})
    (row,) = samples(1)
    write_judged(layout, [judged(row, 3.6)])

    compose.run(layout)

    assert len(composed(layout)) == 1


def test_compose_accumulates_the_parent_and_refuses_what_it_holds(tmp_path, monkeypatch):
    shelf = Shelf()
    old = samples(4)
    released(shelf, tmp_path / "old", old)
    layout = workspace(tmp_path)
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    again = sample(seeds(1)[0])
    same_text = {**sample(seeds(2)[1]), "sample_id": "a" * 32}
    fresh = samples(6)[5]
    write_judged(layout, [judged(again), judged(same_text), judged(fresh)])

    compose.run(layout)

    rows = composed(layout)
    assert {row["sample_id"] for row in rows[:4]} == {row["sample_id"] for row in old}
    assert [row["sample_id"] for row in rows[4:]] == [fresh["sample_id"]]
    assert {row["reason"] for row in refusals(layout, Stage.COMPOSE).values()} == {"in_parent"}
    books = read_books(layout, Stage.COMPOSE)
    assert books["books"][0] == {"unit": "samples", "in": 3, "out": 1, "rejected": {"in_parent": 2}, "failed": {}}
    assert books["books"][1] == {"unit": "parent rows", "in": 4, "out": 4, "rejected": {}, "failed": {}}
    assert books["used"]["parent"]["tag"] == "dataset@v0.1.0"


def test_compose_new_row_of_a_parent_document_takes_its_split(tmp_path, monkeypatch):
    shelf = Shelf()
    everything_tests = {"splits": {"train": 0, "validation": 0, "test": 1}}
    (old,) = samples(1)
    released(shelf, tmp_path / "old", [old], compose=everything_tests)
    layout = workspace(tmp_path, compose={"splits": {"train": 1, "validation": 0, "test": 0}})
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    kin, stranger = ({**row, "sample_id": str(n) * 32} for n, row in enumerate(samples(21)[19:]))
    kin["origins"] = old["origins"]
    write_judged(layout, [judged(kin), judged(stranger)])

    compose.run(layout)

    assert [row["split"] for row in composed(layout)] == ["test", "test", "train"]


def test_compose_new_row_of_a_parent_seed_takes_its_split_though_its_document_has_another_name(tmp_path, monkeypatch):
    """A line more at the top of a file renames the documents below it; the texts are the same."""
    shelf = Shelf()
    (old,) = samples(1)
    released(shelf, tmp_path / "old", [old], compose={"splits": {"train": 0, "validation": 0, "test": 1}})
    layout = workspace(tmp_path, compose={"splits": {"train": 1, "validation": 0, "test": 0}})
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    another_draw = {**samples(21)[20], "sample_id": "b" * 32, "seed_ids": old["seed_ids"]}
    assert another_draw["origins"] != old["origins"]
    write_judged(layout, [judged(another_draw)])

    compose.run(layout)

    assert [row["split"] for row in composed(layout)] == ["test", "test"]


def test_compose_row_from_documents_on_two_sides_is_refused(tmp_path, monkeypatch):
    shelf = Shelf()
    old = samples(60)
    released(shelf, tmp_path / "old", old, compose={"splits": {"train": 0.4, "validation": 0.3, "test": 0.3}})
    layout = workspace(tmp_path)
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    bridge = {**samples(61)[60], "origins": [origin for row in old for origin in row["origins"]]}
    write_judged(layout, [judged(bridge)])

    compose.run(layout)

    (refused,) = refusals(layout, Stage.COMPOSE).values()
    assert (refused["reason"], refused["value"]) == (
        "spans_splits",
        "its documents, or rows like it, are in test and train and validation",
    )
    assert len(composed(layout)) == 60


def test_compose_replace_drops_the_parent(tmp_path):
    layout = workspace(tmp_path, **REPLACE)
    pin = {"tag": "t", "version": "v", "manifest": "s3://nowhere/releases/v/manifest.json", "manifest_sha256": "0"}
    layout.parent_lock.write_text(json.dumps({"version": 1, "parent": pin}))
    write_judged(layout, [judged(row) for row in samples(2)])

    compose.run(layout)

    assert len(composed(layout)) == 2
    assert read_books(layout, Stage.COMPOSE)["used"]["parent"] is None


def test_compose_shards_are_read_once_and_a_damaged_copy_again(tmp_path, monkeypatch):
    shelf = Shelf()
    released(shelf, tmp_path / "old", samples(4))
    layout = workspace(tmp_path)
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    write_judged(layout, [judged(row) for row in samples(6)])

    compose.run(layout)
    compose.run(layout)
    reads_of_two_runs = dict(shelf.reads)
    for cached in (layout.state / "cache" / "shards").iterdir():
        cached.write_bytes(b"damaged")
    compose.run(layout)

    shards = [address for address in shelf.objects if "/shards/" in address]
    assert [reads_of_two_runs[address] for address in shards] == [1] * len(shards)
    assert [shelf.reads[address] for address in shards] == [2] * len(shards)
    assert len(composed(layout)) == 6


@pytest.mark.parametrize(("kind", "error"), [("/shards/", GristmillError), ("/releases/", InputError)])
def test_compose_changed_object_in_the_store_is_refused(tmp_path, monkeypatch, kind, error):
    shelf = Shelf()
    released(shelf, tmp_path / "old", samples(4))
    layout = workspace(tmp_path)
    shelf.pin(layout)
    address = next(address for address in shelf.objects if kind in address)
    shelf.objects[address] += b" "
    shelf.stand_in(monkeypatch)
    write_judged(layout, [judged(row) for row in samples(2)])

    with pytest.raises(error, match="sha256") as raised:
        compose.run(layout)

    assert raised.value.problem.where == address
    assert hashlib.sha256(shelf.objects[address]).hexdigest() in str(raised.value)
    assert not layout.data(Stage.COMPOSE).exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 1}', '{"version": 1, "parent": {"tag": "x"}}'])
def test_compose_broken_lock_is_named_with_the_way_out(tmp_path, content):
    layout = workspace(tmp_path)
    layout.parent_lock.write_text(content)
    write_judged(layout, [])

    with pytest.raises(InputError, match="gristmill sync"):
        compose.run(layout)
