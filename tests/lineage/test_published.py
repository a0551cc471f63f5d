"""Releases in a real store: found, checked, compared, loaded, swept."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import gristmill
from gristmill.errors import GristmillError, InputError
from gristmill.lineage.diff import compare
from gristmill.lineage.published import find_release, published_versions
from gristmill.lineage.release import release
from gristmill.lineage.sweep import find_garbage, remove
from gristmill.lineage.verify import faults
from gristmill.params.publish import StoreParams
from gristmill.store.client import Store, connect
from tests.lineage.workspace import Workspace, copy

Published = tuple[Workspace, Store]


@pytest.fixture(scope="module")
def published(template: Workspace, state_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """A clone with two releases, three lines and then five, and the store that holds them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_STATE_DIR", str(state_folder))
        patch.setenv("DVC_SITE_CACHE_DIR", str(state_folder / "dvc-site"))
        params = StoreParams(url=f"s3://gristmill-tests/{uuid.uuid4().hex}")
        made = copy(template, tmp_path_factory.mktemp("published") / "clone")
        made.set("store", url=params.url)
        made.git("commit", "--quiet", "-am", "Store")
        release(made.layout, made.params())
        made.seeds("one", "two", "three", "four", "five")
        made.dvc("repro")
        release(made.layout, made.params())
        yield made, connect(params)


@pytest.fixture
def store(published: Published) -> Iterator[Store]:
    """The store; what a test does to it is undone."""
    held = published[1]
    before = {head.key: held.get_bytes(head.key) for head in held.list("")}
    yield held
    for key in {head.key for head in held.list("")} - before.keys():
        held.delete(key)
    for key, content in before.items():
        held.put_bytes(key, content)


@pytest.fixture
def two(published: Published) -> Workspace:
    return published[0]


def keys(store: Store) -> set[str]:
    return {head.key for head in store.list("") if not head.key.startswith("dvc/")}


def test_release_is_found_by_version_tag_address_and_as_latest(two: Workspace, store: Store) -> None:
    names = ["latest", "v0.2.0", "dataset@v0.2.0", store.address("latest.json"), store.address("releases/v0.2.0/")]

    assert published_versions(store) == ["v0.1.0", "v0.2.0"]
    assert {find_release(name, store).version for name in names} == {"v0.2.0"}
    assert find_release("v0.1.0", store).manifest["rows"] == 3


def test_release_that_is_not_there_and_a_name_of_no_form_are_told(two: Workspace, store: Store) -> None:
    with pytest.raises(GristmillError, match="there is no such release"):
        find_release("v0.9.0", store)
    with pytest.raises(InputError, match="'newest'"):
        find_release("newest", store)


def test_verify_finds_nothing_wrong_with_a_release(two: Workspace, store: Store) -> None:
    assert list(faults(find_release("v0.1.0", store), store)) == []
    assert list(faults(find_release("latest", store), store)) == []


def test_verify_names_each_damaged_and_missing_file(two: Workspace, store: Store) -> None:
    first, second = find_release("latest", store).files
    store.put_bytes(first.path, b"x" * first.size)
    store.delete(second.path)

    found = list(faults(find_release("latest", store), store))

    assert found[0].startswith(f"{first.address}: sha256 ")
    assert found[1] == f"{second.address}: missing"
    assert len(found) == 2


def test_verify_names_each_damaged_and_missing_file_of_the_index(two: Workspace, store: Store) -> None:
    first, *_, last = find_release("latest", store).index
    store.put_bytes(first.path, b"x" * first.size)
    store.delete(last.path)

    damaged, missing = faults(find_release("latest", store), store)

    assert damaged.startswith(f"{first.address}: sha256 ")
    assert damaged.endswith(f", {first.sha256} stated")
    assert missing == f"{last.address}: missing"
    assert list(faults(find_release("v0.1.0", store), store)) == [damaged]


def test_manifest_that_is_not_the_one_latest_names_is_refused(two: Workspace, store: Store) -> None:
    store.put_bytes("releases/v0.2.0/manifest.json", store.get_bytes("releases/v0.1.0/manifest.json"))

    with pytest.raises(GristmillError, match=r"as latest\.json says"):
        find_release("latest", store)


def test_load_gives_the_rows_of_a_split_and_refuses_changed_bytes(
    two: Workspace, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.credentials is not None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", store.credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", store.credentials.secret_key)
    address = store.address("latest")

    whole = gristmill.load(address, endpoint=store.endpoint, cache=tmp_path / "cache")
    test = gristmill.load(address, split="test", endpoint=store.endpoint, cache=tmp_path / "cache")

    assert whole.to_table()["text"].to_pylist() == ["one", "two", "three", "four", "five"]
    assert test.to_table()["text"].to_pylist() == ["three", "four", "five"]
    with pytest.raises(InputError, match="found split 'dev'"):
        gristmill.load(address, split="dev", endpoint=store.endpoint, cache=tmp_path / "cache")
    store.put_bytes(find_release("latest", store).files[0].path, b"damaged")
    with pytest.raises(GristmillError, match="as the release's manifest says"):
        gristmill.load(address, endpoint=store.endpoint, cache=tmp_path / "other")


def test_gc_removes_what_no_kept_release_needs(two: Workspace, store: Store) -> None:
    store.put_bytes("shards/stray.parquet", b"left by a publisher that died")
    store.put_bytes("index/stray.parquet", b"left too")
    before, later = keys(store), time.time() + 3600

    all_kept = find_garbage(store, None, later, 60)
    newest_kept = find_garbage(store, 1, later, 60)
    remove(store, newest_kept)

    assert [head.key for head in all_kept.objects] == ["shards/stray.parquet", "index/stray.parquet"]
    assert newest_kept.versions == ["v0.1.0"]
    gone = before - keys(store)
    assert {
        "shards/stray.parquet",
        "index/stray.parquet",
        "releases/v0.1.0/manifest.json",
        "releases/v0.1.0/README.md",
    } < gone
    assert list(faults(find_release("latest", store), store)) == []


def test_gc_leaves_young_objects_alone(two: Workspace, store: Store) -> None:
    store.put_bytes("shards/uploading.parquet", b"its manifest comes in a moment")

    assert find_garbage(store, 1, time.time(), 3600).objects == []


def test_gc_aborts_uploads_that_nobody_completed(two: Workspace, store: Store) -> None:
    key = f"{store.prefix}/shards/half.parquet" if store.prefix else "shards/half.parquet"
    store.client.create_multipart_upload(Bucket=store.bucket, Key=key)

    found = find_garbage(store, None, time.time() + 3600, 60)
    remove(store, found)

    assert [upload.key for upload in found.uploads] == ["shards/half.parquet"]
    assert list(store.unfinished_uploads()) == []


def test_gc_without_a_release_refuses(store: Store) -> None:
    with pytest.raises(GristmillError, match="everything would be garbage"):
        find_garbage(replace(store, prefix="nothing/here"), None, time.time(), 0)


def test_diff_tells_rows_and_facts_that_differ(two: Workspace, store: Store, tmp_path: Path) -> None:
    old, new = find_release("v0.1.0", store), find_release("v0.2.0", store)
    told = compare(old, new, store, tmp_path)

    assert told["facts"]["rows"] == [3, 5]
    assert told["rows"] == {"kept": 3, "gone": 0, "added": 2}


def test_artifact_of_a_version_is_got_by_dvc_in_another_place(two: Workspace, store: Store, tmp_path: Path) -> None:
    other = two.clone(tmp_path / "other")
    (other.root / ".dvc" / "config.local").write_text((two.root / ".dvc" / "config.local").read_text())

    other.dvc("artifacts", "get", ".", "dataset", "--rev", "v0.1.0", "--out", str(tmp_path / "got"))

    manifest = json.loads((tmp_path / "got" / "manifest.json").read_text())
    assert manifest["rows"] == 3
