"""Near-duplicates stand on one side of the splits."""

import hashlib

from gristmill.frame.parquet import read_rows
from gristmill.layout import Stage
from gristmill.stages import compose
from tests.release import Shelf, released
from tests.samples import judged, refusals, samples, workspace, write_judged

HALVES = {"splits": {"train": 0.5, "validation": 0, "test": 0.5}}


def long_samples(count):
    """Rows with texts long enough that one word more leaves them alike, each from a document of its own."""
    return [
        {**row, "response": row["evidence"], "origins": [{**row["origins"][0], "document_id": digest(str(n))}]}
        for n, row in enumerate(samples(count))
    ]


def digest(text):
    return hashlib.md5(text.encode()).hexdigest()


def worded_otherwise(row, number):
    """A near-duplicate of the row, from another document and seed."""
    name = digest(f"other {number}")
    origins = [{**row["origins"][0], "document_id": name}]
    changed = {"sample_id": name, "seed_ids": [name], "origins": origins}
    return {**row, **changed, "response": row["response"] + " indeed"}


def sides(layout):
    return {row["sample_id"]: row["split"] for row in read_rows(layout.data(Stage.COMPOSE))}


def test_compose_near_duplicates_of_different_documents_are_on_one_side(tmp_path):
    layout = workspace(tmp_path, compose=HALVES)
    rows = long_samples(40)
    others = [worded_otherwise(row, number) for number, row in enumerate(rows)]
    write_judged(layout, [judged(row) for row in (*rows, *others)])

    compose.run(layout)

    found = sides(layout)
    assert [found[row["sample_id"]] for row in rows] == [found[row["sample_id"]] for row in others]
    assert set(found.values()) == {"train", "test"}


def test_compose_what_resembles_a_released_row_takes_its_side(tmp_path, monkeypatch):
    shelf = Shelf()
    (old,) = long_samples(1)
    released(shelf, tmp_path / "old", [old], compose={"splits": {"train": 0, "validation": 0, "test": 1}})
    layout = workspace(tmp_path, compose={"splits": {"train": 1, "validation": 0, "test": 0}})
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    like, stranger = worded_otherwise(old, 1), long_samples(2)[1]
    write_judged(layout, [judged(like), judged(stranger)])

    compose.run(layout)

    assert sides(layout) == {old["sample_id"]: "test", like["sample_id"]: "test", stranger["sample_id"]: "train"}
    assert not refusals(layout, Stage.COMPOSE)
