"""The shards that wait for an actor.

A shard whose actor died is a suspect: it is handed out again before all others, and alone, so that one that kills its
actor is known by its own deaths and not by its neighbour's.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gristmill.distribute.parcels import Shard
from gristmill.recipes.outcome import Outcome

T = TypeVar("T")


@dataclass(eq=False)
class Errand(Generic[T]):
    """A shard on its way, `done` when its outcomes are there."""

    shard: Shard[T]
    done: "asyncio.Future[list[Outcome]]"
    deaths: list[str] = field(default_factory=list)
    """Of the actors that had it: where, and how."""


class Board(Generic[T]):
    """First come, first served, suspects before all."""

    def __init__(self) -> None:
        self._fresh: deque[Errand[T]] = deque()
        self._suspects: deque[Errand[T]] = deque()
        self._changed = asyncio.Condition()

    async def put(self, errand: Errand[T]) -> None:
        """Adds a shard."""
        (self._suspects if errand.deaths else self._fresh).append(errand)
        await self.changed()

    async def take(self, alone: Callable[[], bool]) -> Errand[T]:
        """The next shard, once there is one; a suspect only for one who has none other at hand."""
        async with self._changed:
            await self._changed.wait_for(lambda: alone() if self._suspects else bool(self._fresh))
            return (self._suspects or self._fresh).popleft()

    async def changed(self) -> None:
        """Lets those who wait look again."""
        async with self._changed:
            self._changed.notify_all()
