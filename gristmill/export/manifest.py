"""manifest.json: what a reader follows, and what anyone needs to know where the rows came from.

* files: path (relative to the release's prefix), split, rows, bytes, sha256
* index: path, kind, part, rows, bytes, sha256 (gristmill/dedup/release.py tells what is in the files)
* schema: column -> Arrow type; splits: split -> rows
* content_hash: over the files' hashes, the schema and the splits; equal data, equal hash, whatever
  the time, the machine or the commit
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gristmill.dedup.files import IndexFile, as_entries
from gristmill.export.shards import SPLITS, ShardFile
from gristmill.identity import content_hash
from gristmill.schema import PUBLISHED

FORMAT = 1


@dataclass(frozen=True)
class Facts:
    """Everything in the manifest that is not about the files."""

    provenance: Mapping[str, Any]
    """Recipes, models, engines and sources that the rows name."""
    seeds_fingerprint: str
    """Hash of inputs/sources.lock."""
    parent: Mapping[str, Any] | None
    gate: Mapping[str, Any]
    verdict: Mapping[str, Any]
    tokens: int
    parameters: Mapping[str, Any]
    retracted: Mapping[str, int] = field(default_factory=dict)
    """Rows that were left out for each tombstone that hit any."""


def manifest_of(files: Sequence[ShardFile], index: Sequence[IndexFile], facts: Facts) -> dict[str, Any]:
    """The manifest as JSON-like data."""
    splits = {split: sum(file.rows for file in files if file.split == split) for split in SPLITS}
    schema = {field.name: str(field.type) for field in PUBLISHED}
    return {
        "format": FORMAT,
        "content_hash": hash_of(files, schema, splits),
        "rows": sum(splits.values()),
        "tokens": facts.tokens,
        "bytes": sum(file.bytes for file in files),
        "splits": splits,
        "files": [asdict(file) for file in files],
        "index": as_entries(index),
        "schema": schema,
        "provenance": dict(facts.provenance),
        "seeds_fingerprint": facts.seeds_fingerprint,
        "parent": dict(facts.parent) if facts.parent else None,
        "gate": dict(facts.gate),
        "verdict": dict(facts.verdict),
        "parameters": dict(facts.parameters),
        "retracted": dict(facts.retracted),
    }


def hash_of(files: Sequence[ShardFile], schema: Mapping[str, str], splits: Mapping[str, int]) -> str:
    """Hash of the content. The order of the columns counts, that of the files does not."""
    shards = sorted([file.split, file.sha256] for file in files)
    return content_hash({"files": shards, "schema": list(schema.items()), "splits": dict(splits)})
