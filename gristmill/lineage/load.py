"""`gristmill.load`: a published release as an Arrow dataset, checked against its manifest.

    import gristmill
    rows = gristmill.load("s3://bucket/prefix/latest", split="train")
    rows.to_table().to_pandas()

Shards are fetched once into a cache by their hash, and what does not have the hash is refused: so the
dataset is the release, whole, whatever happens to the store afterwards.
"""

import os
from pathlib import Path

import pyarrow.dataset as ds

from gristmill.compose.parent import Pin, fetch_shards, open_parent
from gristmill.errors import InputError
from gristmill.lineage.published import find_release
from gristmill.params.publish import StoreParams
from gristmill.store.client import connect


def load(
    address: str, *, split: str | None = None, endpoint: str | None = None, cache: Path | None = None
) -> ds.Dataset:
    """The release at `s3://bucket/prefix/latest` or `.../releases/v0.3.0`; one split of it, or all.

    `endpoint` is the store's (default: AWS_ENDPOINT_URL, else Amazon S3; `embedded` for the store on this
    machine); keys come from AWS's chain. Raises InputError for an address of another form or a split that is
    not there, GristmillError for bytes that are not the manifest's, StoreError when the store can't be read.
    """
    endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "aws"
    store = connect(StoreParams(endpoint=endpoint, url=_prefix(address)))
    release = find_release(address, store)
    pin = Pin(f"dataset@{release.version}", release.version, release.address, release.sha256)
    parent = open_parent(pin, store.read_address)
    splits = {shard.split for shard in parent.shards}
    if split is not None and split not in splits:
        raise InputError(f"found split {split!r}", where=release.address, expected=" or ".join(sorted(splits)))
    folder = cache or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gristmill" / "shards"
    files = fetch_shards(parent, store.read_address, folder)
    wanted = [file for file, shard in zip(files, parent.shards, strict=True) if split in (None, shard.split)]
    return ds.dataset([str(path) for path in wanted], format="parquet")


def _prefix(address: str) -> str:
    """Bucket and prefix of a release's address."""
    for mark in ("/releases/", "/latest"):
        before, found, _ = address.rpartition(mark)
        if found:
            return before
    raise InputError(f"found {address!r}", expected="s3://bucket/prefix/latest or s3://bucket/prefix/releases/v0.3.0")
