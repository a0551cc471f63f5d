"""`gristmill gc`: what no kept release needs, in the store.

    kept       the releases asked for, and always the one that latest.json names
    needed     their manifests, cards, and every file that their manifests list
    garbage    other objects under shards/, index/ and releases/, and parts of uploads that nobody completed

A publisher at work has uploaded shards whose manifest does not stand yet: what is younger than a
grace period is left alone. The DVC remote below the same prefix is `dvc gc`'s.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.errors import GristmillError
from gristmill.lineage.manifest import card_key, manifest_key, withdrawn_key
from gristmill.lineage.publish import LATEST
from gristmill.lineage.published import PublishedRelease, published_releases
from gristmill.store.client import Head, Store, UnfinishedUpload

_SWEPT = ("shards/", "index/", "releases/")


@dataclass(frozen=True)
class Garbage:
    """What can go: objects, unfinished uploads, and the versions that will no longer be readable."""

    objects: list[Head]
    uploads: list[UnfinishedUpload]
    versions: list[str]

    @property
    def bytes(self) -> int:
        """Size of the objects; parts of unfinished uploads are not counted by the store."""
        return sum(head.size for head in self.objects)


def find_garbage(store: Store, keep: int | None, now: float, grace_seconds: float) -> Garbage:
    """What the newest `keep` releases (None: all of them) don't need and is older than the grace period.

    Raises GristmillError when there is no release at all: then everything would be garbage.
    """
    releases = list(published_releases(store))
    if not releases:
        raise GristmillError(
            "there is no release: everything would be garbage",
            where=store.address("releases/"),
            do="check `store.url`, or remove the prefix by the means of your store",
        )
    kept = _kept(releases, keep, _latest_version(store))
    needed = {key for release in kept for key in _needs(release)}
    old = now - grace_seconds
    objects = [head for head in _swept(store) if head.key not in needed and head.modified < old]
    uploads = [upload for upload in store.unfinished_uploads() if upload.began < old]
    names = {release.version for release in kept}
    return Garbage(objects, uploads, [release.version for release in releases if release.version not in names])


def remove(store: Store, garbage: Garbage) -> None:
    """Removes it; manifests first, so that no reader finds a manifest whose shards are gone."""
    for head in sorted(garbage.objects, key=lambda head: not head.key.endswith("/manifest.json")):
        store.delete(head.key)
    for upload in garbage.uploads:
        store.abort(upload)


def _kept(releases: list[PublishedRelease], keep: int | None, latest: str | None) -> list[PublishedRelease]:
    newest = releases if keep is None else releases[-keep:]
    return [release for release in releases if release in newest or release.version == latest]


def _latest_version(store: Store) -> str | None:
    return str(json.loads(store.get_bytes(LATEST))["version"]) if store.head(LATEST) else None


def _needs(release: PublishedRelease) -> Iterator[str]:
    yield manifest_key(release.version)
    yield card_key(release.version)
    yield withdrawn_key(release.version)
    yield from _paths(release.manifest)


def _paths(value: Any) -> Iterator[str]:
    """Every `path` of a file with a hash that the manifest lists, wherever in it."""
    if isinstance(value, Mapping):
        if "path" in value and "sha256" in value:
            yield str(value["path"])
        for inner in value.values():
            yield from _paths(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner)


def _swept(store: Store) -> Iterator[Head]:
    for prefix in _SWEPT:
        yield from store.list(prefix)
