"""Filters on any table with a text column: kept rows to OUT/kept, the others with their reasons to OUT/rejected.

Both are Parquet parts with all columns of the input; `rejected` adds `filter`, `reason`, `value` and `threshold` (a
column of the input that has one of these names is there as `input_<name>`). Kept rows keep their order, rejected
ones that of the pass that refused them. What comes in is what goes out: the two are counted before OUT appears.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.errors import BooksError, InputError
from gristmill.filters.chain import Chain
from gristmill.filters.verdict import Finding
from gristmill.frame.parquet import PartWriter, count_rows
from gristmill.tables.columns import Columns
from gristmill.tables.read import Broken, Table

WHY = pa.schema([(name, pa.string()) for name in ("filter", "reason", "value", "threshold")])
"""What a refused row has on top of its own columns."""


@dataclass
class Sifted:
    """What became of a table's rows."""

    rows: int = 0
    kept: int = 0
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rows by filter and reason."""

    def as_dict(self) -> dict[str, Any]:
        """The figures, with reasons in the order of their numbers."""
        reasons = sorted(self.refused.items(), key=lambda item: (-item[1], item[0]))
        return {
            "rows": self.rows,
            "kept": self.kept,
            "rejected": self.refused.total(),
            "reasons": [{"filter": name, "reason": reason, "rows": rows} for (name, reason), rows in reasons],
        }


def sift(table: Table, make_chain: Callable[[Path], Chain], columns: Columns, out: Path) -> Sifted:
    """Filters the table into `out`; `make_chain` gets a private folder.

    Raises InputError when a column is missing or no text, or `out` holds something already.
    """
    columns.check(table)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("there is something already", where=str(out), expected="a new or empty folder")
    private = out.parent / f".{out.name}.part"
    shutil.rmtree(private, ignore_errors=True)
    waiting = private / "waiting"
    try:
        waiting.mkdir(parents=True)
        chain = make_chain(waiting)
        sifted = _write(table, chain, columns, private)
        shutil.rmtree(waiting)
        summary = {**sifted.as_dict(), "filters": chain.names, "found": chain.facts()}
        (private / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
        if out.exists():
            out.rmdir()
        private.rename(out)
    finally:
        shutil.rmtree(private, ignore_errors=True)
    return sifted


def _write(table: Table, chain: Chain, columns: Columns, folder: Path) -> Sifted:
    sifted = Sifted()
    plain = pa.schema([field.with_nullable(True) for field in table.schema])
    with PartWriter(folder / "kept", plain) as kept, PartWriter(folder / "rejected", _with_why(plain)) as rejected:
        source = _Source(table, columns, rejected, sifted)
        for done in chain.run(source.views(), folder / "waiting"):
            kept.write(columns.own(done.kept, plain))
            rejected.write(_with_reasons(columns.own(done.refused, plain), done.findings, rejected.schema))
            sifted.kept += done.kept.num_rows
            sifted.refused.update((finding.filter, finding.reason) for finding in done.findings)
    _check(sifted, folder)
    return sifted


@dataclass(frozen=True)
class _Source:
    """The table's rows as the chain sees them; lines that are none go to the rejected ones at once."""

    table: Table
    columns: Columns
    rejected: PartWriter
    sifted: Sifted

    def views(self) -> Iterator[pa.RecordBatch]:
        for found in self.table.batches():
            if isinstance(found, Broken):
                self._refuse(Finding(found.reason, found.value, "a JSON object", "input"))
                continue
            self.sifted.rows += found.num_rows
            yield self.columns.view(found)

    def _refuse(self, finding: Finding) -> None:
        self.sifted.rows += 1
        self.sifted.refused[finding.filter, finding.reason] += 1
        self.rejected.append({name: getattr(finding, name) for name in WHY.names})


def _with_why(plain: pa.Schema) -> pa.Schema:
    """The table's columns and those of the reasons."""
    names = [f"input_{name}" if name in WHY.names else name for name in plain.names]
    return pa.schema([*(part.with_name(name) for part, name in zip(plain, names, strict=True)), *WHY])


def _with_reasons(rows: pa.RecordBatch, findings: Sequence[Finding], schema: pa.Schema) -> pa.RecordBatch:
    why = [pa.array([getattr(finding, name) for finding in findings], pa.string()) for name in WHY.names]
    return pa.RecordBatch.from_arrays([*rows.columns, *why], schema=schema)


def _check(sifted: Sifted, folder: Path) -> None:
    """Raises BooksError when the rows written are not the rows read."""
    kept, rejected = count_rows(folder / "kept"), count_rows(folder / "rejected")
    if (kept, rejected) != (sifted.kept, sifted.refused.total()) or kept + rejected != sifted.rows:
        raise BooksError(
            f"{sifted.rows} rows read, {kept} kept, {rejected} rejected", expected="kept and rejected make up the rows"
        )
