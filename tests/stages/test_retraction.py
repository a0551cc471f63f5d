"""Retracted rows: left out of the data set, known to what comes later, told in the card, kept nowhere as a reject."""

import json

import pytest
import yaml

from gristmill.errors import InputError
from gristmill.frame.parquet import read_rows
from gristmill.frame.stage import read_books
from gristmill.layout import Stage
from gristmill.stages import compose
from tests.release import Shelf, released, through_export
from tests.samples import judged, refusals, samples, workspace, write_judged


def retract(layout, **tombstone):
    layout.retracted.write_text(yaml.safe_dump({"tombstones": [tombstone]}))


def composed(layout):
    return [row["sample_id"] for row in read_rows(layout.data(Stage.COMPOSE))]


def foreign(row, **origin):
    """The row, of another source or under another licence."""
    return {**row, "origins": [{**row["origins"][0], **origin}]}


@pytest.mark.parametrize("kind", ["source", "seed", "licence"])
def test_new_row_that_is_retracted_is_left_out_and_its_text_not_kept(tmp_path, kind):
    layout = workspace(tmp_path)
    good, bad = samples(2)
    bad = foreign(bad, source="forum", licence="CC-BY-NC-4.0")
    value = {"source": "forum", "seed": bad["seed_ids"][0], "licence": "CC-BY-NC-4.0"}[kind]
    retract(layout, **{kind: value})
    write_judged(layout, [judged(good), judged(bad)])

    compose.run(layout)

    (refusal,) = refusals(layout, Stage.COMPOSE).values()
    assert composed(layout) == [good["sample_id"]]
    assert (refusal["id"], refusal["reason"], refusal["value"]) == (bad["sample_id"], "retracted", f"{kind} {value}")
    assert refusal["text"] == ""
    assert read_books(layout, Stage.COMPOSE)["used"]["retracted"] == {f"{kind} {value}": 1}


def test_parent_row_that_is_retracted_is_left_out_and_known(tmp_path, monkeypatch):
    shelf = Shelf()
    first, second, third = samples(3)
    released(shelf, tmp_path / "old", [first, foreign(second, source="forum"), third])
    layout = workspace(tmp_path)
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    retract(layout, source="forum")
    write_judged(layout, [judged({**second, "sample_id": "a" * 32})])

    compose.run(layout)

    assert set(composed(layout)) == {first["sample_id"], third["sample_id"]}
    parent = read_books(layout, Stage.COMPOSE)["books"][1]
    assert parent == {"unit": "parent rows", "in": 3, "out": 2, "rejected": {"retracted": 1}, "failed": {}}
    assert refusals(layout, Stage.COMPOSE)["a" * 32]["reason"] == "in_parent"


def test_release_after_a_retraction_keeps_other_shards_and_the_index_and_tells_it(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = samples(14)
    sides = {"splits": {"train": 0.5, "validation": 0.25, "test": 0.25}}
    old = released(shelf, tmp_path / "old", rows[:8], compose=sides)
    before = manifest_of(old)
    gone = next(row for row in read_rows(old.data(Stage.COMPOSE)) if row["split"] == "train")
    layout = workspace(tmp_path, gate={"min_rows": 1}, compose=sides)
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    retract(layout, seed=gone["seed_ids"][0])

    through_export(layout, rows[8:])

    after = manifest_of(layout)
    assert gone["sample_id"] not in composed(layout)
    same = {file["path"] for file in before["files"] if file["split"] != "train"}
    assert same <= {file["path"] for file in after["files"]}
    assert after["rows"] == before["rows"] - 1 + after["index"][-1]["rows"]
    assert after["index"][: len(before["index"])] == before["index"]
    assert after["retracted"] == {f"seed {gone['seed_ids'][0]}": 1}
    card = (layout.data(Stage.EXPORT) / "README.md").read_text()
    assert f"Retracted, and left out from this release on: seed {gone['seed_ids'][0]} (1 rows)" in card


def test_shard_of_which_every_row_is_retracted_is_gone(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = samples(12)
    old = released(shelf, tmp_path / "old", [foreign(row, source="forum") for row in rows[:6]])
    layout = workspace(tmp_path, gate={"min_rows": 1})
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    retract(layout, source="forum")

    through_export(layout, rows[6:])

    before, after = ({file["path"] for file in manifest_of(found)["files"]} for found in (old, layout))
    assert not before & after
    assert len(composed(layout)) == manifest_of(layout)["rows"] > 0


def test_missing_file_of_tombstones_stops_the_stage(tmp_path):
    layout = workspace(tmp_path)
    layout.retracted.unlink()
    write_judged(layout, [judged(row) for row in samples(1)])

    with pytest.raises(InputError, match=r"retracted\.yaml"):
        compose.run(layout)


def manifest_of(layout):
    return json.loads((layout.data(Stage.EXPORT) / "manifest.json").read_text())
