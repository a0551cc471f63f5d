"""The export stage: shards, manifest and card, read back as a user of the data set would."""

import hashlib
import json
import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
import yaml

from gristmill.errors import GristmillError
from gristmill.frame.parquet import read_rows
from gristmill.layout import Stage
from gristmill.schema import PUBLISHED
from gristmill.stages import export
from tests.release import Shelf, released, through_audit, through_export
from tests.samples import samples, workspace

THIRDS = {"splits": {"train": 0.4, "validation": 0.3, "test": 0.3}}
LOAD = """
import json, sys
import datasets
data = datasets.load_dataset(sys.argv[1])
print(json.dumps({name: [len(split), split[0]["messages"]] for name, split in data.items()}))
"""


def manifest_of(layout):
    return json.loads((layout.data(Stage.EXPORT) / "manifest.json").read_text())


def card_of(layout):
    _, head, text = (layout.data(Stage.EXPORT) / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(head), text


def test_export_shards_are_named_by_their_content_and_hold_every_row(tmp_path):
    layout = workspace(tmp_path, compose=THIRDS)
    through_export(layout, samples(60))

    manifest = manifest_of(layout)
    seen = set()
    for file in manifest["files"]:
        path = layout.data(Stage.EXPORT) / file["path"]
        rows = pq.read_table(path)
        assert file["path"] == f"shards/{hashlib.sha256(path.read_bytes()).hexdigest()}.parquet"
        assert (file["rows"], file["bytes"]) == (rows.num_rows, path.stat().st_size)
        assert rows.schema == PUBLISHED
        assert set(rows["split"].to_pylist()) == {file["split"]}
        seen |= set(rows["sample_id"].to_pylist())
    assert len(seen) == manifest["rows"] == sum(manifest["splits"].values()) == 60
    assert {path.name for path in layout.data(Stage.EXPORT).iterdir()} == {
        "README.md",
        "_stage.json",
        "index",
        "manifest.json",
        "shards",
    }


def test_export_messages_are_the_prompt_and_the_response(tmp_path):
    layout = workspace(tmp_path)
    through_export(layout, samples(10))

    for file in manifest_of(layout)["files"]:
        for row in pq.read_table(layout.data(Stage.EXPORT) / file["path"]).to_pylist():
            assert row["messages"] == [
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": row["response"]},
            ]


def test_export_same_rows_give_the_same_bytes_everywhere(tmp_path):
    folders = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        layout = workspace(tmp_path / name, compose=THIRDS)
        through_export(layout, samples(60))
        folders.append(layout.data(Stage.EXPORT))

    first, second = ({str(p.relative_to(f)): p.read_bytes() for p in f.rglob("*.*")} for f in folders)
    assert first == second


def test_export_empty_splits_have_no_file(tmp_path):
    layout = workspace(tmp_path, compose={"splits": {"train": 1, "validation": 0, "test": 0}})
    through_export(layout, samples(10))

    manifest = manifest_of(layout)
    assert [file["split"] for file in manifest["files"]] == ["train"]
    assert manifest["splits"] == {"train": 10, "validation": 0, "test": 0}
    assert [entry["split"] for entry in card_of(layout)[0]["configs"][0]["data_files"]] == ["train"]


def test_export_content_hash_changes_with_the_rows_and_not_with_the_title(tmp_path):
    hashes = []
    for name, count, title in (("a", 12, "One"), ("b", 12, "Two"), ("c", 13, "One")):
        (tmp_path / name).mkdir()
        layout = workspace(tmp_path / name, export={"title": title})
        through_export(layout, samples(count))
        hashes.append(manifest_of(layout)["content_hash"])

    assert hashes[0] == hashes[1] != hashes[2]


def test_export_of_a_cumulative_release_keeps_the_parents_shards(tmp_path, monkeypatch):
    shelf = Shelf()
    old = released(shelf, tmp_path / "old", samples(60), compose=THIRDS)
    (tmp_path / "new").mkdir()
    layout = workspace(tmp_path / "new", compose=THIRDS)
    shelf.pin(layout)
    shelf.stand_in(monkeypatch)
    through_export(layout, samples(90))

    before, after = ({file["path"] for file in manifest_of(found)["files"]} for found in (old, layout))
    manifest = manifest_of(layout)
    assert before < after
    assert manifest["rows"] == 90
    assert manifest["parent"]["tag"] == "dataset@v0.1.0"
    assert manifest["verdict"]["accepted"] == 90


def test_export_card_says_how_it_was_made_and_what_it_is_worth(tmp_path):
    layout = workspace(tmp_path, export={"title": "Questions: 'n' answers", "licence": "psfl"}, compose=THIRDS)
    rows = samples(30)
    rows[0]["prompt"] = "Why?"
    through_export(layout, rows)

    head, text = card_of(layout)

    assert head["pretty_name"] == "Questions: 'n' answers"
    assert (head["license"], head["language"], head["size_categories"]) == ("psfl", ["en"], ["n<1K"])
    assert "synthetic" in head["tags"]
    for expected in (
        "# Questions: 'n' answers",
        "recipe `qa-from-docs`",
        "model `tiny`, revision `1`: 29 rows",
        "| filter | samples | 30 | 29 | prompt_too_short 1 |",
        "| python-docs | PSF-2.0 | 29 |",
        "## Limits",
    ):
        assert expected in text


def test_export_card_examples_cannot_break_out_of_their_fence(tmp_path):
    layout = workspace(tmp_path)
    rows = samples(6)
    for row in rows:
        row["prompt"] = f"{row['prompt'][:-1]} ````html <script>alert(1)</script>?"
    through_export(layout, rows)

    _, text = card_of(layout)

    before, _, _ = text.partition("<script>")
    assert before.count("`````text\n") == 1
    assert text.count("\n`````\n") == 3


def test_export_manifest_records_a_gate_that_only_warned(tmp_path):
    layout = workspace(tmp_path, gate={"mode": "warn", "min_rows": 1000})
    through_export(layout, samples(8))

    assert manifest_of(layout)["gate"] == {
        "passed": False,
        "mode": "warn",
        "reasons": ["rows: 8, required: at least 1,000"],
        "unmeasured": ["qa-from-docs, the new part: needs 50 rows that were written from text; found 8"],
        "baseline": True,
    }
    assert "The gate was broken and set to warn" in card_of(layout)[1]


def test_export_manifest_leaves_out_where_and_how(tmp_path):
    layout = workspace(tmp_path, store={"endpoint": "https://private.example"}, engine={"max_in_flight": 7})
    through_export(layout, samples(8))

    text = json.dumps(manifest_of(layout))
    assert "private.example" not in text
    assert set(manifest_of(layout)["parameters"]) == {
        "ingest", "model", "generate", "execution", "filter", "judge", "compose", "audit", "gate", "export",
    }  # fmt: skip


def test_export_decision_about_other_data_is_not_taken(tmp_path):
    layout = workspace(tmp_path)
    through_export(layout, samples(8))
    through_audit(layout, samples(7))

    with pytest.raises(GristmillError, match="the gate decided on another data set"):
        export.run(layout)


def test_export_is_loaded_by_hugging_face_datasets(tmp_path):
    layout = workspace(tmp_path, compose=THIRDS)
    through_export(layout, samples(60))
    offline = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}

    found = subprocess.run(
        [sys.executable, "-c", LOAD, str(layout.data(Stage.EXPORT))],
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
    )

    assert found.returncode == 0, found.stderr
    loaded = json.loads(found.stdout.splitlines()[-1])
    assert {name: rows for name, (rows, _) in loaded.items()} == manifest_of(layout)["splits"]
    first = next(row for row in read_rows(layout.data(Stage.COMPOSE)) if row["split"] == "train")
    assert loaded["train"][1][0] == {"role": "user", "content": first["prompt"]}
