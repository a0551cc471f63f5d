"""export: the composed data set -> shards, data card and manifest, ready to be released."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.compose.parent import fetch_index
from gristmill.dedup.files import IndexFile, NewPart, index_files
from gristmill.errors import GristmillError
from gristmill.export.card import write_card
from gristmill.export.manifest import Facts, manifest_of
from gristmill.export.provenance import Provenance
from gristmill.export.shards import write_shards
from gristmill.frame.parquet import count_rows, read_batches
from gristmill.frame.stage import StageRun, read_books, stage_run
from gristmill.identity import content_hash
from gristmill.layout import Layout, Stage
from gristmill.params.load import load_section, parse, read_yaml
from gristmill.params.publish import StoreParams
from gristmill.params.root import Params
from gristmill.store.client import connect

_AROUND_THE_GRAPH = {"quota", "engine", "journal", "budget", "cost", "store", "release", "run"}
"""Sections that say how much, where and how; what was asked for stands in the verdict."""


_OF_FILES = {"shards", "index"}
"""What the books tell of the parent's files: a manifest names the parent, which lists them itself."""


def run(layout: Layout) -> None:
    """Exports data/compose into data/export."""
    params = parse(Params, read_yaml(layout.params), layout.params.name)
    verdict, measures = (_read(layout, Stage.AUDIT, name) for name in ("verdict.json", "measures.json"))
    gate = _decision(layout, verdict)
    composed = read_books(layout, Stage.COMPOSE)["used"]
    parent = composed["parent"]
    provenance = Provenance()
    with stage_run(Stage.EXPORT, layout) as run:
        part = NewPart(run.folder, sum(shard["rows"] for shard in parent["shards"]) if parent else 0)
        files = write_shards(_rows(run, provenance, part), run.folder, params.export.shard_bytes, _cuts(parent))
        facts = Facts(
            provenance=provenance.as_dict(),
            seeds_fingerprint=content_hash(json.loads(layout.sources_lock.read_text())),
            parent={name: fact for name, fact in parent.items() if name not in _OF_FILES} if parent else None,
            gate=gate,
            verdict=verdict,
            tokens=measures["parts"]["whole"]["tokens"],
            parameters=params.model_dump(mode="json", exclude=_AROUND_THE_GRAPH),
            retracted=composed["retracted"],
        )
        manifest = manifest_of(files, part.close(*_index(layout, parent)), facts)
        card = write_card(params.export, params.filter.languages, files, manifest, measures, provenance.examples)
        (run.folder / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        (run.folder / "README.md").write_text(card, encoding="utf-8")
        run.used(content_hash=manifest["content_hash"], files=len(files))


def _rows(run: StageRun, provenance: Provenance, part: NewPart) -> Iterator[pa.RecordBatch]:
    """The composed rows, counted on the way."""
    source, ledger = run.layout.data(Stage.COMPOSE), run.ledger("rows")
    run.progress.total = count_rows(source)
    for batch in read_batches(source):
        provenance.add(batch.to_pylist())
        part.add(batch)
        yield batch
        ledger.entered += batch.num_rows
        ledger.out += batch.num_rows
        run.progress.advance(batch.num_rows)


def _decision(layout: Layout, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The gate's decision. Raises GristmillError when it is about another verdict than the present one."""
    decision = _read(layout, Stage.GATE, "decision.json")
    if decision.pop("verdict") != content_hash(verdict):
        raise GristmillError(
            "the gate decided on another data set than this one",
            where=str(layout.data(Stage.GATE) / "decision.json"),
            expected="a decision on the verdict in data/audit",
            do="run `dvc repro`: it asks the gate again",
        )
    return decision


def _index(layout: Layout, parent: Mapping[str, Any] | None) -> tuple[list[IndexFile], list[Path]]:
    """The parent's index, and local copies of its files."""
    if parent is None:
        return [], []
    files = index_files(parent)
    read = connect(load_section(StoreParams, layout.params, "store")).read_address
    return files, fetch_index(parent["manifest"], files, read, layout.state / "cache")


def _cuts(parent: Mapping[str, Any] | None) -> dict[str, list[int]]:
    """Rows kept of the parent's shards, by split: where ours are cut too."""
    cuts: dict[str, list[int]] = {}
    for shard in parent["shards"] if parent else []:
        if not shard["rows"]:
            continue  # all of it was retracted
        cuts.setdefault(shard["split"], []).append(shard["rows"])
    return cuts


def _read(layout: Layout, stage: Stage, name: str) -> dict[str, Any]:
    path = layout.data(stage) / name
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GristmillError("there is no such file", where=str(path), do=f"run `dvc repro {stage.value}`") from None
    return content
