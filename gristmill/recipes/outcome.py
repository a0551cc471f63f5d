"""What becomes of a sample, with the trace of how: every request, its answer and the verdict on it."""

from dataclasses import dataclass, field
from typing import Any

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


@dataclass(slots=True)
class Outcome:
    """What became of a sample: `output` or `refused`, never both."""

    fields: dict[str, Any]
    """Every step's value, in order."""
    trials: list[Trial] = field(default_factory=list)
    output: dict[str, Any] | None = None
    refused: Verdict | None = None

    @property
    def completion_tokens(self) -> int:
        """Tokens that the model wrote for it."""
        return sum(trial.answered.answer.completion_tokens for trial in self.trials)


class Refused(Exception):
    """Ends a sample's walk through the steps with a verdict."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__(verdict.reason)
