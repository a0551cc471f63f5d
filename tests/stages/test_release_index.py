"""What was released before: the index that export writes, and the filter that holds new rows against it."""

import hashlib
import json

import pyarrow.parquet as pq
import pytest

from gristmill.errors import GristmillError, InputError
from gristmill.frame.parquet import read_rows
from gristmill.frame.stage import read_books
from gristmill.layout import Stage
from gristmill.stages import filter as filter_stage
from tests.release import PREFIX, Shelf, released, through_export
from tests.samples import refusals, samples, workspace, write_samples

ONLY_NEAR = {"filter": {"filters": [{"name": "near_dedup"}]}}
NO_NEAR = {"filter": {"filters": [{"name": "exact_dedup"}]}}


def with_id(row, digit):
    return {**row, "sample_id": digit * 32}


def worded_otherwise(row, digit):
    """A near-duplicate of the row: one word more at its end."""
    return {**with_id(row, digit), "response": row["response"] + " indeed"}


def second(root, shelf, monkeypatch, **sections):
    """A workspace whose next release has the one on the shelf as its parent."""
    root.mkdir()
    layout = workspace(root, gate={"min_rows": 1}, **sections)
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    return layout


def manifest_of(layout):
    return json.loads((layout.data(Stage.EXPORT) / "manifest.json").read_text())


def kept(layout):
    return [row["sample_id"] for row in read_rows(layout.data(Stage.FILTER))]


def long_samples(count):
    """Rows with texts long enough that one word more leaves them alike."""
    return [{**row, "response": row["evidence"]} for row in samples(count)]


def test_export_lists_an_index_of_all_rows_by_content(tmp_path):
    layout = workspace(tmp_path)
    through_export(layout, samples(20))

    files = manifest_of(layout)["index"]

    assert [(file["kind"], file["part"], file["rows"]) for file in files] == [
        ("bands", 0, 20),
        ("texts", 0, 20),
        ("rows", 0, 20),
    ]
    for file in files:
        path = layout.data(Stage.EXPORT) / file["path"]
        content = path.read_bytes()
        assert file["path"] == f"index/{hashlib.sha256(content).hexdigest()}.parquet"
        assert file["bytes"] == len(content)
    rows = pq.read_table(layout.data(Stage.EXPORT) / files[2]["path"])
    assert rows["id"].to_pylist() == [row["sample_id"] for row in samples(20)]
    assert {path.name for path in (layout.data(Stage.EXPORT) / "index").iterdir()} == {
        f"{file['sha256']}.parquet" for file in files
    }


def test_filter_refuses_what_resembles_a_released_row_and_names_it(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = long_samples(6)
    released(shelf, tmp_path / "old", rows[:3], **ONLY_NEAR)
    layout = second(tmp_path / "new", shelf, monkeypatch, **ONLY_NEAR)
    write_samples(layout, [worded_otherwise(rows[1], "a"), *rows[4:]])

    filter_stage.run(layout)

    found = refusals(layout, Stage.FILTER)["a" * 32]
    assert (found["reason"], found["value"]) == ("near_duplicate_of_release", rows[1]["sample_id"])
    assert kept(layout) == [row["sample_id"] for row in rows[4:]]
    books = read_books(layout, Stage.FILTER)["books"][0]
    assert (books["in"], books["out"], books["rejected"]) == (3, 2, {"near_duplicate_of_release": 1})


def test_filter_lets_the_released_samples_through_when_they_come_again(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = long_samples(4)
    released(shelf, tmp_path / "old", rows, **ONLY_NEAR)
    layout = second(tmp_path / "new", shelf, monkeypatch, **ONLY_NEAR)
    write_samples(layout, rows)

    filter_stage.run(layout)

    assert kept(layout) == [row["sample_id"] for row in rows]


def test_a_rerun_with_the_same_parent_does_not_refuse_its_own_rows(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = long_samples(6)
    released(shelf, tmp_path / "old", rows[:3], **ONLY_NEAR)
    layout = second(tmp_path / "new", shelf, monkeypatch, **ONLY_NEAR)
    through_export(layout, rows[3:])
    first = manifest_of(layout)["content_hash"]

    through_export(layout, rows[3:])

    assert kept(layout) == [row["sample_id"] for row in rows[3:]]
    assert manifest_of(layout)["content_hash"] == first


def test_export_of_a_second_release_adds_a_part_and_keeps_the_first_as_it_was(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = long_samples(8)
    old = released(shelf, tmp_path / "old", rows[:5], **ONLY_NEAR)
    layout = second(tmp_path / "new", shelf, monkeypatch, **ONLY_NEAR)

    through_export(layout, [*rows[5:], worded_otherwise(rows[0], "b")])

    before, after = manifest_of(old)["index"], manifest_of(layout)["index"]
    assert after[:3] == before
    assert [(file["part"], file["rows"]) for file in after[3:]] == [(1, 3)] * 3
    for file in before:
        assert (layout.data(Stage.EXPORT) / file["path"]).read_bytes() == shelf.objects[f"{PREFIX}/{file['path']}"]


def test_export_without_new_rows_lists_the_parents_index(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = samples(5)
    old = released(shelf, tmp_path / "old", rows, **NO_NEAR)
    layout = second(tmp_path / "new", shelf, monkeypatch, **NO_NEAR)

    through_export(layout, rows)

    assert manifest_of(layout)["index"] == manifest_of(old)["index"]


def test_a_third_release_is_held_against_both_before_it(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = long_samples(6)
    released(shelf, tmp_path / "one", rows[:2], **ONLY_NEAR)
    two = second(tmp_path / "two", shelf, monkeypatch, **ONLY_NEAR)
    through_export(two, rows[2:4])
    shelf.put(two)
    three = second(tmp_path / "three", shelf, monkeypatch, **ONLY_NEAR)
    write_samples(three, [worded_otherwise(rows[0], "a"), worded_otherwise(rows[3], "b"), rows[5]])

    filter_stage.run(three)

    found = {id_[0]: row["value"] for id_, row in refusals(three, Stage.FILTER).items()}
    assert found == {"a": rows[0]["sample_id"], "b": rows[3]["sample_id"]}
    assert kept(three) == [rows[5]["sample_id"]]


def test_a_policy_that_drops_the_parents_rows_lets_their_likes_in(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = long_samples(2)
    released(shelf, tmp_path / "old", rows, **ONLY_NEAR)
    layout = second(tmp_path / "new", shelf, monkeypatch, compose={"policy": "replace"}, **ONLY_NEAR)
    write_samples(layout, [worded_otherwise(rows[0], "a")])

    filter_stage.run(layout)

    assert kept(layout) == ["a" * 32]


def test_filter_refuses_an_index_that_was_changed_in_the_store(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = long_samples(2)
    old = released(shelf, tmp_path / "old", rows, **ONLY_NEAR)
    shelf.objects[f"{PREFIX}/{manifest_of(old)['index'][0]['path']}"] += b"x"
    layout = second(tmp_path / "new", shelf, monkeypatch, **ONLY_NEAR)
    write_samples(layout, rows)

    with pytest.raises(GristmillError, match="sha256"):
        filter_stage.run(layout)


def test_filter_names_a_parent_that_has_no_index(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = long_samples(2)
    released(shelf, tmp_path / "old", rows, **ONLY_NEAR)
    manifest = f"{PREFIX}/releases/v0.1.0/manifest.json"
    content = json.loads(shelf.objects[manifest])
    del content["index"]
    shelf.objects[manifest] = json.dumps(content).encode()
    layout = second(tmp_path / "new", shelf, monkeypatch, **ONLY_NEAR)
    write_samples(layout, rows)

    with pytest.raises(InputError, match="no index"):
        filter_stage.run(layout)


def test_the_index_is_fetched_once(tmp_path, monkeypatch):
    shelf = Shelf()
    rows = long_samples(4)
    old = released(shelf, tmp_path / "old", rows[:2], **ONLY_NEAR)
    layout = second(tmp_path / "new", shelf, monkeypatch, **ONLY_NEAR)

    through_export(layout, rows[2:])

    for file in manifest_of(old)["index"]:
        assert shelf.reads[f"{PREFIX}/{file['path']}"] == 1
