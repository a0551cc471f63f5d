"""A release as it stands in the store, found by name: what consumers, `verify`, `diff` and `gc` read.

latest                     what latest.json names
v0.3.0, dataset@v0.3.0     a version
s3://.../latest, s3://.../releases/v0.3.0[/manifest.json]     the same, of any prefix that the store's credentials reach
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.errors import GristmillError, InputError
from gristmill.lineage.manifest import manifest_key, withdrawn_key
from gristmill.lineage.publish import LATEST
from gristmill.lineage.releases import is_version, order
from gristmill.store.client import Store, split_address

_FORMS = "latest, v0.3.0, dataset@v0.3.0, or the address of a release: s3://bucket/prefix/latest"


@dataclass(frozen=True)
class Stored:
    """A file that a manifest lists: `address` is where it stands, `sha256` what it must hold."""

    path: str
    address: str
    size: int
    sha256: str


@dataclass(frozen=True)
class File(Stored):
    """A shard."""

    split: str
    rows: int


@dataclass(frozen=True)
class PublishedRelease:
    """A release whose manifest was read from the store and has the hash that names it, where one does."""

    version: str
    address: str
    """The manifest's."""
    sha256: str
    """The manifest's."""
    manifest: Mapping[str, Any]

    @property
    def files(self) -> list[File]:
        """Its shards, in the manifest's order."""
        return [File(*self._stored(file), file["split"], file["rows"]) for file in self.manifest["files"]]

    @property
    def index(self) -> list[Stored]:
        """The files of its index of rows, its parent's among them; none in a release that has no index."""
        return [Stored(*self._stored(file)) for file in self.manifest.get("index", [])]

    def _stored(self, entry: Mapping[str, Any]) -> tuple[str, str, int, str]:
        prefix = self.address.rpartition("/releases/")[0]
        return entry["path"], f"{prefix}/{entry['path']}", entry["bytes"], entry["sha256"]


def find_release(name: str, store: Store) -> PublishedRelease:
    """The release of that name.

    Raises InputError for a name of no form, GristmillError when there is none, its manifest is damaged, or it was
    withdrawn.
    """
    release = _find(name, store)
    mark = f"{release.address.rpartition('/releases/')[0]}/{withdrawn_key(release.version)}"
    if store.head_address(mark) is not None:
        raise GristmillError(
            f"{release.version} was withdrawn: it holds rows that were retracted, and their bytes are gone",
            where=mark,
            do="use a later release: see `gristmill releases`",
        )
    return release


def _find(name: str, store: Store) -> PublishedRelease:
    there = _place(name, store)
    if there is None:
        raise InputError(f"found {name!r}", expected=_FORMS)
    prefix, version = there
    if version is None:
        latest = _json(store, f"{prefix}{LATEST}")
        return _read(store, str(latest["manifest"]), str(latest["manifest_sha256"]))
    return _read(store, prefix + manifest_key(version), None)


def published_versions(store: Store) -> list[str]:
    """Versions whose manifest stands under the store's prefix, oldest first."""
    keys = (head.key.split("/") for head in store.list("releases/"))
    found = [key[1] for key in keys if len(key) == 3 and key[2] == "manifest.json" and is_version(key[1])]
    return sorted(found, key=order)


def withdrawn_versions(store: Store) -> set[str]:
    """Versions under the store's prefix that were withdrawn."""
    keys = (head.key.split("/") for head in store.list("releases/"))
    return {key[1] for key in keys if len(key) == 3 and key[2] == "withdrawn.json"}


def published_releases(store: Store) -> Iterator[PublishedRelease]:
    """All releases under the store's prefix, oldest first."""
    for version in published_versions(store):
        yield _read(store, store.address(manifest_key(version)), None)


def _place(name: str, store: Store) -> tuple[str, str | None] | None:
    """Prefix address (with its slash) and version (None: the latest) that the name means."""
    if not name.startswith("s3://"):
        version = name.removeprefix("dataset@")
        return (
            (store.address(""), version if name != "latest" else None)
            if name == "latest" or is_version(version)
            else None
        )
    address = name.rstrip("/").removesuffix("/manifest.json").removesuffix(".json")
    prefix, _, last = address.rpartition("/")
    if last == "latest":
        return f"{prefix}/", None
    above, _, folder = prefix.rpartition("/")
    return (f"{above}/", last) if folder == "releases" and is_version(last) else None


def _read(store: Store, address: str, sha256: str | None) -> PublishedRelease:
    content = _bytes(store, address)
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256:
        raise GristmillError(
            f"the manifest has sha256 {found}",
            where=address,
            expected=f"{sha256}, as latest.json says",
            do="it was damaged or replaced: `gristmill release` in a clone that holds the release writes it again",
        )
    manifest = _parsed(content, address)
    return PublishedRelease(str(manifest["version"]), address, found, manifest)


def _json(store: Store, address: str) -> dict[str, Any]:
    return _parsed(_bytes(store, address), address)


def _bytes(store: Store, address: str) -> bytes:
    if store.head_address(address) is None:
        bucket, key = split_address(address)
        raise GristmillError("there is no such release", where=f"s3://{bucket}/{key}", do="see `gristmill releases`")
    with store.read_address(address) as stream:
        return stream.read()


def _parsed(content: bytes, address: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = json.loads(content)
    except json.JSONDecodeError as error:
        raise GristmillError(f"not JSON: {error}", where=address, expected="a file that Gristmill wrote") from None
    return parsed
