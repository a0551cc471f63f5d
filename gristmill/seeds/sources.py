"""What the sources hold, pinned: `gristmill sync` writes inputs/sources.lock, `ingest` reads only what it lists.

A local or built-in file is pinned by size and SHA-256, an object by size and ETag. The lock is
deterministic: sources in the order of params.yaml, files by address, no times.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import GristmillError, InputError, Problem, ProblemsError
from gristmill.layout import Layout
from gristmill.params.ingest import Format, IngestParams, Source, SourceKind
from gristmill.seeds import python_docs
from gristmill.seeds.cache import CachedFile, FileHashes, SourceCache
from gristmill.seeds.download import download
from gristmill.seeds.local import find_files, nothing_found
from gristmill.seeds.recognise import named_format

if TYPE_CHECKING:
    from gristmill.store.client import Store

LOCK_VERSION = 1


@dataclass(frozen=True)
class Checkout:
    """What a repository holds at a commit, already in the workspace's cache."""

    commit: str
    files: list[CachedFile]


Repository = Callable[[Source, Layout], Checkout]
"""Brings what a `git` or `dvc` source names into the cache; gristmill.lineage knows how."""


def no_repository(source: Source, _layout: Layout) -> Checkout:
    """For callers that read no repositories."""
    raise InputError("repositories are read in a workspace only", where=f"source {source.name!r}")


def lock_sources(
    ingest: IngestParams,
    layout: Layout,
    store: Callable[[], "Store"],
    repository: Repository = no_repository,
    former: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The content of inputs/sources.lock for what the sources hold now.

    `store` is called once, and only when a source is an `s3://` address. Files that the `former` lock pinned for the
    same source and that are gone stand in the source's `vanished`. Raises ProblemsError with all that is wrong in
    all of the sources.
    """
    connected = cache(store)
    before = {_asked(entry): entry for entry in (former or {}).get("sources", ())}
    problems: dict[Problem, None] = {}
    entries = []
    for source in ingest.sources:
        try:
            entry = _entry(source, ingest, layout, connected, repository)
            entries.append(_with_vanished(entry, before.get(_asked(entry))))
        except ProblemsError as error:
            problems.update(dict.fromkeys(error.problems))
        except GristmillError as error:
            problems[error.problem] = None
    if problems:
        raise ProblemsError(list(problems))
    return {"version": LOCK_VERSION, "sources": entries}


def _entry(
    source: Source, ingest: IngestParams, layout: Layout, store: Callable[[], "Store"], repository: Repository
) -> dict[str, Any]:
    """What one source holds, as it stands in the lock."""
    entry: dict[str, Any] = {"name": source.name, "kind": source.kind.value, "path": source.path}
    if source.kind in (SourceKind.GIT, SourceKind.DVC):
        held = repository(source, layout)
        entry |= {"url": source.url, "rev": source.rev, "commit": held.commit}
        files: Iterable[dict[str, Any]] = [file.pin() for file in held.files]
    elif (source.path or "").startswith(("http://", "https://")):
        files = [download(source, ingest, SourceCache(layout)).pin()]
    else:
        files = _held(source, layout, store)
    return {**entry, "files": sorted(files, key=lambda file: str(file["address"]))}


def _asked(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a source was asked for: files of another request have not vanished."""
    return tuple(entry.get(key) for key in ("name", "kind", "path", "url"))


def _with_vanished(entry: dict[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """The entry with the files that it once held; once reported they stay, so that nothing new is no change."""
    if before is None:
        return entry
    once = {*(file["address"] for file in before["files"]), *before.get("vanished", ())}
    vanished = sorted(once - {file["address"] for file in entry["files"]})
    return {**entry, "vanished": vanished} if vanished else entry


def write_lock(path: Path, content: dict[str, Any]) -> bool:
    """Writes a lock file, whole or not at all. Gives whether that changed it; an equal one is not touched."""
    data = (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_bytes(data)
    fresh.replace(path)
    return True


def read_lock(path: Path) -> dict[str, Any]:
    """A lock file's content. Raises InputError when it is missing or damaged."""
    again = "run `gristmill sync`: it writes the files under inputs/"
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError("there is no such file", where=str(path), do=again) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not readable as JSON: {error}", where=str(path), do=again) from None
    if not isinstance(content, dict) or content.get("version") != LOCK_VERSION:
        raise InputError(
            "not a lock file that this version reads", where=str(path), expected=f'"version": {LOCK_VERSION}', do=again
        )
    return content


def _held(source: Source, layout: Layout, store: Callable[[], "Store"]) -> Iterator[dict[str, Any]]:
    """What one source holds."""
    if source.kind is SourceKind.PYTHON_DOCS:
        data = python_docs.canonical()
        yield {"address": python_docs.ADDRESS, "size": len(data), "sha256": python_docs.fingerprint()}
    elif (source.path or "").startswith("s3://"):
        yield from _objects(source, store)
    else:
        with FileHashes(layout) as hashes:
            for file in find_files(layout.root, source):
                yield {"address": file.address, "size": file.path.stat().st_size, "sha256": hashes.sha256(file.path)}


def _objects(source: Source, store: Callable[[], "Store"]) -> Iterator[dict[str, Any]]:
    """The object of that address, or those below it as a folder whose names tell a format."""
    address = source.path or ""
    single = store().head_address(address) if not address.endswith("/") and address.count("/") > 2 else None
    if single:
        yield {"address": single.address, "size": single.size, "etag": single.etag}
        return
    below = [head for head in store().list_address(address.rstrip("/") + "/") if not head.address.endswith("/")]
    known = [head for head in below if source.format is not Format.AUTO or named_format(head.address)]
    if not known:
        raise nothing_found(source, f"{len(below)} objects below it, none with a name that tells its format")
    for head in known:
        yield {"address": head.address, "size": head.size, "etag": head.etag}
