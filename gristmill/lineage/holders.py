"""Rows of releases by id or by text: what `gristmill explain --release` tells of a row that this clone has no more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.compose.parent import Pin, fetch_shards, open_parent
from gristmill.lineage.published import PublishedRelease, published_releases, withdrawn_versions
from gristmill.store.client import Store


def find_row(release: PublishedRelease, wanted: str, store: Store, cache: Path) -> dict[str, Any] | None:
    """The first row of the release whose id begins with `wanted`, or whose prompt or response holds it; None if none.

    Shards are read once and kept in `cache`. Raises GristmillError for a file that is not what the manifest says.
    """
    pin = Pin("", release.version, release.address, release.sha256)
    for path in fetch_shards(open_parent(pin, store.read_address), store.read_address, cache):
        if row := next(_rows(path, wanted), None):
            return row
    return None


def versions_with(sample_id: str, store: Store, cache: Path) -> list[str]:
    """Versions under the store's prefix that hold the row, oldest first; withdrawn ones are not looked into."""
    withdrawn = withdrawn_versions(store)
    open_ = (release for release in published_releases(store) if release.version not in withdrawn)
    return [release.version for release in open_ if find_row(release, sample_id, store, cache)]


def _rows(path: Path, wanted: str) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=1024):
            yield from batch.filter(_hits(batch, wanted)).to_pylist()


def _hits(batch: pa.RecordBatch, wanted: str) -> Any:
    """Which rows are meant."""
    hits = pc.starts_with(batch["sample_id"], wanted)
    for column in ("prompt", "response"):
        hits = pc.or_kleene(hits, pc.match_substring(batch[column], wanted))
    return hits
