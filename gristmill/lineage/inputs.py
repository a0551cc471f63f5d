"""`gristmill sync`: what the world is at the start of a cycle, pinned in inputs/.

* sources.lock: what the sources hold now, and the real rows that `compose` mixes in
* quota.lock: how much params ask for
* parent.lock: the release to build on. Only new sources move it, to the latest release. Other
  parameters over the same sources give a sibling with the same parent, and a run right after a
  release finds nothing to do.

"Same sources" is by comparison with the files here. A clone that has none (they are ignored on the
code branch) compares with the latest release that it knows, and takes over that one's parent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.compose.real import lock_real_rows
from gristmill.errors import InputError
from gristmill.layout import Layout
from gristmill.lineage.fetch import fetch
from gristmill.lineage.releases import Recorded, latest_release, read_recorded
from gristmill.params.root import Params
from gristmill.seeds.cache import SourceCache
from gristmill.seeds.sources import LOCK_VERSION, lock_sources, read_lock, write_lock
from gristmill.store.client import connect


@dataclass(frozen=True)
class Cycle:
    """What an earlier cycle stood on."""

    sources: Mapping[str, Any]
    parent: Mapping[str, Any] | None


@dataclass(frozen=True)
class SyncResult:
    """What `sync` found: the lock files that it changed, the files pinned, the parent release's tag."""

    changed: tuple[str, ...]
    files: int
    bytes: int
    parent: str | None
    vanished: frozenset[tuple[str, str]] = frozenset()
    """Source and address of files that were there in the cycle before."""

    def lines(self) -> list[str]:
        """For people."""
        changed = ", ".join(self.changed) if self.changed else "nothing changed"
        return [
            f"sources: {self.files:,} files, {self.bytes:,} bytes",
            f"parent release: {self.parent or 'none'}",
            f"inputs: {changed}",
            *(f"vanished from source {name}: {address}" for name, address in sorted(self.vanished)),
        ]


def sync(layout: Layout, params: Params) -> SyncResult:
    """Writes inputs/*.lock. Raises ProblemsError, and changes nothing, when a source is missing or unreadable."""
    before = _former_sources(layout, params)
    sources = lock_sources(params.ingest, layout, lambda: connect(params.store), fetch, before)
    sources |= lock_real_rows(params.compose.mix, layout.root)
    parent = _parent(layout, params, sources)
    quota = {params.generate.recipe: {"seeds": params.quota.seeds, "draws": params.quota.draws}}
    wanted: dict[Path, dict[str, Any]] = {
        # parent.lock before sources.lock: after a crash between them the sources still count as changed
        layout.parent_lock: {"version": LOCK_VERSION, "parent": parent},
        layout.quota_lock: {"version": LOCK_VERSION, "recipes": quota},
        layout.sources_lock: sources,
    }
    changed = tuple(path.relative_to(layout.root).as_posix() for path, lock in wanted.items() if write_lock(path, lock))
    files = [file for source in sources["sources"] for file in source["files"]]
    SourceCache(layout).prune(file["sha256"] for file in files if file.get("cached"))
    return SyncResult(
        changed,
        len(files),
        sum(file["size"] for file in files),
        parent["tag"] if parent else None,
        _vanished(sources) - _vanished(before),
    )


def _former_sources(layout: Layout, params: Params) -> Mapping[str, Any]:
    """What the sources held in the cycle before: by the lock here, else by the latest release."""
    latest = latest_release(layout, params.release.git_remote)
    former = _cycle_here(layout) or (_cycle_of(layout, latest) if latest else None)
    return former.sources if former else {}


def _vanished(lock: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Source and address of the files that were there once."""
    return frozenset((s["name"], address) for s in lock.get("sources", ()) for address in s.get("vanished", ()))


def _parent(layout: Layout, params: Params, sources: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The release to build on, as it stands in parent.lock."""
    latest = latest_release(layout, params.release.git_remote)
    former = _cycle_here(layout) or (_cycle_of(layout, latest) if latest else None)
    if former is None:
        return None
    if former.sources == sources or latest is None:
        return former.parent
    return {
        "tag": latest.tag,
        "version": latest.version,
        "manifest": latest.manifest,
        "manifest_sha256": latest.manifest_sha256,
    }


def _cycle_here(layout: Layout) -> Cycle | None:
    """The cycle that inputs/ holds, if it holds one."""
    if not (layout.sources_lock.exists() and layout.parent_lock.exists()):
        return None
    try:
        parent = read_lock(layout.parent_lock)["parent"]
        if parent is not None:
            parent = {key: parent[key] for key in ("tag", "version", "manifest", "manifest_sha256")}
    except (InputError, KeyError, TypeError):
        raise InputError(
            "the file does not say which release this cycle builds on",
            where=str(layout.parent_lock),
            expected='{"parent": null, "version": 1}, or a parent',
            do="bring it back from the last release (`git show datasets:inputs/parent.lock`), or remove it,"
            " then run `gristmill sync`",
        ) from None
    try:
        return Cycle(read_lock(layout.sources_lock), parent)
    except InputError:
        return Cycle({}, parent)  # damaged: it is about to be written anew, and counts as changed


def _cycle_of(layout: Layout, release: Recorded) -> Cycle | None:
    """The cycle that ended in the release."""
    found = [read_recorded(layout, release, f"inputs/{name}.lock") for name in ("sources", "parent")]
    if found[0] is None or found[1] is None:
        return None
    return Cycle(json.loads(found[0]), json.loads(found[1])["parent"])
