"""`gristmill release`: what the graph made becomes a version, on S3, in the DVC remote and in git.

    shards, card -> manifest (only if absent) -> latest.json -> dvc push -> commit and tag -> git push -> release.json

Every step looks first and brings only what is missing. So a run after a crash between any two
steps finishes the same version, a wiped or different store is filled again, and a release of
what is released already changes nothing. A version is taken when its manifest stands in the store.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from gristmill.errors import GristmillError
from gristmill.frame.lock import exclusive
from gristmill.layout import Layout
from gristmill.lineage import dvc, git, snapshot
from gristmill.lineage import manifest as manifests
from gristmill.lineage.manifest import Export
from gristmill.lineage.releases import (
    Identity,
    Recorded,
    all_versions,
    current_releases,
    is_version,
    next_version,
    order,
    read_manifest,
    releases,
    tag_of,
)
from gristmill.params.root import Params
from gristmill.store.client import Store, connect
from gristmill.store.state import write_private

LATEST = "latest.json"
_UPLOADS = 4


@dataclass(frozen=True)
class Release:
    """A version: `url` is its manifest's `s3://` address; `new` when this run recorded it."""

    url: str
    version: str
    tag: str
    rows: int
    new: bool


@dataclass(frozen=True)
class Published:
    """A version whose manifest stands in the store, with these very bytes."""

    version: str
    content: bytes


@dataclass(frozen=True)
class Draft:
    """What is to be published, before it has a version."""

    layout: Layout
    store: Store
    export: Export
    identity: Identity
    remote: str | None


def release(layout: Layout, params: Params) -> Release:
    """Publishes and records what the graph made; the same content gives the same version.

    Raises GristmillError, with nothing published, when the graph is not up to date, the gate said
    no, or nothing was exported.
    """
    with exclusive(layout.state / "locks" / "release.lock", "the release of this clone"):
        repository = git.open_repository(layout.root)
        remote = params.release.git_remote
        export = check(layout)
        if remote:
            git.fetch_releases(layout.root, remote)
        store = connect(params.store)
        dvc.configure_remote(layout, store)
        identity = Identity(export.manifest["content_hash"], manifests.outs_hash(layout))
        draft = Draft(layout, store, export, identity, remote)
        upload_shards(store, export)
        published = publish_version(draft)
        point_latest(store, published)
        push_data(layout, store)
        new = record(repository, draft, published)
        if remote:
            push_git(layout, remote)
        return write_record(draft, published, new)


def check(layout: Layout) -> Export:
    """The export. Raises GristmillError unless it is complete, allowed and up to date."""
    manifests.check_gate(layout)
    export = manifests.read_export(layout)
    stale = dvc.status(layout)
    if stale:
        raise GristmillError(
            "the graph is not up to date: " + "; ".join(f"{stage} ({reasons[0]})" for stage, reasons in stale.items()),
            where="dvc status",
            do="run `gristmill run`, or `dvc repro` and then `gristmill release`",
        )
    return export


def upload_shards(store: Store, export: Export) -> int:
    """Brings the shards that the store lacks, several at a time; how many those were."""

    def bring(shard: manifests.Shard) -> int:
        held = store.head(shard.path)
        if held is not None and held.size == shard.size:
            return 0
        path = export.folder / shard.path
        if manifests.sha256_of_file(path) != shard.sha256:
            raise GristmillError(
                "the shard's bytes are not those that its name says",
                where=str(path),
                do="`dvc checkout --force data/export` restores it from DVC's cache",
            )
        store.put_file(path, shard.path, shard.sha256)
        return 1

    with ThreadPoolExecutor(_UPLOADS) as pool:
        return sum(pool.map(bring, export.shards))


def publish_version(draft: Draft) -> Published:
    """The version that has this content, its card and manifest in the store; a new one if none has it."""
    if found := _recorded(draft) or _unrecorded(draft):
        return found
    created = datetime.now(UTC).isoformat(timespec="seconds")
    code = asdict(snapshot.code_state(draft.layout))
    taken = [*all_versions(draft.layout.root), *_versions_in(draft.store)]
    while True:
        version = next_version(taken)
        manifest = manifests.published_manifest(draft.export, draft.identity, version, code, created, draft.store)
        if found := _claim(draft, manifest):
            return found
        taken.append(version)  # another publisher was faster


def point_latest(store: Store, published: Published) -> None:
    """Moves latest.json to the version, unless it names a newer one."""
    manifest = json.loads(published.content)
    wanted = manifests.as_bytes(
        {
            "version": published.version,
            "manifest": manifest["address"],
            "manifest_sha256": manifests.sha256_of(published.content),
            "content_hash": manifest["content_hash"],
            "rows": manifest["rows"],
        }
    )
    present = store.get_bytes(LATEST) if store.head(LATEST) else None
    if present == wanted:
        return
    if present is None or order(_version_in(present, store)) <= order(published.version):
        store.put_bytes(LATEST, wanted)


def push_data(layout: Layout, store: Store) -> None:
    """Brings every data set of the graph into the DVC remote."""
    dvc.push(layout, store)


def record(repository: git.Repository, draft: Draft, published: Published) -> bool:
    """Commit on `datasets` and tag, unless they stand already; True when this made them."""
    tag = tag_of(published.version)
    if any(known.tag == tag for known in releases(draft.layout, draft.remote)):
        return False
    manifest = json.loads(published.content)
    known = Recorded(
        tag,
        published.version,
        manifest["rows"],
        draft.identity,
        manifest["address"],
        manifests.sha256_of(published.content),
    )
    snapshot.record(repository, draft.layout, known, published.content, draft.remote)
    return True


def push_git(layout: Layout, remote: str) -> None:
    """Pushes the branch and every release tag on it: also those whose push failed before."""
    git.push_releases(layout.root, remote, [known.tag for known in releases(layout, remote)])


def write_record(draft: Draft, published: Published, new: bool) -> Release:
    """release.json at the top of the work tree, for scripts; written last."""
    manifest: Mapping[str, Any] = json.loads(published.content)
    made = Release(manifest["address"], published.version, tag_of(published.version), manifest["rows"], new)
    facts = {
        "url": made.url,
        "version": made.version,
        "tag": made.tag,
        "rows": made.rows,
        "content_hash": draft.identity.content_hash,
    }
    write_private(draft.layout.release_record, json.dumps(facts, indent=1) + "\n")
    return made


def _claim(draft: Draft, manifest: Mapping[str, Any]) -> Published | None:
    """Takes the version by writing its manifest; None when it is taken by other content."""
    store, version = draft.store, str(manifest["version"])
    card = manifests.published_card(draft.export, store)
    store.put_if_absent(manifests.card_key(version), card)
    content = manifests.as_bytes(manifest)
    if not store.put_if_absent(manifests.manifest_key(version), content):
        content = store.get_bytes(manifests.manifest_key(version))
        if manifests.identity_of(json.loads(content)) != draft.identity:
            return None
    if store.get_bytes(manifests.card_key(version)) != card:
        store.put_bytes(manifests.card_key(version), card)  # a publisher that lost the version had written its own
    return Published(version, content)


def _recorded(draft: Draft) -> Published | None:
    """The release that this clone stands on, if it has this content; what the store lacks of it is written again."""
    for recorded in current_releases(draft.layout, draft.remote):
        if recorded.identity != draft.identity:
            continue
        manifest = read_manifest(draft.layout, recorded)
        if manifest and (found := _claim(draft, manifests.addressed(manifest, draft.store))):
            return found
    return None


def _unrecorded(draft: Draft) -> Published | None:
    """A version in the store with this content and no tag here: a run that died before it could record it."""
    recorded = set(all_versions(draft.layout.root))
    for version in sorted(_versions_in(draft.store), key=order, reverse=True):
        if version in recorded:
            continue
        content = json.loads(draft.store.get_bytes(manifests.manifest_key(version)))
        if manifests.identity_of(content) == draft.identity:
            return _claim(draft, content)
    return None


def _versions_in(store: Store) -> list[str]:
    """Versions whose manifest stands in the store."""
    keys = (head.key.split("/") for head in store.list("releases/"))
    return [key[1] for key in keys if len(key) == 3 and key[2] == "manifest.json" and is_version(key[1])]


def _version_in(latest: bytes, store: Store) -> str:
    """The version that latest.json names. Raises GristmillError when it is not ours."""
    try:
        version = str(json.loads(latest)["version"])
    except (json.JSONDecodeError, KeyError, TypeError):
        version = ""
    if not is_version(version):
        raise GristmillError(
            "latest.json is not one that Gristmill wrote",
            where=store.address(LATEST),
            do="remove it, or choose a prefix of its own in `store.url`",
        )
    return version
