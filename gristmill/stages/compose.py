"""compose: judged samples (and the parent release's rows) -> the data set, selected and split.

The parent's rows come first, in its shards' order, then the new ones in the judge's order; `export`
and `audit` rely on it. The judged rows are read twice: once to join documents, once to write.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gristmill.compose.parent import Parent, fetch_shards, open_parent, read_composed, read_pin
from gristmill.compose.select import Known, Selection, documents_of
from gristmill.compose.splits import Splits
from gristmill.filters.duplicates import row_digest
from gristmill.filters.verdict import Finding
from gristmill.frame.parquet import PartWriter, read_rows
from gristmill.frame.stage import Refusal, StageRun, stage_run
from gristmill.layout import Layout, Stage
from gristmill.params.load import load_section
from gristmill.params.publish import StoreParams
from gristmill.params.select import ComposeParams, ParentPolicy
from gristmill.schema import COMPOSED
from gristmill.store.client import connect

_DECIDING = ("sample_id", "prompt", "response", "judge_mean", "origins", "seed_ids")
_KEPT = ("sample_id", "text_hash", "split", "origins", "seed_ids")


def run(layout: Layout) -> None:
    """Composes data/judge and the parent release into data/compose."""
    params = load_section(ComposeParams, layout.params, "compose")
    with stage_run(Stage.COMPOSE, layout) as run:
        run.ledger("samples")
        known, splits = Known(), Splits(params.splits)
        out = run.writer(COMPOSED)
        parent, files = _parent(layout, params.parent)
        _keep_parent(run, files, out, known, splits)
        selection = Selection(params.min_judge_mean, known)
        leaking = _join_documents(layout, selection, splits)
        _take_new(run, selection, splits, leaking, out)
        run.used(parent=_described(parent))


def _parent(layout: Layout, policy: ParentPolicy) -> tuple[Parent | None, list[Path]]:
    """The parent release and local copies of its shards."""
    pin = read_pin(layout.parent_lock)
    if pin is None or policy is ParentPolicy.REPLACE:
        return None, []
    read = connect(load_section(StoreParams, layout.params, "store")).read_address
    parent = open_parent(pin, read)
    return parent, fetch_shards(parent, read, layout.state / "cache" / "shards")


def _keep_parent(run: StageRun, files: list[Path], out: PartWriter, known: Known, splits: Splits) -> None:
    """Every parent row goes in as it is, on its side."""
    ledger = run.ledger("parent rows")
    for batch in read_composed(files):
        out.write(batch)
        ledger.entered += batch.num_rows
        ledger.out += batch.num_rows
        for row in batch.select(_KEPT).to_pylist():
            known.add(row["sample_id"], row["text_hash"])
            splits.fix([*documents_of(row), *row["seed_ids"]], row["split"])


def _join_documents(layout: Layout, selection: Selection, splits: Splits) -> dict[int, Finding]:
    """Joins the documents of all rows that will be taken; gives the rows that would join two different sides."""
    leaking = {}
    for number, row in enumerate(read_rows(layout.data(Stage.JUDGE), _DECIDING)):
        documents = [*documents_of(row), *splits.fixed(row["seed_ids"])]
        if selection.refuse(row) is None and not splits.join(documents):
            sides = " and ".join(splits.sides_of(documents))
            leaking[number] = Finding("spans_splits", f"its documents are in {sides}", "documents on one side")
    return leaking


def _take_new(
    run: StageRun, selection: Selection, splits: Splits, leaking: dict[int, Finding], out: PartWriter
) -> None:
    """Writes the selected rows with their side; books the others."""
    ledger = run.ledger("samples")
    for number, row in enumerate(_judged(run)):
        ledger.entered += 1
        finding = selection.refuse(row) or leaking.get(number)
        if finding:
            run.reject(ledger, _refusal(row, finding))
            continue
        row["split"] = splits.side(documents_of(row)[0])
        row["text_hash"] = row_digest(row["prompt"], row["response"]).hex()
        out.append(row)
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
        text=f"prompt: {row['prompt']}\nresponse: {row['response']}\nfaults: {row['judge_faults'] or ''}",
    )


def _described(parent: Parent | None) -> dict[str, Any] | None:
    """The parent for the books: `export` cuts its shards where the parent's were cut, which gives the same files."""
    if parent is None:
        return None
    shards = [{"split": shard.split, "rows": shard.rows, "sha256": shard.sha256} for shard in parent.shards]
    pin = parent.pin
    return {
        "tag": pin.tag,
        "version": pin.version,
        "manifest": pin.manifest,
        "manifest_sha256": pin.manifest_sha256,
        "shards": shards,
    }
