"""The acceptance funnel: what came in, what went out and why the rest did not, read from the stages' books.

`requested` is what `generate` was asked for. `accepted` is what passed every check: new rows, and
rows that passed but stand in the parent release already (they were accepted before, and a small
refresh of old seeds must not look like a failure).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.errors import GristmillError

SAMPLES = "samples"
IN_PARENT = "in_parent"


@dataclass(frozen=True)
class Step:
    """One ledger of one stage."""

    stage: str
    unit: str
    entered: int
    out: int
    rejected: Mapping[str, int]
    failed: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """The step as it stands in measures.json."""
        return {
            "stage": self.stage,
            "unit": self.unit,
            "in": self.entered,
            "out": self.out,
            "rejected": dict(self.rejected),
            "failed": dict(self.failed),
        }


@dataclass(frozen=True)
class Loss:
    """Rows that one reason cost at one stage."""

    stage: str
    reason: str
    rows: int


@dataclass(frozen=True)
class Funnel:
    """All ledgers of all stages, in order."""

    steps: Sequence[Step]

    @property
    def requested(self) -> int:
        """Samples that were asked for."""
        return self._samples("generate").entered

    @property
    def new_rows(self) -> int:
        """New rows in the data set."""
        return self._samples("compose").out

    @property
    def accepted(self) -> int:
        """Samples that passed every check, released before or not."""
        return self.new_rows + self._samples("compose").rejected.get(IN_PARENT, 0)

    @property
    def failed(self) -> int:
        """Samples lost to faults of an engine or a stage, not to a check."""
        return sum(sum(step.failed.values()) for step in self.steps if step.unit == SAMPLES)

    @property
    def parent_rows(self) -> int:
        """Rows that came from the parent release."""
        return sum(step.out for step in self.steps if step.stage == "compose" and step.unit == "parent rows")

    def losses(self) -> list[Loss]:
        """Why samples were lost, the costliest reason first."""
        steps = [step for step in self.steps if step.unit == SAMPLES]
        losses = [Loss(s.stage, why, n) for s in steps for why, n in (Counter(s.rejected) + Counter(s.failed)).items()]
        return sorted(losses, key=lambda loss: (-loss.rows, loss.stage, loss.reason))

    def _samples(self, stage: str) -> Step:
        for step in self.steps:
            if step.stage == stage and step.unit == SAMPLES:
                return step
        raise GristmillError(
            f"stage {stage} kept no books in {SAMPLES}",
            where=f"data/{stage}/_stage.json",
            do=f"run the stage again: `dvc repro --force --single-item {stage}`",
        )


def funnel_of(books: Sequence[Mapping[str, Any]]) -> Funnel:
    """The funnel of the stages' `_stage.json`, in the graph's order."""
    return Funnel([_step(stage["stage"], ledger) for stage in books for ledger in stage["books"]])


def _step(stage: str, ledger: Mapping[str, Any]) -> Step:
    return Step(stage, ledger["unit"], ledger["in"], ledger["out"], ledger["rejected"], ledger["failed"])
