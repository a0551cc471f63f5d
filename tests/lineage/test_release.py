import hashlib
import io
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gristmill.errors import GristmillError
from gristmill.lineage import publish as publishing
from gristmill.lineage import release as releasing
from gristmill.lineage.git import GitError
from gristmill.lineage.release import Release, release
from gristmill.lineage.releases import read_manifest, releases
from gristmill.store.client import Store
from tests.lineage.workspace import Workspace
from tests.store.server import wipe


def publish(workspace: Workspace) -> Release:
    return release(workspace.layout, workspace.params())


def read_json(store: Store, key: str) -> dict[str, object]:
    return dict(json.loads(store.get_bytes(key)))


def tree_bytes(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def versions(workspace: Workspace, store: Store) -> tuple[list[str], list[str]]:
    """Tags here, and manifests in the store."""
    manifests = [head.key for head in store.list("releases/") if head.key.endswith("/manifest.json")]
    return workspace.git("tag", "--list").split(), manifests


def test_first_release_is_on_s3_in_dvc_and_in_git(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    (workspace.root / "notes.txt").write_text("untracked\n")
    (workspace.root / "export.py").write_text((workspace.root / "export.py").read_text() + "\n# changed\n")
    workspace.dvc("repro")
    workspace.git("add", "export.py")
    before = (
        workspace.git("status", "--porcelain"),
        workspace.git("rev-parse", "HEAD"),
        workspace.git("diff", "--cached"),
    )

    made = publish(workspace)

    assert made == Release(store.address("releases/v0.1.0/manifest.json"), "v0.1.0", "dataset@v0.1.0", 3, True)
    after = (
        workspace.git("status", "--porcelain"),
        workspace.git("rev-parse", "HEAD"),
        workspace.git("diff", "--cached"),
    )
    assert after == before
    assert workspace.git("symbolic-ref", "--short", "HEAD") == "main"

    # S3: a reader follows latest.json to the manifest, and the manifest to the shards.
    latest = read_json(store, "latest.json")
    manifest_bytes = store.read_address(str(latest["manifest"])).read()
    assert latest["manifest_sha256"] == hashlib.sha256(manifest_bytes).hexdigest()
    manifest = json.loads(manifest_bytes)
    tables = {
        file["split"]: pq.read_table(io.BytesIO(store.read_address(file["address"]).read()))["text"].to_pylist()
        for file in manifest["files"]
    }
    assert tables == {"train": ["one", "two"], "test": ["three"]}
    assert manifest["code"] == {"commit": before[1], "dirty": True, "params_changed": False}
    card = store.read_address(manifest["card"]).read().decode()
    assert f"- path: {manifest['files'][0]['address']}\n" in card
    held = store.head(manifest["files"][0]["path"])
    assert held is not None
    assert held.sha256 == manifest["files"][0]["sha256"]

    # git: the commit holds the tree as it was; its parent is the code's commit.
    assert workspace.git("cat-file", "-t", "dataset@v0.1.0") == "tag"
    assert workspace.git("rev-parse", "dataset@v0.1.0^{commit}") == workspace.git("rev-parse", "datasets")
    assert workspace.git("rev-parse", "datasets^@") == before[1]
    names = set(workspace.git("ls-tree", "-r", "--name-only", "datasets").split())
    assert {"dvc.lock", "inputs/sources.lock", "metrics/ingest.json", "params.yaml", "release/manifest.json"} <= names
    assert "notes.txt" not in names
    assert workspace.git("show", "datasets:export.py").endswith("# changed")
    [known] = releases(workspace.layout)
    assert (known.tag, known.version, known.rows) == ("dataset@v0.1.0", "v0.1.0", 3)
    assert known.manifest_sha256 == latest["manifest_sha256"]
    assert json.loads(workspace.layout.release_record.read_text())["url"] == made.url

    # DVC: a second clone at the tag pulls every data set, byte for byte, and stands where the first one stood.
    second = workspace.clone(tmp_path / "second", "--branch", "dataset@v0.1.0")
    shutil.copy(workspace.root / ".dvc" / "config.local", second.root / ".dvc" / "config.local")
    second.dvc("pull")
    assert tree_bytes(second.root / "data") == tree_bytes(workspace.root / "data")
    assert json.loads(second.dvc("status", "--json")) == {}
    again = publish(second)
    assert (again.version, again.new) == ("v0.1.0", False)
    assert second.git("status", "--porcelain") == ""


def test_second_release_of_the_same_uploads_and_tags_nothing(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(workspace)
    held = {head.key: head.etag for head in store.list("")}
    refs = workspace.git("for-each-ref")

    second = publish(workspace)

    assert second == Release(first.url, "v0.1.0", "dataset@v0.1.0", 3, False)
    assert {head.key: head.etag for head in store.list("")} == held
    assert workspace.git("for-each-ref") == refs


def test_wiped_store_is_filled_with_the_same_bytes(workspace: Workspace, store: Store) -> None:
    publish(workspace)
    held = {head.key: head.etag for head in store.list("")}
    wipe(store)
    assert list(store.list("")) == []

    again = publish(workspace)

    assert (again.version, again.new) == ("v0.1.0", False)
    assert {head.key: head.etag for head in store.list("")} == held


def test_partly_wiped_store_is_filled_too(workspace: Workspace, store: Store) -> None:
    publish(workspace)
    held = {head.key: head.etag for head in store.list("")}
    for key in [key for key in held if not key.endswith(".dir") and key != "latest.json"]:
        store.client.delete_object(Bucket=store.bucket, Key=f"{store.prefix}/{key}")

    publish(workspace)

    assert {head.key: head.etag for head in store.list("")} == held


def test_another_store_gets_the_same_version_with_its_own_addresses(workspace: Workspace, store: Store) -> None:
    publish(workspace)
    other = store.address("").rstrip("/") + "-other"
    workspace.set("store", url=other)

    again = publish(workspace)

    assert (again.url, again.new) == (f"{other}/releases/v0.1.0/manifest.json", False)
    manifest = json.loads(store.read_address(again.url).read())
    assert all(file["address"].startswith(f"{other}/shards/") for file in manifest["files"])


def test_changed_data_gives_the_next_version_on_top_of_the_last(workspace: Workspace, store: Store) -> None:
    publish(workspace)
    first = workspace.git("rev-parse", "datasets")
    workspace.seeds("one", "two", "three", "four")
    workspace.dvc("repro")
    shards = {head.key for head in store.list("shards/")}

    made = publish(workspace)

    assert (made.version, made.rows, made.new) == ("v0.2.0", 4, True)
    assert workspace.git("rev-parse", "datasets^@").split() == [workspace.git("rev-parse", "HEAD"), first]
    assert len({head.key for head in store.list("shards/")} - shards) == 1
    assert read_json(store, "latest.json")["version"] == "v0.2.0"
    assert [known.version for known in releases(workspace.layout)] == ["v0.1.0", "v0.2.0"]
    assert (read_manifest(workspace.layout, releases(workspace.layout)[0]) or {})["rows"] == 3


def test_wiped_store_gets_back_earlier_releases_whose_shards_are_still_in_use(
    workspace: Workspace, store: Store
) -> None:
    workspace.seeds("one", "two")
    workspace.dvc("repro")
    publish(workspace)
    workspace.seeds("one", "two", "three")
    workspace.dvc("repro")
    publish(workspace)
    held = {head.key: head.etag for head in store.list("") if not head.key.startswith("dvc/")}
    wipe(store)

    publish(workspace)

    assert {head.key: head.etag for head in store.list("") if not head.key.startswith("dvc/")} == held
    assert "releases/v0.1.0/manifest.json" in held


class Crashed(Exception):
    pass


def crash_after(step: Callable[..., object]) -> Callable[..., object]:
    def crashing(*arguments: object) -> None:
        step(*arguments)
        raise Crashed

    return crashing


@pytest.mark.parametrize("step", ["upload_shards", "publish_version", "point_latest", "push_data", "record"])
def test_crash_after_a_step_is_finished_by_the_next_run_as_one_version(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(releasing, step, crash_after(getattr(releasing, step)))
        with pytest.raises(Crashed):
            publish(workspace)
    assert not workspace.layout.release_record.exists()

    made = publish(workspace)

    assert made.version == "v0.1.0"
    assert versions(workspace, store) == (["dataset@v0.1.0"], ["releases/v0.1.0/manifest.json"])
    assert read_json(store, "latest.json")["version"] == "v0.1.0"
    assert workspace.git("rev-list", "--count", "main..datasets") == "1"
    assert len(list(store.list("dvc/files/md5/"))) == 12
    content = workspace.git("show", "datasets:release/manifest.json") + "\n"
    assert content.encode() == store.get_bytes("releases/v0.1.0/manifest.json")


def test_a_version_taken_by_another_publisher_is_left_alone(workspace: Workspace, store: Store) -> None:
    theirs = b'{"content_hash": "other", "outs_hash": "other"}'
    store.put_bytes("releases/v0.1.0/manifest.json", theirs)

    made = publish(workspace)

    assert made.version == "v0.2.0"
    assert store.get_bytes("releases/v0.1.0/manifest.json") == theirs


def test_losing_the_race_for_a_version_takes_the_next(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions_in = publishing._versions_in

    def then_another_publishes(held: Store) -> list[str]:
        found = versions_in(held)
        held.put_if_absent("releases/v0.1.0/README.md", b"their card")
        held.put_if_absent("releases/v0.1.0/manifest.json", b'{"content_hash": "x", "outs_hash": "x"}')
        return [] if not found else found[:0]

    monkeypatch.setattr(publishing, "_versions_in", then_another_publishes)

    assert publish(workspace).version == "v0.2.0"
    assert store.get_bytes("releases/v0.1.0/README.md") == b"their card"


def test_latest_never_goes_back_to_an_older_version(workspace: Workspace, store: Store) -> None:
    publish(workspace)
    newer = b'{"version": "v0.9.0"}'
    store.put_bytes("latest.json", newer)

    publish(workspace)

    assert store.get_bytes("latest.json") == newer


def test_latest_names_the_newer_of_two_versions_published_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def published(version: str) -> publishing.Published:
        content = json.dumps({"address": f"s3://b/{version}", "content_hash": version, "rows": 1}).encode()
        store.put_if_absent(f"releases/{version}/manifest.json", content)
        return publishing.Published(version, content)

    swap, older = Store.put_if_unchanged, published("v0.2.0")

    def newer_comes_between(held: Store, key: str, data: bytes, etag: str | None) -> bool:
        monkeypatch.setattr(Store, "put_if_unchanged", swap)
        publishing.point_latest(held, published("v0.3.0"))
        return swap(held, key, data, etag)

    monkeypatch.setattr(Store, "put_if_unchanged", newer_comes_between)
    publishing.point_latest(store, older)

    assert read_json(store, "latest.json")["version"] == "v0.3.0"


def test_release_is_pushed_to_the_git_remote_and_completed_after_a_failure(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    remote = tmp_path / "remote.git"
    workspace.git("remote", "add", "backup", str(remote))
    workspace.set("release", git_remote="backup")
    with pytest.raises(GitError, match=r"the git remote `backup` could not be used"):
        publish(workspace)
    assert list(store.list("")) == []

    workspace.git("init", "--quiet", "--bare", str(remote))
    refusal = remote / "hooks" / "pre-receive"
    refusal.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    refusal.chmod(0o755)
    with pytest.raises(GitError, match="not today"):
        publish(workspace)
    refusal.unlink()
    made = publish(workspace)

    assert made.version == "v0.1.0"
    listed = workspace.git("ls-remote", "backup")
    assert "refs/heads/datasets" in listed
    assert "refs/tags/dataset@v0.1.0^{}" in listed

    # A second clone that knows the release only through the remote goes on from it.
    second = workspace.clone(tmp_path / "second")
    second.git("remote", "add", "backup", str(remote))
    second.git("remote", "remove", "origin")
    for local in (".dvc/config.local", "params.yaml"):
        shutil.copy(workspace.root / local, second.root / local)
    for tag in second.git("tag", "--list").split():
        second.git("tag", "--delete", tag)
    second.seeds("one", "two", "three", "four")
    second.dvc("repro")
    assert publish(second).version == "v0.2.0"
    assert publish(workspace).version == "v0.1.0"
    assert [known.version for known in releases(workspace.layout, "backup")] == ["v0.1.0", "v0.2.0"]


def test_stale_graph_is_refused_and_named(workspace: Workspace) -> None:
    workspace.set("export", title="Other")

    with pytest.raises(GristmillError, match=r"the graph is not up to date: export \(changed deps: params\.yaml"):
        publish(workspace)


def test_missing_export_is_refused(workspace: Workspace) -> None:
    shutil.rmtree(workspace.root / "data" / "export")

    with pytest.raises(GristmillError, match="there is nothing to release"):
        publish(workspace)


def test_empty_export_is_refused(workspace: Workspace) -> None:
    path = workspace.root / "data" / "export" / "manifest.json"
    path.chmod(0o644)
    path.write_text(json.dumps({"content_hash": "x", "rows": 0, "files": [], "index": []}))

    with pytest.raises(GristmillError, match="the data set is empty"):
        publish(workspace)


def test_gate_that_said_no_is_obeyed(workspace: Workspace) -> None:
    path = workspace.root / "data" / "gate" / "decision.json"
    path.chmod(0o644)
    path.write_text(json.dumps({"passed": False, "mode": "block", "reasons": ["too few rows"]}))

    with pytest.raises(GristmillError, match="the gate said no: too few rows") as caught:
        publish(workspace)
    assert caught.value.exit_code == 3


def test_workspace_without_a_repository_says_how_to_make_one(workspace: Workspace) -> None:
    shutil.rmtree(workspace.root / ".git")

    with pytest.raises(GitError, match="git init"):
        publish(workspace)


def test_repository_without_a_commit_says_so(workspace: Workspace) -> None:
    shutil.rmtree(workspace.root / ".git")
    workspace.git("init", "--quiet")

    with pytest.raises(GitError, match="there is none yet"):
        publish(workspace)


def test_release_works_on_a_detached_head_and_without_a_git_name(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workspace.git("checkout", "--quiet", "--detach")
    workspace.git("config", "--unset", "user.name")
    workspace.git("config", "--unset", "user.email")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)

    assert publish(workspace).version == "v0.1.0"
    assert workspace.git("log", "-1", "--format=%an <%ae>", "datasets") == "Gristmill <gristmill@localhost>"


def test_checked_out_datasets_branch_is_refused(workspace: Workspace) -> None:
    workspace.git("checkout", "--quiet", "-b", "datasets")

    with pytest.raises(GitError, match="git switch main"):
        publish(workspace)


def test_secret_keys_stay_in_a_private_file(workspace: Workspace, store: Store) -> None:
    publish(workspace)

    assert store.credentials is not None
    secret = store.credentials.secret_key
    config = workspace.root / ".dvc" / "config.local"
    assert secret in config.read_text()
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert not any(secret.encode() in store.get_bytes(head.key) for head in store.list(""))
    committed = workspace.git("grep", "--count", "-e", ".", "datasets")
    assert "config.local" not in committed
