"""Keeps many samples under way at once and hands their outcomes on in the order of the plan.

`width` walkers take samples as they become free, so that the engine's batch never drains between
samples or steps. At most `WINDOW_FACTOR * width` samples stand between the oldest unfinished one
and the newest: that bounds memory, and order costs nothing else.

Samples start in the order of the plan, so that draws of one seed meet its prefix in the engine's cache; only the last
window starts with the samples whose answers are expected to be longest, so that the run does not end with a long one
alone in the batch (docs/design/0002-engines.md has what that is worth).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from gristmill.engine.asker import Asker
from gristmill.engine.budget import Budget
from gristmill.engine.in_flight import SAMPLE
from gristmill.engine.journal import Journal
from gristmill.engine.protocol import Engine
from gristmill.errors import GristmillError

T = TypeVar("T")
R = TypeVar("R")

WINDOW_FACTOR = 8
_TURN = 64
"""Samples after which a walker lets others run, even if it never had to wait."""


def run_samples(
    items: Iterable[T],
    walk: Callable[[T, Asker], Awaitable[R]],
    emit: Callable[[T, R], None],
    *,
    journal: Journal,
    engine: Engine,
    budget: Budget | None = None,
    size: Callable[[T], float] | None = None,
) -> Asker:
    """Walks all items with one asker, which it gives for its counts; closes the engine whatever happened.

    As many samples are under way as the engine will ever take requests; how many requests, the engine decides. `size`
    is what the length of an item's answers is expected to go by.

    Raises the first exception of `walk`, `emit` or the engine; what was answered stays in the journal.
    """
    return asyncio.run(_run(items, walk, emit, journal, engine, budget, size))


async def _run(
    items: Iterable[T],
    walk: Callable[[T, Asker], Awaitable[R]],
    emit: Callable[[T, R], None],
    journal: Journal,
    engine: Engine,
    budget: Budget | None,
    size: Callable[[T], float] | None,
) -> Asker:
    asker = Asker(journal, engine, budget)
    try:
        await drive(items, lambda item: walk(item, asker), emit, engine.in_flight.ceiling, size)
    finally:
        await engine.close()
    return asker


async def drive(
    items: Iterable[T],
    walk: Callable[[T], Awaitable[R]],
    emit: Callable[[T, R], None],
    width: int,
    size: Callable[[T], float] | None = None,
) -> None:
    """Walks every item, at most `width` at once, and emits each with its outcome in the items' order.

    With a `size`, items are read a window ahead, and the largest of the last window start first.

    Raises the first exception of `walk` or `emit`; what else is under way is then cancelled.
    """
    line = _Line(items, emit, width * WINDOW_FACTOR, size)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(width):
                group.create_task(_walker(line, walk))
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None


async def _walker(line: "_Line[T, R]", walk: Callable[[T], Awaitable[R]]) -> None:
    while (taken := await line.take()) is not None:
        turn, place, item = taken
        SAMPLE.set(turn)
        try:
            outcome = await walk(item)
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            raise _given_up(place) from None  # the group would take it for a task that has ended well: a row lost
        line.settle(place, item, outcome)
        if place % _TURN == 0:
            await asyncio.sleep(0)


def _is_being_cancelled() -> bool:
    """Whether somebody asked this task to end, as against a cancellation that came out of what it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _given_up(place: int) -> GristmillError:
    return GristmillError(
        f"the engine gave up a request of sample {place + 1} without saying why",
        do="run this again: what was answered is kept in the journal",
    )


class _Line(Generic[T, R]):
    """The samples between plan and output, each with its place."""

    def __init__(
        self,
        items: Iterable[T],
        emit: Callable[[T, R], None],
        window: int,
        size: Callable[[T], float] | None,
    ) -> None:
        self._items = iter(enumerate(items))
        self._emit = emit
        self._window = window
        self._size = size
        self._ahead: deque[tuple[int, T]] = deque()
        self._read = 0
        self._taken = 0
        self._emitted = 0
        self._settled: dict[int, tuple[T, R]] = {}
        self._moved = asyncio.Event()

    async def take(self) -> tuple[int, int, T] | None:
        """The next sample with its turn and its place, once the window has room; None when there is no more."""
        while not self._read_ahead():
            self._moved.clear()
            await self._moved.wait()
        if not self._ahead:
            return None
        self._taken += 1
        return self._taken, *self._ahead.popleft()

    def _read_ahead(self) -> bool:
        """Reads what the window has room for, one sample where their size is no matter; whether `take` can go on."""
        most = 1 if self._size is None else self._window
        while len(self._ahead) < most and self._read - self._emitted < self._window:
            following = next(self._items, None)
            if following is None:
                self._end_plan()
                return True
            self._ahead.append(following)
            self._read += 1
        return bool(self._ahead)

    def _end_plan(self) -> None:
        """The plan is read to its end: the rest begins with the largest. Draws of a seed stay together."""
        if self._size is not None:
            size, self._size = self._size, None
            self._ahead = deque(sorted(self._ahead, key=lambda numbered: -size(numbered[1])))

    def settle(self, place: int, item: T, outcome: R) -> None:
        """Keeps the outcome until all before it are out, then emits."""
        self._settled[place] = (item, outcome)
        while self._emitted in self._settled:
            self._emit(*self._settled.pop(self._emitted))
            self._emitted += 1
            self._moved.set()
