"""Filters that a recipe changes: each row is judged by the settings of its own recipe.

A row filter has one form for each recipe that changes it. A set filter compares rows of all recipes with each other, so
a recipe can only stay out of it (`off`): its rows are not compared, and pass.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters.verdict import Finding, RowFilter, Rule, SetFilter, Verdicts
from gristmill.stretches import Ints


@dataclass(frozen=True)
class ByRecipe:
    """A row filter in several forms; None is `off`."""

    name: str
    usual: RowFilter
    forms: Mapping[str, RowFilter | None]
    """The form for each recipe that changes the filter."""

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row, by its recipe's form."""
        refused: dict[int, Finding] = {}
        changed: dict[str, pa.Array] = {}
        for rows, form in self._parts(batch):
            verdicts = form.judge(batch.take(pa.array(rows)))
            refused |= {int(rows[row]): finding for row, finding in verdicts.refused.items()}
            for column, values in verdicts.changed.items():
                changed[column] = _placed(changed.get(column, batch[column]), rows, values)
        return Verdicts(batch.num_rows, refused, changed)

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What the first row's form measures."""
        return [rule for _, form in self._parts(batch.slice(0, 1)) for rule in form.rules(batch.slice(0, 1))]

    def facts(self) -> Mapping[str, int]:
        """The forms' facts together."""
        forms = {id(form): form for form in (self.usual, *self.forms.values()) if form is not None}
        found: Counter[str] = Counter()
        for form in forms.values():
            found.update(form.facts())
        return found

    def _parts(self, batch: pa.RecordBatch) -> Iterator[tuple[Ints, RowFilter]]:
        recipes = np.array(batch["recipe"].to_pylist(), dtype=np.object_)
        for name in dict.fromkeys(recipes.tolist()):
            form = self.forms.get(name, self.usual)
            if form is not None:
                yield np.flatnonzero(recipes == name), form


@dataclass(frozen=True)
class SomeRecipes:
    """A set filter from which some recipes stay out."""

    check: SetFilter
    out: frozenset[str]

    @property
    def name(self) -> str:
        """The filter's name."""
        return self.check.name

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes notice of the rows of the other recipes."""
        self.check.add(batch.filter(self._inside(batch)))

    def resolve(self) -> None:
        """Decides."""
        self.check.resolve()

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row; those of recipes that stay out are kept as they are."""
        inside = self._inside(batch)
        rows = np.flatnonzero(inside.to_numpy(zero_copy_only=False))
        verdicts = self.check.judge(batch.filter(inside))
        changed = {name: _placed(batch[name], rows, values) for name, values in verdicts.changed.items()}
        refused = {int(rows[row]): finding for row, finding in verdicts.refused.items()}
        return Verdicts(batch.num_rows, refused, changed)

    def facts(self) -> Mapping[str, int]:
        """The filter's facts."""
        return self.check.facts()

    def _inside(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        return pc.invert(pc.is_in(batch["recipe"], pa.array(sorted(self.out), pa.string())))


def _placed(column: pa.Array, rows: Ints, values: pa.Array) -> pa.Array:
    """The column with these values at these rows."""
    places = np.arange(len(column))
    places[rows] = len(column) + np.arange(len(rows))
    return pa.concat_arrays([column, values.cast(column.type)]).take(pa.array(places))
