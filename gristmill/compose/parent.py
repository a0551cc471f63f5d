"""The parent release as inputs/parent.lock pins it: its manifest, and its shards, verified and cached.

    <prefix>/releases/<version>/manifest.json      the address in the lock, with its sha256
    <prefix>/shards/<sha256>.parquet               the manifest's `path`s are relative to <prefix>
    <prefix>/index/<sha256>.parquet                see `gristmill.dedup.release`

Nothing is believed: the manifest must have the pinned hash, and every shard and index file the hash in its name.
They are read from the store once and kept in `.gristmill/cache/`.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.dedup.files import IndexFile, index_files
from gristmill.errors import GristmillError, InputError
from gristmill.schema import COMPOSED

Read = Callable[[str], IO[bytes]]
"""Opens an s3:// address."""

_BATCH_ROWS = 1024


@dataclass(frozen=True)
class Pin:
    """What inputs/parent.lock says."""

    tag: str
    version: str
    manifest: str
    manifest_sha256: str


@dataclass(frozen=True)
class Shard:
    """One file of the parent release."""

    path: str
    split: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Parent:
    """A release whose manifest has been verified."""

    pin: Pin
    shards: Sequence[Shard]
    verdict: Mapping[str, Any]
    """What its audit found."""
    index: Sequence[IndexFile]


def read_pin(path: Path) -> Pin | None:
    """The parent that the lock names, or None for a first release. Raises InputError when the file is not a lock."""
    try:
        content = json.loads(path.read_text())
        if content["version"] != 1:
            raise InputError(f"found version {content['version']}", where=str(path), expected="version 1")
        return None if content["parent"] is None else Pin(**content["parent"])
    except FileNotFoundError:
        raise InputError("there is no such file", where=str(path), do="write it: `gristmill sync`") from None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(
            f"not a parent lock: {type(error).__name__}: {error}",
            where=str(path),
            expected='{"version": 1, "parent": null} or a parent with tag, version, manifest and manifest_sha256',
            do="remove the file and write it again: `gristmill sync`",
        ) from None


def open_parent(pin: Pin, read: Read) -> Parent:
    """The parent's manifest. Raises InputError when it is not the one that was pinned."""
    with read(pin.manifest) as stream:
        content = stream.read()
    found = hashlib.sha256(content).hexdigest()
    if found != pin.manifest_sha256:
        raise InputError(
            f"the manifest of {pin.tag} has sha256 {found}",
            where=pin.manifest,
            expected=f"{pin.manifest_sha256}, pinned in inputs/parent.lock",
            do="the release was changed after it was made: restore it, or remove the lock and run `gristmill sync`",
        )
    manifest = json.loads(content)
    if "index" not in manifest:
        raise InputError(
            f"{pin.tag} has no index of its rows",
            where=pin.manifest,
            expected="a release with an index, against which new rows can be compared",
            do="release its data again with this version of Gristmill, then run `gristmill sync`",
        )
    return Parent(pin, [_shard(entry) for entry in manifest["files"]], manifest["verdict"], index_files(manifest))


def fetch_shards(parent: Parent, read: Read, cache: Path) -> list[Path]:
    """Local files of the parent's shards, in the manifest's order. Raises GristmillError for a wrong hash."""
    return [fetch(parent.pin.manifest, shard, read, cache / "shards") for shard in parent.shards]


def fetch_index(manifest: str, files: Sequence[IndexFile], read: Read, cache: Path) -> list[Path]:
    """Local copies of index files that stand beside the manifest at that address, in their order."""
    return [fetch(manifest, file, read, cache / "index") for file in files]


def read_composed(files: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    """The rows of published shards, as COMPOSED; columns that are younger than the release are filled in."""
    for path in files:
        with pq.ParquetFile(path) as file:
            names = [name for name in COMPOSED.names if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=names):
                yield _completed(batch)


def _completed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with all columns of COMPOSED: nothing in those that it lacks, and the type that all rows once had.

    Raises GristmillError when it lacks another column that must not be empty.
    """
    columns = []
    for field in COMPOSED:
        if field.name in batch.schema.names:
            columns.append(batch[field.name].cast(field.type))
        elif field.name == "type":
            columns.append(pa.repeat("sft", batch.num_rows))
        elif field.nullable:
            columns.append(pa.nulls(batch.num_rows, field.type))
        else:
            raise GristmillError(f"the parent release has no column {field.name}", expected="a release of Gristmill's")
    return pa.RecordBatch.from_arrays(columns, schema=COMPOSED)


def _shard(entry: dict[str, Any]) -> Shard:
    return Shard(entry["path"], entry["split"], entry["rows"], entry["sha256"])


def _address(manifest: str, path: str) -> str:
    prefix, mark, _ = manifest.rpartition("/releases/")
    if not mark:
        raise InputError(
            f"found {manifest}",
            where="inputs/parent.lock: parent.manifest",
            expected="an address of the form s3://bucket/prefix/releases/<version>/manifest.json",
            do="remove the file and write it again: `gristmill sync`",
        )
    return f"{prefix}/{path}"


def fetch(manifest: str, wanted: Shard | IndexFile, read: Read, cache: Path) -> Path:
    """A file of the release, from the cache or the store. Raises GristmillError for a wrong hash."""
    path = cache / f"{wanted.sha256}.parquet"
    if path.exists() and _sha256(path) == wanted.sha256:
        return path
    cache.mkdir(parents=True, exist_ok=True)
    address = _address(manifest, wanted.path)
    fresh = path.with_suffix(".fetching")
    with read(address) as stream, fresh.open("wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    found = _sha256(fresh)
    if found != wanted.sha256:
        fresh.unlink()
        raise GristmillError(
            f"the file has sha256 {found}",
            where=address,
            expected=f"{wanted.sha256}, as the release's manifest says",
            do="the object was damaged or replaced: restore it from another copy of the store, then run this again",
        )
    fresh.replace(path)
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
