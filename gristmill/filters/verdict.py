"""The filters' contract: a record batch in, and for each row kept, or a reason with what was measured.

Two kinds. A **row filter** measures whole columns of a batch at once; `first_failing` turns its rules, in their order,
into verdicts: the first rule that a row breaks gives the reason. A **set filter** must have seen all rows before it can
judge one: every batch goes through `add`, then `resolve` is called, then the same batches come to `judge`, in the same
order. Its memory is bounded: what grows with the rows lies in the folder that it was built with.

Rows have at least the columns `prompt`, `response`, `evidence` and `context` (texts). Null is "there is none": a rule
on prompts holds for a row without one.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Mask = npt.NDArray[np.bool_]
Measures = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """Why a row was refused: `reason` is counted, `value` was measured, `threshold` would have passed."""

    reason: str
    value: str
    threshold: str
    filter: str = ""
    """The filter that said so; the chain fills it in."""


@dataclass(frozen=True)
class Verdicts:
    """What a filter says of a batch: the refused rows by number; all others are kept."""

    rows: int
    refused: Mapping[int, Finding]
    changed: Mapping[str, pa.Array] = field(default_factory=dict)
    """Columns in which kept rows now say something else (redacted), for all rows of the batch."""

    def applied(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with the changed columns."""
        for name, values in self.changed.items():
            place = batch.schema.get_field_index(name)
            batch = batch.set_column(place, batch.schema.field(place), values)
        return batch

    @property
    def kept(self) -> Mask:
        """True where the row goes on."""
        mask = np.ones(self.rows, dtype=np.bool_)
        mask[list(self.refused)] = False
        return mask


@dataclass(frozen=True)
class Rule:
    """One rule, measured on every row: what was found and where it holds."""

    reason: str
    measured: npt.NDArray[Any]
    holds: Mask
    threshold: str


class Named(Protocol):
    """What the chain asks of either kind."""

    @property
    def name(self) -> str:
        """The filter's name in params.yaml and in reports."""
        ...

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row, in order."""
        ...

    def facts(self) -> Mapping[str, int]:
        """What was found and counted so far, for the stage's books; the same rows give the same facts."""
        ...


class RowFilter(Named, Protocol):
    """A check on rows one by one. May remember rows it has seen; batches come in order."""

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What is measured on each row, and where it holds; remembers nothing."""
        ...


class SetFilter(Named, Protocol):
    """A check that compares rows with all others."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes notice of a batch; every batch once, in order."""
        ...

    def resolve(self) -> None:
        """Decides, once all batches were added. `judge` then gets the same batches in the same order."""
        ...


class Judging(ABC):
    """The common part of row filters: the first rule that does not hold, and nothing counted."""

    @abstractmethod
    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What is measured on each row."""

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row, in order."""
        return first_failing(*self.rules(batch))

    def facts(self) -> Mapping[str, int]:
        """Nothing."""
        return {}


def first_failing(*rules: Rule) -> Verdicts:
    """For each row, the first rule that does not hold."""
    refused: dict[int, Finding] = {}
    for rule in rules:
        for row in np.flatnonzero(~rule.holds).tolist():
            if row not in refused:
                refused[row] = Finding(rule.reason, shown(rule.measured[row]), rule.threshold)
    return Verdicts(len(rules[0].holds), refused)


def texts_of(batch: pa.RecordBatch, column: str) -> list[str]:
    """A column's texts; null is an empty one."""
    return [text or "" for text in batch[column].to_pylist()]


def shown(measured: Any) -> str:
    """A measured value as text."""
    return f"{measured:.3f}" if isinstance(measured, float | np.floating) else str(measured)


def at_least(reason: str, measured: npt.NDArray[Any], least: float) -> Rule:
    """The rule that what was measured reaches `least`."""
    return Rule(reason, measured, measured >= least, f"at least {least:g}")


def at_most(reason: str, measured: npt.NDArray[Any], most: float) -> Rule:
    """The rule that what was measured does not exceed `most`."""
    return Rule(reason, measured, measured <= most, f"at most {most:g}")


def share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Measures:
    """Part over whole; 0 where there is nothing."""
    found: Measures = np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
    return found
