"""Rows of any table as filters see them: some columns as `prompt`, `response`, `evidence` and `context`.

A part that no column plays is null in every row. The table's other columns go along under their own names, so that a
filter can look at them and nothing is lost on the way through the chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from gristmill.errors import InputError
from gristmill.tables.read import Table

PARTS = {
    "response": "--text-column",
    "prompt": "--prompt-column",
    "evidence": "--evidence-column",
    "context": "--context-column",
}
"""What a column can be to a filter, and the option that names it."""


@dataclass(frozen=True)
class Columns:
    """Which column of the table plays which part; `response` is always among them."""

    named: Mapping[str, str]

    def check(self, table: Table) -> None:
        """Raises InputError when the table has rows but no text column of such a name, or one name plays two parts."""
        if len(set(self.named.values())) < len(self.named):
            raise InputError(f"found {', '.join(self.named.values())}", expected="another column for each part")
        for part, name in self.named.items():
            if table.schema.names:
                _check_text(table, name, PARTS[part])

    def view(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch as filters see it."""
        rows = batch.num_rows
        parts = {part: self._part(batch, part) for part in PARTS}
        others = [name for name in batch.schema.names if name not in self.named.values()]
        arrays = [*parts.values(), *(batch[name] for name in others)]
        names = [*parts, *(_aside(name) for name in others)]
        return pa.RecordBatch.from_arrays(arrays, names) if rows or arrays else batch

    def own(self, view: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        """The table's own columns again, with what a filter changed in the parts."""
        parts = {name: part for part, name in self.named.items()}
        arrays = [view[parts.get(field.name) or _aside(field.name)].cast(field.type) for field in schema]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _part(self, batch: pa.RecordBatch, part: str) -> pa.Array:
        name = self.named.get(part)
        if name is None or name not in batch.schema.names:
            return pa.nulls(batch.num_rows, pa.string())
        return batch[name].cast(pa.string())


def _aside(name: str) -> str:
    """The name under which a column that plays no part goes along."""
    return f"own {name}" if name in PARTS else name


def _check_text(table: Table, name: str, option: str) -> None:
    where = str(table.files[0])
    if name not in table.schema.names:
        raise InputError(
            f"no column {name!r}",
            where=where,
            expected=f"one of {', '.join(table.schema.names)}",
            do=f"name the column: {option} NAME",
        )
    kind = table.schema.field(name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise InputError(f"the column {name!r} is {kind}", where=where, expected="a column of texts")
