"""Keeps many samples under way at once and hands their outcomes on in the order of the plan.

`width` walkers take samples as they become free, so that the engine's batch never drains between
samples or steps. At most `WINDOW_FACTOR * width` samples stand between the oldest unfinished one
and the newest: that bounds memory, and order costs nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from gristmill.engine.asker import Asker
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
) -> Asker:
    """Walks all items with one asker, which it gives for its counts; closes the engine whatever happened.

    As many samples are under way as the engine will ever take requests; how many requests, the engine decides.

    Raises the first exception of `walk`, `emit` or the engine; what was answered stays in the journal.
    """
    return asyncio.run(_run(items, walk, emit, journal, engine))


async def _run(
    items: Iterable[T],
    walk: Callable[[T, Asker], Awaitable[R]],
    emit: Callable[[T, R], None],
    journal: Journal,
    engine: Engine,
) -> Asker:
    asker = Asker(journal, engine)
    try:
        await drive(items, lambda item: walk(item, asker), emit, engine.in_flight.ceiling)
    finally:
        await engine.close()
    return asker


async def drive(
    items: Iterable[T], walk: Callable[[T], Awaitable[R]], emit: Callable[[T, R], None], width: int
) -> None:
    """Walks every item, at most `width` at once, and emits each with its outcome in the items' order.

    Raises the first exception of `walk` or `emit`; what else is under way is then cancelled.
    """
    line = _Line(items, emit, width * WINDOW_FACTOR)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(width):
                group.create_task(_walker(line, walk))
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None


async def _walker(line: "_Line[T, R]", walk: Callable[[T], Awaitable[R]]) -> None:
    while (taken := await line.take()) is not None:
        place, item = taken
        SAMPLE.set(place)
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

    def __init__(self, items: Iterable[T], emit: Callable[[T, R], None], window: int) -> None:
        self._items = iter(enumerate(items))
        self._emit = emit
        self._window = window
        self._taken = 0
        self._emitted = 0
        self._settled: dict[int, tuple[T, R]] = {}
        self._moved = asyncio.Event()

    async def take(self) -> tuple[int, T] | None:
        """The next sample with its place, once the window has room; None when there is no more."""
        while self._taken - self._emitted >= self._window:
            self._moved.clear()
            await self._moved.wait()
        taken = next(self._items, None)
        self._taken += taken is not None
        return taken

    def settle(self, place: int, item: T, outcome: R) -> None:
        """Keeps the outcome until all before it are out, then emits."""
        self._settled[place] = (item, outcome)
        while self._emitted in self._settled:
            self._emit(*self._settled.pop(self._emitted))
            self._emitted += 1
            self._moved.set()
