"""What becomes of a sample, with the trace of how: every request, its answer and the verdict on it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.recipes.control import holds_control
from gristmill.recipes.kinds import FaultKind
from gristmill.recipes.request import Answered, Request


@dataclass(frozen=True, slots=True)
class Trial:
    """One request, its answer and the verdict: `fault` is empty when the answer was valid."""

    request: Request
    answered: Answered
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a sample ended without a row. `failed` is a fault of engine or recipe, not of the answer."""

    reason: str
    found: str = ""
    expected: str = ""
    text: str = ""
    failed: bool = False
    kind: FaultKind = FaultKind.OTHER


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened on the way and that the books count under `what`."""

    what: str
    """`recovering` (asked again with a critique), `recovered`, `dropped` (a candidate or item), `replaced`,
    `repaired` (an answer, by the kind of damage)."""
    reason: str


@dataclass(slots=True)
class Outcome:
    """What became of a sample: `rows`, or `refused`, never both."""

    fields: dict[str, Any]
    """Every step's value, in order."""
    trials: list[Trial] = field(default_factory=list)
    rows: list["Row"] = field(default_factory=list)
    """One, unless the recipe's output fans out."""
    refused_rows: list[tuple[int, Verdict]] = field(default_factory=list)
    """Those of a fan-out that broke a check, by number."""
    refused: Verdict | None = None
    notes: list[Note] = field(default_factory=list)

    @property
    def output(self) -> Mapping[str, Any] | None:
        """The first row's content; None when there is no row."""
        return self.rows[0].content if self.rows else None

    @property
    def completion_tokens(self) -> int:
        """Tokens that the model wrote for it."""
        return sum(trial.answered.answer.completion_tokens for trial in self.trials)


@dataclass(frozen=True, slots=True)
class Row:
    """What a finished row consists of. `number` counts the rows of a fan-out, and is None where there is none."""

    content: Mapping[str, Any]
    number: int | None = None
    item: Any = None
    """The fan-out's item that it was made from."""


class Refused(Exception):
    """Ends a sample's walk through the steps with a verdict."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__(verdict.reason)


class NoteCounts:
    """What the books say of notes: what was dropped and replaced, and the rows that were saved by kind of fault."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}
        self._control = 0

    def add(self, outcome: Outcome) -> None:
        """Counts one sample's notes. Rows are saved only where there are rows in the end."""
        self._control += sum(holds_control(trial.request) for trial in outcome.trials)
        for note in outcome.notes:
            if note.what == "recovered":
                self._count("rows_saved", note.reason, len(outcome.rows))
            else:
                self._count(note.what, note.reason, 1)

    def facts(self) -> dict[str, Any]:
        """What was noted -> reason or kind -> how often; nothing where nothing was noted.

        `control_tokens_disarmed`: requests whose text held what looks like a control token.
        """
        noted = {what: dict(sorted(counts.items())) for what, counts in sorted(self._counts.items())}
        return {**noted, "control_tokens_disarmed": self._control}

    def _count(self, what: str, reason: str, times: int) -> None:
        self._counts.setdefault(what, Counter())[reason] += times
