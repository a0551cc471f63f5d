"""A version in the store: shards and card first, the manifest last and only if absent, then latest.json.

A version is taken when its manifest stands in the store; of several publishers exactly one gets
it, the others take the next.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from gristmill.errors import GristmillError
from gristmill.layout import Layout
from gristmill.lineage import manifest as manifests
from gristmill.lineage import snapshot
from gristmill.lineage.manifest import Export
from gristmill.lineage.releases import (
    CARD,
    MANIFEST,
    Identity,
    all_versions,
    current_releases,
    is_version,
    next_version,
    order,
    read_manifest,
    read_recorded,
    releases,
)
from gristmill.store.client import Store

LATEST = "latest.json"
_UPLOADS = 4


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


def restore_earlier(draft: Draft) -> None:
    """Brings back manifests and cards of earlier releases whose shards this one holds too: the parent among them."""
    held, shards = set(_versions_in(draft.store)), {shard.path for shard in draft.export.shards}
    for known in releases(draft.layout, draft.remote):
        address = draft.store.address(manifests.manifest_key(known.version))
        if known.version in held or known.manifest != address:
            continue
        content, card = (read_recorded(draft.layout, known, path) for path in (MANIFEST, CARD))
        if content and card and _paths(json.loads(content)) <= shards:
            draft.store.put_if_absent(manifests.card_key(known.version), card)
            draft.store.put_if_absent(manifests.manifest_key(known.version), content)


def _paths(manifest: Mapping[str, Any]) -> set[str]:
    """Everything that a manifest stands on."""
    return {file["path"] for file in (*manifest["files"], *manifest["index"])}


def point_latest(store: Store, published: Published) -> None:
    """Moves latest.json to the version, unless it names a newer one; compare-and-swap, so that none goes back."""
    wanted = _latest(published)
    while True:
        held = store.head(LATEST)
        present = store.get_bytes(LATEST) if held else None
        if present == wanted or (present and order(_version_in(present, store)) > order(published.version)):
            return
        if store.put_if_unchanged(LATEST, wanted, held.etag if held else None):
            return


def _latest(published: Published) -> bytes:
    """latest.json for the version."""
    manifest = json.loads(published.content)
    return manifests.as_bytes(
        {
            "version": published.version,
            "manifest": manifest["address"],
            "manifest_sha256": manifests.sha256_of(published.content),
            "content_hash": manifest["content_hash"],
            "rows": manifest["rows"],
        }
    )


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
