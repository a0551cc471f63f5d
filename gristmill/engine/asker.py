"""From a request to its answer: the journal first, then the engine, which starts only when it is really needed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from gristmill.engine.account import BusyClock, Cost
from gristmill.engine.budget import Budget
from gristmill.engine.lookup import JournalReader
from gristmill.engine.protocol import Engine
from gristmill.engine.sandbox import Runner, Sandbox
from gristmill.params.journal import CostParams
from gristmill.recipes.request import Answer, Answered, Finish, NotAnswered, Request, request_key


class Known(Protocol):
    """Where recorded answers are looked up."""

    def get(self, key: bytes) -> Answer | None:
        """The answer recorded under the key."""


class Record(Known, Protocol):
    """Where answers are recorded: the journal, or the part of it that an actor keeps."""

    def append(self, key: bytes, content: bytes, answer: Answer, recipe: str = "") -> None:
        """Records an answer that the recipe asked for."""


@dataclass
class Counts:
    """What one run did, as against what its answers are worth. Volatile: a second run finds more in the journal."""

    from_journal: int = 0
    paid: Cost = field(default_factory=Cost)
    """What this run asked."""
    engine_start_seconds: float = 0.0

    @property
    def asked(self) -> int:
        """Requests that reached the engine and were answered."""
        return self.paid.requests


class Asker:
    """Answers requests for a run. Of two equal requests under way at once only one reaches the engine."""

    def __init__(
        self, journal: Record, engine: Engine, budget: Budget | None = None, sandbox: Runner | None = None
    ) -> None:
        self._journal = journal
        self._engine = engine
        self._sandbox = sandbox or Sandbox()
        self._budget = budget if budget is not None and budget.bounded else None
        self._model = engine.model.id
        self._under_way: dict[bytes, asyncio.Future[Answer]] = {}
        self._started: asyncio.Task[None] | None = None
        self._ready = False
        self._clock = BusyClock()
        self._named: dict[str, Callable[[Request], Awaitable[Answered]]] = {}
        self.counts = Counts()
        self._began = time.monotonic()

    def figures(self, prices: CostParams) -> dict[str, Any]:
        """The run's own figures, for metrics: what it asked and paid, what it found answered, how busy the engine was.

        A GPU is paid for from the engine's start, whether it has work or not.
        """
        counts = self.counts
        seconds = time.monotonic() - self._began - counts.engine_start_seconds
        held = (seconds + counts.engine_start_seconds) * self._engine.gpus if self._ready else 0.0
        paid = replace(counts.paid, gpu_seconds=held)
        return {
            "requests_asked": counts.asked,
            "requests_from_journal": counts.from_journal,
            "engine_start_seconds": counts.engine_start_seconds,
            "asking_seconds": round(seconds, 3),
            "tokens_per_s": round(paid.completion_tokens / max(seconds, 1e-9), 1),
            "engine_busy_share": round(self._clock.busy_seconds / max(seconds, 1e-9), 4),
            "prefix_cache_hit_share": round(paid.cached_tokens / max(paid.prompt_tokens, 1), 4),
            "paid_by_this_run": paid.figures(prices),
        }

    def named(self, recipe: str) -> Callable[[Request], Awaitable[Answered]]:
        """Asks for that recipe: the journal keeps who asked first."""
        if recipe not in self._named:
            self._named[recipe] = partial(self._answer, recipe)
        return self._named[recipe]

    async def __call__(self, request: Request) -> Answered:
        """Asks for nobody in particular."""
        return await self._answer("", request)

    async def _answer(self, recipe: str, request: Request) -> Answered:
        """The recorded answer, or the engine's, recorded before it is given.

        Raises what the engine raises, and BudgetExhausted before anything is sent that has no room.
        """
        content = request.content(self._model)
        key = request_key(content)
        known = recorded(self._journal, key, request, self._engine.context)
        if known is not None:
            self.counts.from_journal += 1
            return Answered(key.hex(), known)
        twin = self._under_way.get(key)
        if twin is not None:
            return Answered(key.hex(), await asyncio.shield(twin))
        future = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await (self._send(request) if self._budget is None else self._send_within(self._budget, request))
            self._journal.append(key, content, answer, recipe)
        except BaseException as error:
            _settle(future, error)
            raise
        finally:
            del self._under_way[key]
        self.counts.paid.add(answer)
        future.set_result(answer)
        return Answered(key.hex(), answer)

    async def _send_within(self, budget: Budget, request: Request) -> Answer:
        reserved = await budget.reserve(request)
        answer = None
        try:
            answer = await self._send(request)
        finally:
            budget.settle(reserved, answer)
        return answer

    async def _send(self, request: Request) -> Answer:
        """The engine's answer, with its share of the engine's time. Programs need no engine."""
        if request.code is not None:
            return await self._sandbox.run(request)
        if not self._ready:
            await self._start()
        async with self._engine.in_flight:
            mark = self._clock.enter()
            try:
                answer = await self._engine.ask(request)
            finally:
                seconds = self._clock.leave(mark)
        if answer.engine_seconds:
            return answer  # somebody else asked: it brings its own
        return replace(answer, engine_seconds=seconds, gpu_seconds=seconds * self._engine.gpus)

    async def _start(self) -> None:
        """Starts the engine once, whoever asks first; all others wait for it."""
        if self._started is None:
            self._started = asyncio.create_task(self._time_start())
        await asyncio.shield(self._started)
        self._ready = True

    async def _time_start(self) -> None:
        before = time.monotonic()
        await self._engine.start()
        self.counts.engine_start_seconds = round(time.monotonic() - before, 3)


class LookUp:
    """Answers from the journal alone: for counting what is open, or for telling how a row came to be."""

    def __init__(self, journal: JournalReader, model_id: str, context: int | None) -> None:
        self._journal = journal
        self._model = model_id
        self._context = context

    async def __call__(self, request: Request) -> Answered:
        """The recorded answer. Raises NotAnswered when there is none."""
        key = request_key(request.content(self._model))
        known = recorded(self._journal, key, request, self._context)
        if known is None:
            raise NotAnswered(request)
        return Answered(key.hex(), known)


def recorded(journal: Known, key: bytes, request: Request, context: int | None) -> Answer | None:
    """The journal's answer, if it still holds."""
    answer = journal.get(key)
    return answer if answer is not None and holds(answer, request.sampling.max_tokens, context) else None


def holds(answer: Answer, max_tokens: int, context: int | None) -> bool:
    """Whether a recorded answer is one still: a prompt that was too long may fit a larger context by now."""
    fits = context is None or answer.prompt_tokens + max_tokens <= context
    return answer.finish_reason != Finish.PROMPT_TOO_LONG or not fits


def _settle(future: asyncio.Future[Answer], error: BaseException) -> None:
    """Hands the fault to those who wait for the same answer; nobody waiting is no fault of its own."""
    if isinstance(error, Exception):
        future.set_exception(error)
        future.exception()
    else:
        future.cancel()
