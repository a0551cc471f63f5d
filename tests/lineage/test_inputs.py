import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gristmill.errors import GristmillError
from gristmill.lineage.inputs import sync
from gristmill.lineage.release import release
from gristmill.lineage.releases import latest_release
from tests.lineage.workspace import Workspace


def locks(workspace: Workspace) -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in (workspace.root / "inputs").glob("*.lock")}


def synced(workspace: Workspace) -> tuple[str, ...]:
    return sync(workspace.layout, workspace.params()).changed


def pin_of(workspace: Workspace) -> dict[str, str]:
    latest = latest_release(workspace.layout)
    assert latest is not None
    return {
        "tag": latest.tag,
        "version": latest.version,
        "manifest": latest.manifest,
        "manifest_sha256": latest.manifest_sha256,
    }


@pytest.fixture
def cycle(workspace: Workspace) -> Workspace:
    """A workspace whose inputs were written by `sync`, with the graph run over them."""
    shutil.rmtree(workspace.root / "inputs")
    sync(workspace.layout, workspace.params())
    workspace.dvc("repro")
    return workspace


def test_first_sync_pins_sources_and_quota_and_no_parent(cycle: Workspace) -> None:
    found = locks(cycle)

    [source] = found["sources"]["sources"]
    assert [(file["address"], file["size"]) for file in source["files"]] == [("seeds.txt", 14)]
    assert found["parent"] == {"version": 1, "parent": None}
    assert found["quota"] == {"version": 1, "recipes": {"qa-from-docs": {"seeds": 300, "draws": 1}}}
    assert synced(cycle) == ()


def test_sync_right_after_a_release_changes_nothing(cycle: Workspace) -> None:
    release(cycle.layout, cycle.params())

    assert synced(cycle) == ()


def test_changed_parameters_over_the_same_sources_keep_the_parent(cycle: Workspace) -> None:
    release(cycle.layout, cycle.params())
    cycle.set("quota", seeds=7)

    assert synced(cycle) == ("inputs/quota.lock",)
    assert locks(cycle)["parent"]["parent"] is None


def test_new_sources_move_the_parent_to_the_latest_release(cycle: Workspace) -> None:
    release(cycle.layout, cycle.params())
    (cycle.root / "seeds.txt").write_text("one\ntwo\nthree\nfour\n")

    result = sync(cycle.layout, cycle.params())

    assert result.changed == ("inputs/parent.lock", "inputs/sources.lock")
    assert result.lines() == [
        "sources: 1 files, 19 bytes",
        "parent release: dataset@v0.1.0",
        "inputs: inputs/parent.lock, inputs/sources.lock",
    ]
    assert locks(cycle)["parent"] == {"version": 1, "parent": pin_of(cycle)}
    cycle.dvc("repro")
    release(cycle.layout, cycle.params())
    assert synced(cycle) == ()


def test_new_sources_before_any_release_have_no_parent(cycle: Workspace) -> None:
    (cycle.root / "seeds.txt").write_text("other\n")

    assert synced(cycle) == ("inputs/sources.lock",)
    assert locks(cycle)["parent"]["parent"] is None


def test_clone_at_the_tag_stays_on_the_releases_parent(cycle: Workspace, tmp_path: Path) -> None:
    release(cycle.layout, cycle.params())
    clone = cycle.clone(tmp_path / "clone2", "--branch", "dataset@v0.1.0")
    (clone.root / "seeds.txt").write_text("one\ntwo\nthree\n")

    assert synced(clone) == ()


def test_clone_of_the_code_takes_over_the_latest_releases_cycle(cycle: Workspace, tmp_path: Path) -> None:
    release(cycle.layout, cycle.params())
    same = cycle.clone(tmp_path / "same")
    (same.root / "seeds.txt").write_text("one\ntwo\nthree\n")
    newer = cycle.clone(tmp_path / "newer")
    (newer.root / "seeds.txt").write_text("four\n")

    sync(same.layout, same.params())
    sync(newer.layout, newer.params())

    assert locks(same)["parent"]["parent"] is None
    assert locks(newer)["parent"]["parent"] == pin_of(cycle)


def test_damaged_sources_lock_is_written_anew(cycle: Workspace) -> None:
    cycle.layout.sources_lock.write_text("<<<<<<<")

    assert synced(cycle) == ("inputs/sources.lock",)


def test_damaged_parent_lock_names_the_way_out(cycle: Workspace) -> None:
    cycle.layout.parent_lock.write_text("<<<<<<<")

    with pytest.raises(GristmillError, match=r"git show datasets:inputs/parent\.lock"):
        synced(cycle)


def test_missing_source_changes_nothing(cycle: Workspace) -> None:
    before = locks(cycle)
    (cycle.root / "seeds.txt").unlink()

    with pytest.raises(GristmillError, match=r"seeds\.txt"):
        synced(cycle)
    assert locks(cycle) == before


@pytest.mark.parametrize("parent", ["4", '"dataset@v0.1.0"', '{"tag": "dataset@v0.1.0"}'])
def test_parent_that_is_no_release_names_the_way_out(cycle: Workspace, parent: str) -> None:
    (cycle.root / "inputs" / "parent.lock").write_text(f'{{"version": 1, "parent": {parent}}}')

    with pytest.raises(GristmillError, match="gristmill sync"):
        synced(cycle)
