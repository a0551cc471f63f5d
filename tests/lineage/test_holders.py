"""Rows of releases, found by id and by text."""

from pathlib import Path

from gristmill.lineage.holders import find_row, versions_with
from gristmill.lineage.published import find_release
from gristmill.lineage.release import release
from gristmill.store.client import Store
from tests.lineage.workspace import Workspace


def test_row_is_found_by_id_and_by_text_and_in_the_releases_that_hold_it(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    release(workspace.layout, workspace.params())
    workspace.seeds("one", "two", "three", "four")
    workspace.dvc("repro")
    release(workspace.layout, workspace.params())
    old, new = find_release("v0.1.0", store), find_release("latest", store)

    by_text = find_row(old, "what is three?", store, tmp_path)

    assert by_text is not None
    assert by_text["sample_id"] == "three"
    assert (find_row(new, "four", store, tmp_path) or {})["prompt"] == "what is four?"
    assert find_row(old, "four", store, tmp_path) is None
    assert versions_with("three", store, tmp_path) == ["v0.1.0", "v0.2.0"]
    assert versions_with("four", store, tmp_path) == ["v0.2.0"]
