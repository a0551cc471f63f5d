"""How many requests may be under way at an engine at once: a bound that the engine moves as it sees fit.

Who waits for a place gets it in the order of the plan: the next step of a sample that was begun comes before the first
step of a new one, so that samples end soon and the prefix that their steps share is still in the engine's cache.
"""

import asyncio
import heapq
import itertools
from contextvars import ContextVar

SAMPLE: ContextVar[int] = ContextVar("sample", default=0)
"""The place in the plan of the sample that asks; tasks that a sample starts inherit it."""


class InFlight:
    """A bound between 1 and `ceiling`. `async with` it is a place under it."""

    def __init__(self, limit: int, ceiling: int | None = None) -> None:
        self.ceiling = limit if ceiling is None else ceiling
        self.limit = limit
        self.used = 0
        """Places that are taken."""
        self._line: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for a place: more could be under way."""
        return bool(self._line)

    def move(self, limit: int) -> None:
        """Sets the bound, within 1 and the ceiling. What is under way stays so."""
        self.limit = max(1, min(limit, self.ceiling))
        self._admit()

    async def __aenter__(self) -> None:
        if self.used < self.limit and not self._line:
            self.used += 1
            return
        place = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, (SAMPLE.get(), next(self._numbers), place))
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()  # given just before the cancellation came
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self.used -= 1
        self._admit()

    def _admit(self) -> None:
        while self._line and self.used < self.limit:
            _, _, place = heapq.heappop(self._line)
            if not place.done():
                self.used += 1
                place.set_result(None)
