"""One sample's way through its steps: where it is, whom it asks, and what it has met.

Steps that go on side by side (candidates, items) each get a fork with a path of its own; joined in
their order, not in that of the answers, they leave the same trace every time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from jinja2 import TemplateError

from gristmill.recipes.outcome import Note, Refused, Trial, Verdict
from gristmill.recipes.request import Answered, Message, Request, RequestFailed
from gristmill.recipes.sandbox import RUNTIME_FAULTS, Evaluate

Ask = Callable[[Request], Awaitable[Answered]]
Values = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Critique:
    """Turns that go behind a step's own conversation: what it answered, and what was wrong with that."""

    step: str
    turns: tuple[Message, ...]


@dataclass(slots=True)
class Walk:
    """State of one walk, or of a fork of it."""

    draw: int
    ask: Ask
    path: str = ""
    critique: Critique | None = None
    trials: list[Trial] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def fork(self, part: str) -> "Walk":
        """A walk of its own below this one; `part` tells it from its sisters."""
        path = f"{self.path}/{part}" if self.path and part else self.path or part
        return Walk(self.draw, self.ask, path, self.critique)

    def join(self, forks: Iterable["Walk"]) -> None:
        """Takes over what the forks met, in this order."""
        for fork in forks:
            self.trials += fork.trials
            self.notes += fork.notes

    async def answer(self, step: str, request: Request) -> Answered:
        """The answer. Raises Refused, as a failure, when this request cannot be answered."""
        try:
            return await self.ask(request)
        except RequestFailed as error:
            raise Refused(Verdict(f"{step}_{error.reason}", error.detail, failed=True)) from None


class Body(Protocol):
    """What a step does to come to its value."""

    async def value(self, values: Values, walk: Walk) -> Any:
        """The value. Raises Refused."""


@dataclass(frozen=True, slots=True)
class Step:
    """A named value: where `when` does not hold, `otherwise` gives it."""

    name: str
    body: Body
    when: Evaluate | None = None
    otherwise: Evaluate | None = None


@contextmanager
def recipe_faults(step: str) -> Iterator[None]:
    """Turns what an expression raises over one seed's data into that sample's failure: the others go on."""
    try:
        yield
    except (TemplateError, *RUNTIME_FAULTS) as error:
        found = f"{type(error).__name__}: {error}"
        raise Refused(
            Verdict(f"{step}_recipe_error", found, "a recipe that holds for every seed", failed=True)
        ) from None


async def take_steps(steps: Iterable[Step], values: dict[str, Any], walk: Walk, carried: Iterable[str] = ()) -> None:
    """Walks through the steps and adds their values. A step that is passed over leaves a carried value as it is."""
    for step in steps:
        if step.when is None or _holds(step, values):
            values[step.name] = await step.body.value(values, walk)
        elif step.otherwise is not None:
            with recipe_faults(step.name):
                values[step.name] = step.otherwise(values)
        elif step.name not in carried:
            values[step.name] = None


def _holds(step: Step, values: Values) -> bool:
    with recipe_faults(step.name):
        return step.when is None or bool(step.when(values))


async def side_by_side(works: Iterable[Coroutine[Any, Any, T]]) -> list[T | Refused]:
    """All at once; what was refused stands in its place. Any other exception ends the others and is raised."""

    async def settled(work: Coroutine[Any, Any, T]) -> T | Refused:
        try:
            return await work
        except Refused as refused:
            return refused

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(settled(work)) for work in works]
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return [task.result() for task in tasks]


def kept(name: str, found: list[T | Refused], at_least: int, walk: Walk) -> list[T]:
    """Those that came to an end; the others are noted. Raises the first's refusal when too few did."""
    left = [each for each in found if not isinstance(each, Refused)]
    refused = [each for each in found if isinstance(each, Refused)]
    if len(left) < at_least:
        if refused:
            raise refused[0]
        raise Refused(Verdict(f"{name}_too_few", f"{len(left)}", f"at least {at_least}"))
    walk.notes += [Note("dropped", each.verdict.reason) for each in refused]
    return left
