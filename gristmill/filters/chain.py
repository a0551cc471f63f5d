"""The chain: filters in order, the cheap ones first; each sees only what those before it kept.

Row filters that follow one another run in one streaming pass. Before a set filter the survivors are written to disk,
batch by batch, while it takes notice of them; then they are read again for its verdicts and for the row filters behind
it. So memory is bounded by a batch and by what each set filter promises, not by the number of rows.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard, cast

import numpy as np
import pyarrow as pa

from gristmill.filters.verdict import Finding, Named, RowFilter, Rule, SetFilter, Verdicts, shown


@dataclass(frozen=True)
class Sorted:
    """What became of some rows: those that passed every filter, and those refused, each with its finding.

    A row comes up once. Rows wait on disk before a set filter, and are in neither part until it has decided.
    """

    kept: pa.RecordBatch
    refused: pa.RecordBatch
    findings: Sequence[Finding]


@dataclass(frozen=True)
class Chain:
    """Several filters as one; the first that refuses a row gives the reason, and its name."""

    filters: Sequence[RowFilter | SetFilter]

    name = "chain"

    @property
    def names(self) -> list[str]:
        """The filters' names in order, each of the published ones for itself."""
        return [name for check in self.filters for name in check.name.split("+")]

    @property
    def set_names(self) -> list[str]:
        """The names of those that must see all rows."""
        return [check.name for check in self.filters if is_set_filter(check)]

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts of the row filters alone on each row of the batch, each row by itself."""
        return _judge(self._row_filters, batch)[0]

    def run(self, batches: Iterable[pa.RecordBatch], folder: Path) -> Iterator[Sorted]:
        """All rows through all filters; kept rows keep their order. Waiting rows lie in `folder`."""
        first, *others = self._passes()
        for number, checks in enumerate(others):
            waiting = folder / f"waiting-{number}.arrow"
            yield from _until(first, batches, checks[0], waiting)
            first, batches = checks, _read(waiting)
        for batch in batches:
            verdicts, kept = _judge(first, batch)
            yield _sorted(batch, verdicts, kept)

    def facts(self) -> dict[str, dict[str, int]]:
        """What the filters found and counted, by their names; those that count nothing are left out."""
        found: dict[str, Counter[str]] = {}
        for check in self.filters:
            if facts := check.facts():
                found.setdefault(check.name, Counter()).update(facts)
        return {name: dict(sorted(counts.items())) for name, counts in found.items()}

    def measured(self, batch: pa.RecordBatch) -> list[dict[str, Any]]:
        """What each row filter measures on the batch's first row, the threshold, and whether it holds."""
        return [
            {"filter": name, "measure": rule.reason, "value": shown(rule.measured[0]), "threshold": rule.threshold}
            | {"holds": bool(rule.holds[0])}
            for check in self._row_filters
            for name, rules in _rules(check, batch)
            for rule in rules
        ]

    @property
    def _row_filters(self) -> list[RowFilter]:
        return [cast(RowFilter, check) for check in self.filters if not is_set_filter(check)]

    def _passes(self) -> list[list[RowFilter | SetFilter]]:
        """The filters of each pass over the rows; all but the first begin with a set filter."""
        passes: list[list[RowFilter | SetFilter]] = [[]]
        for check in self.filters:
            if is_set_filter(check):
                passes.append([])
            passes[-1].append(check)
        return passes


def is_set_filter(check: Named) -> TypeGuard[SetFilter]:
    """Whether the filter must see all rows before it judges one."""
    return hasattr(check, "resolve")


def _judge(checks: Sequence[RowFilter | SetFilter], batch: pa.RecordBatch) -> tuple[Verdicts, pa.RecordBatch]:
    """The verdicts on the batch, and the rows that are kept, as the filters left them."""
    refused: dict[int, Finding] = {}
    alive, rows = np.arange(batch.num_rows), batch
    for check in checks:
        verdicts = check.judge(rows)
        for row, finding in verdicts.refused.items():
            refused[int(alive[row])] = finding if finding.filter else replace(finding, filter=check.name)
        rows = verdicts.applied(rows)
        if verdicts.refused:
            alive, rows = alive[verdicts.kept], rows.filter(pa.array(verdicts.kept))
    return Verdicts(batch.num_rows, refused), rows


def _until(
    checks: Sequence[RowFilter | SetFilter], batches: Iterable[pa.RecordBatch], coming: Any, waiting: Path
) -> Iterator[Sorted]:
    """One pass; what it keeps is added to the set filter that comes, and waits on disk."""
    writer: pa.RecordBatchFileWriter | None = None
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    for batch in batches:
        verdicts, kept = _judge(checks, batch)
        if kept.num_rows:
            writer = writer or pa.ipc.new_file(str(waiting), kept.schema, options=options)
            writer.write_batch(kept)
            coming.add(kept)
        yield _sorted(batch, verdicts, kept.slice(0, 0))
    if writer is not None:
        writer.close()
    coming.resolve()


def _read(waiting: Path) -> Iterator[pa.RecordBatch]:
    """The waiting rows, batch by batch as they were written; the file is removed behind them."""
    if not waiting.exists():
        return
    with pa.ipc.open_file(str(waiting)) as file:
        for number in range(file.num_record_batches):
            yield file.get_batch(number)
    waiting.unlink()


def _sorted(batch: pa.RecordBatch, verdicts: Verdicts, kept: pa.RecordBatch) -> Sorted:
    findings = [finding for _, finding in sorted(verdicts.refused.items())]
    return Sorted(kept, batch.filter(pa.array(~verdicts.kept)), findings)


def _rules(check: Any, batch: pa.RecordBatch) -> list[tuple[str, Sequence[Rule]]]:
    """A filter's rules with its name; several published filters in one give theirs each."""
    return list(check.rules_each(batch)) if hasattr(check, "rules_each") else [(check.name, check.rules(batch))]
