"""What the sources hold, pinned: `gristmill sync` writes inputs/sources.lock, `ingest` reads only what it lists.

A local or built-in file is pinned by size and SHA-256, an object by size and ETag. The lock is
deterministic: sources in the order of params.yaml, files by address, no times.
"""

import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import GristmillError, InputError, Problem, ProblemsError
from gristmill.layout import Layout
from gristmill.params.ingest import Format, IngestParams, Source, SourceKind
from gristmill.seeds import python_docs
from gristmill.seeds.local import find_files, nothing_found, sha256_of
from gristmill.seeds.recognise import named_format

if TYPE_CHECKING:
    from gristmill.store.client import Store

LOCK_VERSION = 1


def lock_sources(ingest: IngestParams, layout: Layout, store: Callable[[], "Store"]) -> dict[str, Any]:
    """The content of inputs/sources.lock for what the sources hold now.

    `store` is called once, and only when a source is an `s3://` address. Raises ProblemsError with
    all that is wrong in all of the sources.
    """
    connected = cache(store)
    problems: dict[Problem, None] = {}
    entries = []
    for source in ingest.sources:
        try:
            files = sorted(_held(source, layout, connected), key=lambda file: str(file["address"]))
            entries.append({"name": source.name, "kind": source.kind.value, "path": source.path, "files": files})
        except ProblemsError as error:
            problems.update(dict.fromkeys(error.problems))
        except GristmillError as error:
            problems[error.problem] = None
    if problems:
        raise ProblemsError(list(problems))
    return {"version": LOCK_VERSION, "sources": entries}


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
        for file in find_files(layout.root, source):
            yield {"address": file.address, "size": file.path.stat().st_size, "sha256": sha256_of(file.path)}


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
