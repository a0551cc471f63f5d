"""`gristmill diff A B`: what two releases differ in, from their manifests, and by row where their shards differ."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from gristmill.compose.parent import Pin, fetch_shards, open_parent
from gristmill.lineage.published import PublishedRelease
from gristmill.store.client import Store

_FACTS = ("rows", "tokens", "bytes", "splits", "schema", "seeds_fingerprint", "parent")
_PARTS = {
    "sources and recipes": "provenance",
    "parameters": "parameters",
    "health": "verdict",
    "gate": "gate",
    "code": "code",
}


def compare(old: PublishedRelease, new: PublishedRelease, store: Store, cache: Path) -> dict[str, Any]:
    """Part -> dotted path -> [in `old`, in `new`], for what differs; `rows` tells rows kept, gone and added."""
    parts: dict[str, Any] = {"rows": row_changes(old, new, store, cache)}
    parts["facts"] = changes(_facts(old), _facts(new))
    for title, part in _PARTS.items():
        parts[title] = changes(old.manifest.get(part) or {}, new.manifest.get(part) or {})
    return parts


def _facts(release: PublishedRelease) -> dict[str, Any]:
    return {name: release.manifest.get(name) for name in _FACTS}


def changes(old: Any, new: Any, path: str = "") -> dict[str, list[Any]]:
    """Dotted path -> [old, new] of every leaf that differs; a list is one leaf."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return {} if old == new else {path: [old, new]}
    found: dict[str, list[Any]] = {}
    for name in sorted({*old, *new}):
        found |= changes(old.get(name), new.get(name), f"{path}.{name}" if path else str(name))
    return found


def row_changes(old: PublishedRelease, new: PublishedRelease, store: Store, cache: Path) -> dict[str, int]:
    """Rows kept, gone and added, by sample id. Shards that both hold are not read."""
    shared = {file.sha256 for file in old.files} & {file.sha256 for file in new.files}
    same = sum(file.rows for file in old.files if file.sha256 in shared)
    before, after = (_ids(release, shared, store, cache) for release in (old, new))
    return {"kept": same + len(before & after), "gone": len(before - after), "added": len(after - before)}


def _ids(release: PublishedRelease, without: set[str], store: Store, cache: Path) -> set[str]:
    pin = Pin("", release.version, release.address, release.sha256)
    parent = open_parent(pin, store.read_address)
    wanted = replace(parent, shards=[shard for shard in parent.shards if shard.sha256 not in without])
    return {name for path in fetch_shards(wanted, store.read_address, cache) for name in _column(path)}


def _column(path: Path) -> Iterator[str]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["sample_id"]):
            yield from batch["sample_id"].to_pylist()
