"""Filters on a text column of any table: kept rows to OUT/kept, the others with their reasons to OUT/rejected.

Both are Parquet parts with all columns of the input; `rejected` adds `filter`, `reason`, `value` and `threshold` (a
column of the input that has one of these names is there as `input_<name>`). Order is kept, and what comes in is
what goes out: the two are counted against each other before OUT appears.
"""

import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.errors import BooksError, InputError
from gristmill.filters.chain import Chain
from gristmill.filters.verdict import Finding, Verdicts
from gristmill.frame.parquet import PartWriter, count_rows
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


def sift(table: Table, chain: Chain, text_column: str, out: Path) -> Sifted:
    """Filters the table into `out`. Raises InputError when the column is no text or `out` holds something already."""
    check_text_column(table, text_column)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("there is something already", where=str(out), expected="a new or empty folder")
    private = out.parent / f".{out.name}.part"
    shutil.rmtree(private, ignore_errors=True)
    try:
        sifted = _write(table, chain, private)
        (private / "summary.json").write_text(json.dumps({**sifted.as_dict(), "filters": chain.names}, indent=1) + "\n")
        if out.exists():
            out.rmdir()
        private.rename(out)
    finally:
        shutil.rmtree(private, ignore_errors=True)
    return sifted


def check_text_column(table: Table, name: str) -> None:
    """Raises InputError when the table has rows but no text column of this name."""
    if not table.schema.names:
        return
    where = str(table.files[0])
    if name not in table.schema.names:
        raise InputError(
            f"no column {name!r}",
            where=where,
            expected=f"one of {', '.join(table.schema.names)}",
            do="name the text column: --text-column NAME",
        )
    kind = table.schema.field(name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise InputError(f"the column {name!r} is {kind}", where=where, expected="a column of texts")


def _write(table: Table, chain: Chain, folder: Path) -> Sifted:
    sifted = Sifted()
    plain = pa.schema([field.with_nullable(True) for field in table.schema])
    names = [f"input_{name}" if name in WHY.names else name for name in plain.names]
    with_why = pa.schema([*(part.with_name(name) for part, name in zip(plain, names, strict=True)), *WHY])
    with (
        PartWriter(folder / "kept", plain) as kept,
        PartWriter(folder / "rejected", with_why) as rejected,
    ):
        for found in table.batches():
            batch = _without_values(plain) if isinstance(found, Broken) else found
            verdicts = Verdicts(1, {0: _finding(found)}) if isinstance(found, Broken) else chain.judge(batch)
            kept.write(batch.filter(pa.array(verdicts.kept)))
            rejected.write(_with_reasons(batch.filter(pa.array(~verdicts.kept)), verdicts, with_why))
            sifted.rows += verdicts.rows
            sifted.kept += int(verdicts.kept.sum())
            sifted.refused.update((finding.filter, finding.reason) for finding in verdicts.refused.values())
    _check(sifted, folder)
    return sifted


def _without_values(schema: pa.Schema) -> pa.RecordBatch:
    """What stands for a line that is no row."""
    return pa.RecordBatch.from_pylist([dict.fromkeys(schema.names)], schema=schema)


def _finding(line: Broken) -> Finding:
    return Finding(line.reason, line.value, "a JSON object", "input")


def _with_reasons(rows: pa.RecordBatch, verdicts: Verdicts, schema: pa.Schema) -> pa.RecordBatch:
    findings = [finding for _, finding in sorted(verdicts.refused.items())]
    why = [pa.array([getattr(finding, name) for finding in findings], pa.string()) for name in WHY.names]
    return pa.RecordBatch.from_arrays([*rows.columns, *why], schema=schema)


def _check(sifted: Sifted, folder: Path) -> None:
    """Raises BooksError when the rows written are not the rows read."""
    kept, rejected = count_rows(folder / "kept"), count_rows(folder / "rejected")
    if (kept, rejected) != (sifted.kept, sifted.refused.total()) or kept + rejected != sifted.rows:
        raise BooksError(
            f"{sifted.rows} rows read, {kept} kept, {rejected} rejected", expected="kept and rejected make up the rows"
        )
