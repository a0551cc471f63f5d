"""compose: judged samples, the parent release's rows and real rows -> the data set, selected and split.

The parent's rows come first, in its shards' order, then real rows, then the new ones in the judge's order; `export`
and `audit` rely on it. The judged rows are read twice: once to join documents, once to write.
"""

import logging
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.compose.alike import COLUMNS, Alike, find_alike
from gristmill.compose.mix import Room
from gristmill.compose.parent import Parent, fetch_index, fetch_shards, open_parent, read_composed, read_pin
from gristmill.compose.real import real_rows
from gristmill.compose.retract import REASON, Retraction, read_tombstones
from gristmill.compose.select import Known, Selection, documents_of
from gristmill.compose.splits import Splits
from gristmill.dedup.files import as_entries, parts_of
from gristmill.dedup.release import ReleaseIndex
from gristmill.filters.exact_dedup import row_digest
from gristmill.filters.verdict import Finding
from gristmill.frame.parquet import read_batches, read_rows
from gristmill.frame.stage import Refusal, StageRun, stage_run
from gristmill.layout import Layout, Stage
from gristmill.params.compose import ComposeParams, Policy
from gristmill.params.load import load_section
from gristmill.params.publish import StoreParams
from gristmill.schema import COMPOSED
from gristmill.seeds.sources import read_lock
from gristmill.store.client import connect

_DECIDING = ("sample_id", "prompt", "response", "judge_mean", "origins", "seed_ids", "depth")
_KEPT = ("sample_id", "text_hash", "split", "origins", "seed_ids", "depth", "prompt", "response")
_REPLACING = (
    "compose.policy is `replace`: the rows of %s are dropped. A model that is trained on each release in turn then sees"
    " only what its successor wrote; such data collapses within a few rounds, data that accumulates does not"
    " (docs/health.md)"
)

log = logging.getLogger(__name__)


def run(layout: Layout) -> None:
    """Composes data/judge, the parent release and real rows into data/compose."""
    params = load_section(ComposeParams, layout.params, "compose")
    with stage_run(Stage.COMPOSE, layout) as run:
        run.ledger("samples")
        parent, files, index = _parent(layout, params.policy, run.folder / ".alike")
        alike = find_alike(read_batches(layout.data(Stage.JUDGE), COLUMNS), index, run.folder / ".alike" / "rows")
        shutil.rmtree(run.folder / ".alike")
        making = _Making(run, params, alike, Retraction(read_tombstones(layout.retracted)))
        making.keep_parent(files)
        making.add_real(layout)
        selection = Selection(params.min_judge_mean, params.max_depth, making.known, making.retraction)
        refused = _refused_together(layout, selection, making)
        _take_new(run, selection, refused, making)
        run.used(
            parent=_described(parent, making.kept),
            depths={str(depth): n for depth, n in sorted(making.depths.items())},
            retracted=dict(sorted(making.retraction.fallen.items())),
        )


class _Making:
    """The data set in the making: what is known of its rows, which sides are fixed, how much room a mix leaves."""

    def __init__(self, run: StageRun, params: ComposeParams, alike: Alike, retraction: Retraction) -> None:
        self.run, self.alike, self.retraction = run, alike, retraction
        self.kept: list[int] = []  # rows of each of the parent's shards
        self.known, self.splits = Known(), Splits(params.splits)
        self.room = Room(params.mix) if params.mix else None
        self.depths: Counter[int] = Counter()
        self.out = run.writer(COMPOSED)

    def keep_parent(self, files: list[Path]) -> None:
        """Every parent row goes in as it is, on its side; but one that is retracted is known, and left out."""
        ledger = self.run.ledger("parent rows")
        for path in files:
            before = ledger.out
            for batch in read_composed([path]):
                stays = [self._keep(row) for row in batch.select(_KEPT).to_pylist()]
                self.out.write(batch if all(stays) else batch.filter(pa.array(stays)))
                ledger.entered += batch.num_rows
                ledger.out += sum(stays)
            self.kept.append(ledger.out - before)

    def _keep(self, row: dict[str, Any]) -> bool:
        """Whether a parent row stays; its side is fixed either way."""
        names = [*documents_of(row), *row["seed_ids"], *self.alike.names_of_released(row["sample_id"])]
        self.splits.fix(names, row["split"])
        if finding := self.retraction.refuse(row):
            self.known.add(row["sample_id"], row["text_hash"])
            self.reject("parent rows", row, finding)
            return False
        self._note(row)
        return True

    def reject(self, unit: str, row: dict[str, Any], finding: Finding) -> None:
        """Books a row that is left out."""
        if finding.reason == REASON:
            self.retraction.count(finding)
        self.run.reject(self.run.ledger(unit), _refusal(row, finding))

    def add_real(self, layout: Layout) -> None:
        """Every real row goes in, unless it is there already or empty."""
        if self.room is None:
            return
        ledger = self.run.ledger("real rows")
        for row in real_rows(self.room.mix, read_lock(layout.sources_lock), layout.root):
            ledger.entered += 1
            if finding := self._useless(row):
                self.reject("real rows", row, finding)
                continue
            self.add(row)
            self._note(row)
            ledger.out += 1

    def add(self, row: dict[str, Any]) -> None:
        """Writes a row that is new to the data set, with its side."""
        row["split"] = self.splits.side(documents_of(row)[0])
        self.out.append(row)

    def _note(self, row: dict[str, Any]) -> None:
        self.known.add(row["sample_id"], row["text_hash"])
        self.depths[row["depth"]] += 1
        if self.room:
            self.room.keep(row)

    def _useless(self, row: dict[str, Any]) -> Finding | None:
        if not row["prompt"].strip() or not row["response"].strip():
            return Finding("empty", "no prompt or no response", "both")
        if finding := self.retraction.refuse(row):
            return finding
        if self.known.holds(row["sample_id"], bytes.fromhex(row["text_hash"])):
            return Finding("in_parent", "there already", "new to the data set")
        return None


def _parent(layout: Layout, policy: Policy, folder: Path) -> tuple[Parent | None, list[Path], ReleaseIndex | None]:
    """The parent release, local copies of its shards, and its index, which may spill into `folder`."""
    pin = read_pin(layout.parent_lock)
    if pin is None:
        return None, [], None
    if policy is Policy.REPLACE:
        log.warning(_REPLACING, pin.tag)
        return None, [], None
    read = connect(load_section(StoreParams, layout.params, "store")).read_address
    parent = open_parent(pin, read)
    cache = layout.state / "cache"
    index = ReleaseIndex(parts_of(parent.index, fetch_index(pin.manifest, parent.index, read, cache)), folder)
    return parent, fetch_shards(parent, read, cache), index


def _refused_together(layout: Layout, selection: Selection, making: _Making) -> dict[int, Finding]:
    """Rows that cannot be taken beside the others: joining two sides that are fixed, or beyond the mix's room."""
    leaking = _join_documents(layout, selection, making)
    if making.room is None:
        return leaking
    for _, row in _open_rows(layout, selection, leaking):
        making.room.offer(row)
    open_ = _open_rows(layout, selection, leaking)
    return {**leaking, **{number: finding for number, row in open_ if (finding := making.room.refuse(row))}}


def _open_rows(
    layout: Layout, selection: Selection, leaking: dict[int, Finding]
) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, row in enumerate(read_rows(layout.data(Stage.JUDGE), _DECIDING)):
        if number not in leaking and selection.refuse(row) is None:
            yield number, row


def _join_documents(layout: Layout, selection: Selection, making: _Making) -> dict[int, Finding]:
    """Joins the documents of all rows that will be taken; gives the rows that would join two different sides."""
    leaking, splits = {}, making.splits
    for number, row in enumerate(read_rows(layout.data(Stage.JUDGE), _DECIDING)):
        documents = [*documents_of(row), *splits.fixed(row["seed_ids"]), *making.alike.names(number)]
        if selection.refuse(row) is None and not splits.join(documents):
            sides = " and ".join(splits.sides_of(documents))
            leaking[number] = Finding("spans_splits", f"its documents, or rows like it, are in {sides}", "one side")
    return leaking


def _take_new(run: StageRun, selection: Selection, refused: dict[int, Finding], making: _Making) -> None:
    """Writes the selected rows with their side; books the others."""
    ledger = run.ledger("samples")
    for number, row in enumerate(_judged(run)):
        ledger.entered += 1
        finding = selection.refuse(row) or refused.get(number)
        if finding:
            making.reject("samples", row, finding)
            continue
        row["text_hash"] = row_digest(row["prompt"], row["response"]).hex()
        making.add(row)
        making.depths[row["depth"]] += 1
        ledger.out += 1


def _judged(run: StageRun) -> Iterator[dict[str, Any]]:
    for row in read_rows(run.layout.data(Stage.JUDGE)):
        yield row
        run.progress.advance(1)


def _refusal(row: dict[str, Any], finding: Finding) -> Refusal:
    return Refusal(
        id=row["sample_id"],
        reason=finding.reason,
        value=finding.value,
        threshold=finding.threshold,
        where=f"seed {' '.join(row['seed_ids'])}",
        text="" if finding.reason == REASON else _excerpt(row),  # what is retracted is not kept as a reject either
    )


def _excerpt(row: dict[str, Any]) -> str:
    return f"prompt: {row['prompt']}\nresponse: {row['response']}\nfaults: {row['judge_faults'] or ''}"


def _described(parent: Parent | None, kept: list[int]) -> dict[str, Any] | None:
    """The parent for the books: `export` cuts its shards where the parent's were cut, and adds to its index.

    `rows` of a shard are those that were kept of it.
    """
    if parent is None:
        return None
    shards = [
        {"split": shard.split, "rows": rows, "sha256": shard.sha256}
        for shard, rows in zip(parent.shards, kept, strict=True)
    ]
    pin = parent.pin
    return {
        "tag": pin.tag,
        "version": pin.version,
        "manifest": pin.manifest,
        "manifest_sha256": pin.manifest_sha256,
        "shards": shards,
        "index": as_entries(parent.index),
    }
