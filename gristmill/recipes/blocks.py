"""The steps that hold steps or weigh values: loops, fan-outs and choices, compiled."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.recipes.kinds import FaultKind
from gristmill.recipes.outcome import Note, Refused, Verdict
from gristmill.recipes.sandbox import Evaluate
from gristmill.recipes.steps import Check, checked, shown
from gristmill.recipes.stepspec import ChooseRule
from gristmill.recipes.walk import Step, Values, Walk, kept, recipe_faults, side_by_side, take_steps


@dataclass(frozen=True, slots=True)
class LoopStep:
    """Rounds of the same steps, until a condition holds or there were enough."""

    name: str
    steps: tuple[Step, ...]
    start: Mapping[str, Evaluate]
    until: Evaluate | None
    at_most: int
    checks: tuple[Check, ...]

    async def value(self, values: Values, walk: Walk) -> Any:
        """The last round's values, with `rounds`, `met` and `history`. Raises Refused as the steps do."""
        with recipe_faults(self.name):
            inner = {**values, **{name: first(values) for name, first in self.start.items()}}
        history: list[dict[str, Any]] = []
        met = False
        names = (*self.start, *(step.name for step in self.steps if step.name not in self.start))
        while not met and len(history) < self.at_most:
            inner["round"] = len(history)
            fork = walk.fork(f"{self.name}.{len(history)}")
            try:
                await take_steps(self.steps, inner, fork, self.start)
            finally:
                walk.join([fork])
            history.append({name: inner[name] for name in names})
            with recipe_faults(self.name):
                met = bool(self.until is not None and self.until(inner))
        found = {**history[-1], "rounds": len(history), "met": met, "history": history}
        with recipe_faults(self.name):
            return checked(self.name, self.checks, values, found)


@dataclass(frozen=True, slots=True)
class ForEachStep:
    """The same steps for each item of a list, all at once."""

    name: str
    items: Evaluate
    item: str
    steps: tuple[Step, ...]
    at_most: int
    at_least: int
    checks: tuple[Check, ...]

    async def value(self, values: Values, walk: Walk) -> Any:
        """A list of mappings: the item and its steps' values. Items that were refused are left out and noted."""
        with recipe_faults(self.name):
            items = as_list(self.items(values))
        walk.notes += [Note("dropped", f"{self.name}_over_at_most")] * max(0, len(items) - self.at_most)
        forks = [walk.fork(f"{self.name}.{i}") for i in range(min(len(items), self.at_most))]
        found = await side_by_side(self._one(values, i, items[i], fork) for i, fork in enumerate(forks))
        walk.join(forks)
        left = kept(self.name, found, self.at_least, walk)
        with recipe_faults(self.name):
            return checked(self.name, self.checks, values, left)

    async def _one(self, values: Values, index: int, item: Any, walk: Walk) -> dict[str, Any]:
        inner = {**values, self.item: item, "index": index}
        await take_steps(self.steps, inner, walk)
        return {self.item: item, **{step.name: inner[step.name] for step in self.steps}}


@dataclass(frozen=True, slots=True)
class ChooseStep:
    """One of several, or the best and the worst, by score or by votes."""

    name: str
    rule: ChooseRule
    source: Evaluate
    by: Evaluate
    at_least: float | None
    at_most: float | None
    margin: float | None
    checks: tuple[Check, ...]

    async def value(self, values: Values, _: Walk) -> Any:
        """The best item; for the other rules a mapping. Raises Refused when none is good enough."""
        with recipe_faults(self.name):
            items = as_list(self.source(values))
            if not items:
                raise self._refused("nothing_to_choose", "an empty list", "at least one item")
            marks = [self.by({**values, "item": item, "index": index}) for index, item in enumerate(items)]
            found = self._majority(items, marks) if self.rule is ChooseRule.MAJORITY else self._by_score(items, marks)
            return checked(self.name, self.checks, values, found)

    def _by_score(self, items: list[Any], marks: list[Any]) -> Any:
        scores = [_score(mark) for mark in marks]
        best = scores.index(max(scores))
        self._assert_bounds(scores[best], "score")
        if self.rule is ChooseRule.BEST:
            return items[best]
        worst = len(scores) - 1 - scores[::-1].index(min(scores))
        distance = scores[best] - scores[worst]
        if distance <= 0 or (self.margin is not None and distance < self.margin):
            raise self._refused("no_difference", f"{distance:g}", f"a distance of {self.margin or 'more than 0'}")
        return {
            "best": items[best],
            "worst": items[worst],
            "best_score": scores[best],
            "worst_score": scores[worst],
        }

    def _majority(self, items: list[Any], marks: list[Any]) -> dict[str, Any]:
        keys = [shown(mark) for mark in marks]
        key, votes = Counter(keys).most_common(1)[0]  # of equals, the one that came first
        first = keys.index(key)
        self._assert_bounds(votes / len(keys), "agreement")
        share = votes / len(keys)
        return {"value": marks[first], "item": items[first], "votes": votes, "of": len(keys), "share": share}

    def _assert_bounds(self, found: float, what: str) -> None:
        if self.at_least is not None and found < self.at_least:
            raise self._refused(f"{what}_too_low", f"{found:g}", f"at least {self.at_least:g}")
        if self.at_most is not None and found > self.at_most:
            raise self._refused(f"{what}_too_high", f"{found:g}", f"at most {self.at_most:g}")

    def _refused(self, reason: str, found: str, expected: str) -> Refused:
        return Refused(Verdict(f"{self.name}_{reason}", found, expected, kind=FaultKind.LOW_QUALITY))


def as_list(value: Any) -> list[Any]:
    """The value as a list. Raises TypeError when it is none."""
    if isinstance(value, str | Mapping) or not hasattr(value, "__iter__"):
        raise TypeError(f"a list is needed here, not {type(value).__name__}")
    return list(value)


def _score(mark: Any) -> float:
    """The mark as a number. Raises TypeError when it is none."""
    if isinstance(mark, bool) or not isinstance(mark, int | float) or math.isnan(mark):
        raise TypeError(f"a score is a number, not {shown(mark)[:40]!r}")
    return float(mark)
