"""`gristmill verify`: a release in the store against its manifest, byte for byte."""

import hashlib
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.lineage.published import File, PublishedRelease, Stored
from gristmill.store.client import Store

_READERS = 4
_CHUNK = 1 << 20


def faults(release: PublishedRelease, store: Store) -> Iterator[str]:
    """What is wrong with the release in the store, file by file; nothing when every byte is as the manifest says."""
    files = release.files
    with ThreadPoolExecutor(_READERS) as pool:
        for found in pool.map(lambda file: _file_faults(file, release, store), [*files, *release.index]):
            yield from found
    card = release.manifest.get("card")
    if card and store.head_address(card) is None:
        yield f"{card}: the data card is missing"
    rows = sum(file.rows for file in files)
    if rows != release.manifest["rows"]:
        yield f"{release.address}: {rows:,} rows in its files, {release.manifest['rows']:,} stated"


def _file_faults(file: Stored, release: PublishedRelease, store: Store) -> list[str]:
    head = store.head_address(file.address)
    if head is None:
        return [f"{file.address}: missing"]
    if head.size != file.size:
        return [f"{file.address}: {head.size:,} bytes, {file.size:,} stated"]
    with fetched(file, store) as (path, sha256):
        if sha256 != file.sha256:
            return [f"{file.address}: sha256 {sha256}, {file.sha256} stated"]
        if not isinstance(file, File):
            return []  # of the index: what stands in it is told by its hash alone
        return _parquet_faults(path, file, dict(release.manifest.get("schema") or {}))


@contextmanager
def fetched(file: Stored, store: Store) -> Iterator[tuple[Path, str]]:
    """The file on this machine's disk for a moment, with the hash of what came."""
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(prefix="gristmill-verify-") as folder:
        path = Path(folder) / "shard.parquet"
        with store.read_address(file.address) as stream, path.open("wb") as out:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
        yield path, digest.hexdigest()


def _parquet_faults(path: Path, file: File, schema: dict[str, str]) -> list[str]:
    try:
        with pq.ParquetFile(path) as parquet:
            rows = sum(batch.num_rows for batch in parquet.iter_batches())
            found = {field.name: str(field.type) for field in parquet.schema_arrow}
    except pa.ArrowException as error:
        return [f"{file.address}: unreadable Parquet: {error}"]
    wrong = [f"{file.address}: {rows:,} rows, {file.rows:,} stated"] if rows != file.rows else []
    if schema and found != schema:
        names = sorted({name for name, _ in found.items() ^ schema.items()})
        wrong.append(f"{file.address}: its columns {', '.join(names)} differ from the manifest's schema")
    return wrong
