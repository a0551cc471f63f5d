"""The filters' contract: a record batch in, and for each row kept, or a reason with what was measured.

A filter measures whole columns at once. `first_failing` turns its rules, in their order, into
verdicts: the first rule that a row breaks gives the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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


class Filter(Protocol):
    """A check on rows of the SAMPLE schema. May remember rows it has seen; batches come in order."""

    @property
    def name(self) -> str:
        """The filter's name in params.yaml and in reports."""
        ...

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row, in order."""
        ...


def first_failing(*rules: Rule) -> Verdicts:
    """For each row, the first rule that does not hold."""
    refused: dict[int, Finding] = {}
    for rule in rules:
        for row in np.flatnonzero(~rule.holds).tolist():
            if row not in refused:
                refused[row] = Finding(rule.reason, _shown(rule.measured[row]), rule.threshold)
    return Verdicts(len(rules[0].holds), refused)


def _shown(measured: Any) -> str:
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
