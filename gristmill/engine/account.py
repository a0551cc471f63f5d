"""What answers cost: requests, tokens, the engine's time and money, by recipe and step.

Every answer carries its cost, and the journal keeps it. So the account of a stage is that of its data: all
answers that went into it, rejected samples' and failed tries' included, whether this run asked or found them.
What this run itself paid for is the asker's to tell.

    usd = tokens x price + GPU hours x rate
"""

import time
from dataclasses import dataclass, field
from typing import Any

from gristmill.params.journal import CostParams
from gristmill.recipes.outcome import Outcome
from gristmill.recipes.request import Answer, Finish


@dataclass(slots=True)
class Cost:
    """Sums over answers."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt tokens, those that the prefix cache held."""
    engine_seconds: float = 0.0
    gpu_seconds: float = 0.0

    def add(self, answer: Answer) -> None:
        """Counts one answer. A prompt that was too long is a request that cost nothing."""
        self.requests += 1
        if answer.finish_reason != Finish.PROMPT_TOO_LONG:
            self.prompt_tokens += answer.prompt_tokens
            self.completion_tokens += answer.completion_tokens
            self.cached_tokens += answer.cached_tokens
            self.engine_seconds += answer.engine_seconds
            self.gpu_seconds += answer.gpu_seconds

    def plus(self, other: "Cost") -> None:
        """Adds another sum."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def figures(self, prices: CostParams) -> dict[str, Any]:
        """By name, with the price."""
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cached_tokens": self.cached_tokens,
            "engine_seconds": round(self.engine_seconds, 3),
            "gpu_seconds": round(self.gpu_seconds, 3),
            "usd": round(prices.usd(self.prompt_tokens, self.completion_tokens, self.gpu_seconds), 6),
        }


@dataclass
class Account:
    """A stage's costs."""

    steps: dict[tuple[str, str], Cost] = field(default_factory=dict)
    """By recipe and step, in the order of their first answers."""

    def add(self, recipe: str, outcome: Outcome) -> None:
        """Counts all answers of one sample."""
        for trial in outcome.trials:
            key = (recipe, trial.request.step)
            cost = self.steps.get(key)
            if cost is None:
                cost = self.steps[key] = Cost()
            cost.add(trial.answered.answer)

    def total(self, recipe: str | None = None) -> Cost:
        """Of one recipe, or of all."""
        total = Cost()
        for (name, _), cost in self.steps.items():
            if recipe in (None, name):
                total.plus(cost)
        return total

    def facts(self) -> dict[str, Any]:
        """What depends on the answers alone, for the books."""
        total = self.total()
        by_step: dict[str, int] = {}
        for (_, step), cost in self.steps.items():
            by_step[step] = by_step.get(step, 0) + cost.requests
        return {
            "requests": total.requests,
            "requests_by_step": by_step,
            "prompt_tokens": total.prompt_tokens,
            "completion_tokens": total.completion_tokens,
        }

    def figures(self, prices: CostParams, accepted: int) -> dict[str, Any]:
        """For the metrics: in all, per accepted row (None when there is none), and by recipe and step."""
        total = self.total()
        recipes = dict.fromkeys(recipe for recipe, _ in self.steps)
        return {
            "total": total.figures(prices),
            "per_accepted_row": _per_row(total, prices, accepted),
            "by_recipe": {recipe: self._of(recipe, prices) for recipe in recipes},
        }

    def _of(self, recipe: str, prices: CostParams) -> dict[str, Any]:
        steps = {step: cost.figures(prices) for (name, step), cost in self.steps.items() if name == recipe}
        return {**self.total(recipe).figures(prices), "steps": steps}


class BusyClock:
    """Divides the engine's time among the requests under way: of each second, each gets an equal share.

    The shares add up to the time in which at least one was under way.
    """

    def __init__(self) -> None:
        self._under_way = 0
        self._share = 0.0
        self._then = 0.0
        self.busy_seconds = 0.0

    def enter(self) -> float:
        """A request begins; what it gets is to be given back to `leave`."""
        self._move()
        self._under_way += 1
        return self._share

    def leave(self, mark: float) -> float:
        """A request has ended: its share, in seconds."""
        self._move()
        self._under_way -= 1
        return self._share - mark

    def _move(self) -> None:
        now = time.monotonic()
        if self._under_way:
            self.busy_seconds += now - self._then
            self._share += (now - self._then) / self._under_way
        self._then = now


def _per_row(total: Cost, prices: CostParams, accepted: int) -> dict[str, float] | None:
    if not accepted:
        return None
    price = prices.usd(total.prompt_tokens, total.completion_tokens, total.gpu_seconds)
    return {
        "tokens": round((total.prompt_tokens + total.completion_tokens) / accepted, 1),
        "gpu_seconds": round(total.gpu_seconds / accepted, 6),
        "usd": round(price / accepted, 9),
    }
