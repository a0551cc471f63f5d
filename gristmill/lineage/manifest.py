"""From data/export to what stands in the store.

The published manifest is export's plus the version, when and by which code it was made, and full
addresses; the content hash stays. The published card is export's with full addresses.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gristmill.errors import GateRefused, GristmillError
from gristmill.identity import content_hash
from gristmill.layout import Layout, Stage
from gristmill.lineage.releases import Identity, tag_of
from gristmill.store.client import Store

_REPRO = "run `gristmill run`, or `dvc repro` and then `gristmill release`"


@dataclass(frozen=True)
class Shard:
    """One file to publish, of rows or index; `path` is relative to data/export and to the store's prefix."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Export:
    """data/export, complete and not empty."""

    folder: Path
    manifest: Mapping[str, Any]
    card: str
    shards: tuple[Shard, ...]

    @property
    def rows(self) -> int:
        """Rows in all shards."""
        return int(self.manifest["rows"])


def read_export(layout: Layout) -> Export:
    """What the graph exported. Raises GristmillError when it is missing, damaged or empty."""
    folder = layout.data(Stage.EXPORT)
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        card = (folder / "README.md").read_text(encoding="utf-8")
        listed = [*manifest["files"], *manifest["index"]]
        shards = tuple(Shard(file["path"], file["sha256"], file["bytes"]) for file in listed)
        rows = manifest["rows"]
    except FileNotFoundError as error:
        raise GristmillError("there is nothing to release", where=str(error.filename), do=_REPRO) from None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise GristmillError(
            f"not a manifest: {type(error).__name__}: {error}", where=str(folder / "manifest.json"), do=_REPRO
        ) from None
    if rows < 1 or not shards:
        raise GristmillError("the data set is empty; nothing empty is released", where=str(folder), do=_REPRO)
    for shard in shards:
        _check_local(folder / shard.path, shard)
    return Export(folder, manifest, card, shards)


def check_gate(layout: Layout) -> None:
    """Raises GateRefused unless the gate let the data set pass."""
    path = layout.data(Stage.GATE) / "decision.json"
    try:
        decision = json.loads(path.read_text())
    except FileNotFoundError:
        raise GristmillError("the gate has not decided", where=str(path), do=_REPRO) from None
    if not decision["passed"] and decision["mode"] != "warn":
        raise GateRefused("the gate said no: " + "; ".join(decision["reasons"]), where=str(path), do=_REPRO)


def locked_outs(layout: Layout) -> list[Mapping[str, str]]:
    """Everything below data/ that dvc.lock records (path, md5); metrics are volatile and don't count."""
    lock = yaml.safe_load((layout.root / "dvc.lock").read_text())
    outs = [out for stage in lock["stages"].values() for out in stage.get("outs", [])]
    return [out for out in outs if out["path"].startswith("data/")]


def outs_hash(layout: Layout) -> str:
    """Hash of all data that dvc.lock records."""
    return content_hash(sorted([out["path"], out["md5"]] for out in locked_outs(layout)))


def published_manifest(
    export: Export, identity: Identity, version: str, code: Mapping[str, Any], created: str, store: Store
) -> dict[str, Any]:
    """The manifest of a new version."""
    facts = {
        **export.manifest,
        "version": version,
        "tag": tag_of(version),
        "created": created,
        "code": dict(code),
        "outs_hash": identity.outs_hash,
    }
    return addressed(facts, store)


def addressed(manifest: Mapping[str, Any], store: Store) -> dict[str, Any]:
    """The manifest with the full addresses that its parts have in `store`."""
    version = manifest["version"]
    return {
        **manifest,
        **{
            kind: [{**file, "address": store.address(file["path"])} for file in manifest[kind]]
            for kind in ("files", "index")
        },
        "address": store.address(manifest_key(version)),
        "card": store.address(card_key(version)),
    }


def published_card(export: Export, store: Store) -> bytes:
    """The card whose `data_files` are full addresses: it can be read wherever it is copied."""
    card = export.card
    for shard in export.shards:
        card = card.replace(shard.path, store.address(shard.path))
    return card.encode()


def identity_of(manifest: Mapping[str, Any]) -> Identity:
    """Identity of a published manifest."""
    return Identity(str(manifest.get("content_hash")), str(manifest.get("outs_hash")))


def manifest_key(version: str) -> str:
    """Where a version's manifest stands below the store's prefix."""
    return f"releases/{version}/manifest.json"


def card_key(version: str) -> str:
    """Where a version's card stands."""
    return f"releases/{version}/README.md"


def withdrawn_key(version: str) -> str:
    """Where it is marked that a version was withdrawn."""
    return f"releases/{version}/withdrawn.json"


def as_bytes(value: Mapping[str, Any]) -> bytes:
    """JSON as it stands in the store: sorted, the same bytes for the same facts."""
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def sha256_of(content: bytes) -> str:
    """Of bytes in memory."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_local(path: Path, shard: Shard) -> None:
    found = path.stat().st_size if path.exists() else None
    if found != shard.size:
        raise GristmillError(
            "there is no such shard" if found is None else f"the shard has {found:,} bytes",
            where=str(path),
            expected=f"{shard.size:,} bytes, as the manifest beside it says",
            do="`dvc checkout data/export` restores it from DVC's cache; else " + _REPRO,
        )
