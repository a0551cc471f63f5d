"""`gristmill gc --retracted`: the bytes of retracted rows leave the releases that were made before the retraction.

A manifest is never rewritten: its hash stands in latest.json, in tags, and in the locks of others. So a release that
holds such rows is withdrawn as a whole:

    releases/<version>/withdrawn.json   first: from here on it is not given to a reader
    releases/<version>/README.md        gone: a card shows rows
    shards/<sha256>.parquet             gone, those that hold a retracted row; its other shards stay for its successors

The manifest stays as the record of what there was, and so does the index, which holds hashes and no text: what was
retracted is known again when it comes back. Killed half-way, the same command goes on.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow.parquet as pq

from gristmill.compose.retract import Retraction, Tombstone
from gristmill.errors import GristmillError
from gristmill.lineage.manifest import as_bytes, card_key, withdrawn_key
from gristmill.lineage.publish import LATEST
from gristmill.lineage.published import File, PublishedRelease, published_releases
from gristmill.lineage.verify import fetched
from gristmill.store.client import Store

_COLUMNS = ["origins", "seed_ids"]


@dataclass(frozen=True)
class Withdrawal:
    """A release to withdraw: how many retracted rows it holds, in which shards, by which tombstones."""

    version: str
    rows: int
    shards: tuple[str, ...]
    tombstones: tuple[str, ...]


def find_withdrawals(store: Store, tombstones: Sequence[Tombstone]) -> list[Withdrawal]:
    """The releases under the store's prefix whose shards, those that are still there, hold retracted rows.

    Reads every shard once. Raises GristmillError when the latest release holds such rows: readers need another first.
    """
    if not tombstones:
        return []
    known: dict[str, Retraction] = {}
    found = [hit for each in published_releases(store) if (hit := _withdrawal(each, store, tombstones, known))]
    latest = json.loads(store.get_bytes(LATEST))["version"] if store.head(LATEST) else None
    if any(each.version == latest for each in found):
        raise GristmillError(
            f"the latest release, {latest}, holds retracted rows itself",
            where=store.address(LATEST),
            expected="a later release without them",
            do="release one, `gristmill run`; then run this again",
        )
    return found


def withdraw(store: Store, withdrawal: Withdrawal) -> None:
    """Marks the release, then removes its card and the shards that hold retracted rows."""
    store.put_bytes(withdrawn_key(withdrawal.version), as_bytes(asdict(withdrawal)))
    for key in (card_key(withdrawal.version), *withdrawal.shards):
        store.delete(key)


def _withdrawal(
    release: PublishedRelease, store: Store, tombstones: Sequence[Tombstone], known: dict[str, Retraction]
) -> Withdrawal | None:
    for file in release.files:
        if file.path not in known and store.head_address(file.address) is not None:
            known[file.path] = _asked(file, store, tombstones)
    hit = [file.path for file in release.files if file.path in known and known[file.path].fallen]
    if not hit:
        return None
    fallen = [known[path].fallen for path in hit]
    names = sorted({name for each in fallen for name in each})
    return Withdrawal(release.version, sum(each.total() for each in fallen), tuple(hit), tuple(names))


def _asked(file: File, store: Store, tombstones: Sequence[Tombstone]) -> Retraction:
    """The tombstones, asked about every row of a shard."""
    retraction = Retraction(tombstones)
    with fetched(file, store) as (path, _), pq.ParquetFile(path) as shard:
        for batch in shard.iter_batches(columns=_COLUMNS):
            for row in batch.to_pylist():
                if finding := retraction.refuse(row):
                    retraction.count(finding)
    return retraction
