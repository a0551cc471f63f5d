"""What an actor's engine shares with the others: who asks, and who is not to be asked again."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from gristmill.distribute.parcels import Convicted
from gristmill.distribute.segment import Segment
from gristmill.engine.in_flight import InFlight
from gristmill.engine.protocol import Engine
from gristmill.engine.sandbox import Sandbox
from gristmill.recipes.request import Answer, Request, request_key

_ALL = 1 << 30
"""Whoever waits for the driver's reply takes no place of the engine's."""


class SharedEngine:
    """An engine that asks only what nobody has answered and nobody is asking, on whatever actor."""

    def __init__(self, engine: Engine, segment: Segment) -> None:
        self._engine = engine
        self._segment = segment
        self._started: asyncio.Task[None] | None = None
        self.name = engine.name
        self.version = engine.version
        self.model = engine.model
        self.context = engine.context
        self.in_flight = InFlight(_ALL)

    @property
    def gpus(self) -> int:
        """The engine's GPUs."""
        return self._engine.gpus

    async def start(self) -> None:
        """Nothing yet: the first request that is really asked starts it."""

    async def ask(self, request: Request) -> Answer:
        """The answer that somebody has, or the engine's."""
        return await self.claimed(request, self._ask)

    async def claimed(self, request: Request, work: Callable[[Request], Awaitable[Answer]]) -> Answer:
        """The answer that somebody has, or what `work` gives."""
        key = request_key(request.content(self.model.id))
        known = await self._segment.claim(key, request.sampling.max_tokens)
        if known is not None:
            return known
        try:
            return await work(request)
        except BaseException:
            self._segment.give_up(key)
            raise

    async def close(self) -> None:
        """Ends the engine."""
        await self._engine.close()

    async def _ask(self, request: Request) -> Answer:
        await self._start_once()
        async with self._engine.in_flight:
            return await self._engine.ask(request)

    async def _start_once(self) -> None:
        if self._started is None:
            self._started = asyncio.create_task(self._time_start())
        await asyncio.shield(self._started)

    async def _time_start(self) -> None:
        before = time.monotonic()
        await self._engine.start()
        self._segment.engine_start_seconds = round(time.monotonic() - before, 3)


class SharedSandbox:
    """A sandbox that runs only what nobody has run and nobody is running, on whatever actor."""

    def __init__(self, engine: SharedEngine) -> None:
        self._engine = engine
        self._sandbox = Sandbox()

    async def run(self, request: Request) -> Answer:
        """The result that somebody has, or this actor's."""
        return await self._engine.claimed(request, self._sandbox.run)


class SharedQuarantine:
    """The driver's quarantine, as it was when the actor began, and what this actor adds to it."""

    def __init__(self, keys: frozenset[str], segment: Segment) -> None:
        self._keys = set(keys)
        self._segment = segment

    def holds(self, request: Request, model_id: str) -> bool:
        """Whether the request stands in it."""
        return bool(self._keys) and request_key(request.content(model_id)).hex() in self._keys

    def add(self, request: Request, model_id: str, engine: str) -> None:
        """Puts the request into it; the driver hears of it before the shard is finished."""
        self._keys.add(request_key(request.content(model_id)).hex())
        self._segment.convict(Convicted(request, model_id, engine))
