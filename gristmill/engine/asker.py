"""From a request to its answer: the journal first, then the engine, which starts only when it is really needed."""

import asyncio
import time
from dataclasses import dataclass
from typing import Protocol

from gristmill.engine.lookup import JournalReader
from gristmill.engine.protocol import Engine
from gristmill.recipes.request import Answer, Answered, Finish, NotAnswered, Request, request_key


class Known(Protocol):
    """Where recorded answers are looked up."""

    def get(self, key: bytes) -> Answer | None:
        """The answer recorded under the key."""


class Record(Known, Protocol):
    """Where answers are recorded: the journal, or the part of it that an actor keeps."""

    def append(self, key: bytes, content: bytes, answer: Answer) -> None:
        """Records an answer."""


@dataclass
class Counts:
    """What one run did, as against what its answers are worth. Volatile: a second run finds more in the journal."""

    from_journal: int = 0
    asked: int = 0
    asked_completion_tokens: int = 0
    engine_start_seconds: float = 0.0


class Asker:
    """Answers requests for a run. Of two equal requests under way at once only one reaches the engine."""

    def __init__(self, journal: Record, engine: Engine) -> None:
        self._journal = journal
        self._engine = engine
        self._model = engine.model.id
        self._under_way: dict[bytes, asyncio.Future[Answer]] = {}
        self._started: asyncio.Task[None] | None = None
        self._ready = False
        self.counts = Counts()
        self._began = time.monotonic()

    def figures(self) -> dict[str, float]:
        """The run's own figures, for metrics: what it asked, what it found answered, and how fast the engine was."""
        seconds = time.monotonic() - self._began - self.counts.engine_start_seconds
        return {
            "requests_asked": self.counts.asked,
            "requests_from_journal": self.counts.from_journal,
            "engine_start_seconds": self.counts.engine_start_seconds,
            "asking_seconds": round(seconds, 3),
            "tokens_per_s": round(self.counts.asked_completion_tokens / max(seconds, 1e-9), 1),
        }

    async def __call__(self, request: Request) -> Answered:
        """The recorded answer, or the engine's, recorded before it is given. Raises what the engine raises."""
        content = request.content(self._model)
        key = request_key(content)
        known = recorded(self._journal, key, request, self._engine.context)
        if known is not None:
            self.counts.from_journal += 1
            return Answered(key.hex(), known)
        twin = self._under_way.get(key)
        if twin is not None:
            return Answered(key.hex(), await asyncio.shield(twin))
        return Answered(key.hex(), await self._ask(key, content, request))

    async def _ask(self, key: bytes, content: bytes, request: Request) -> Answer:
        future = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            if not self._ready:
                await self._start()
            async with self._engine.in_flight:
                answer = await self._engine.ask(request)
            self._journal.append(key, content, answer)
        except BaseException as error:
            _settle(future, error)
            raise
        finally:
            del self._under_way[key]
        self.counts.asked += 1
        self.counts.asked_completion_tokens += answer.completion_tokens
        future.set_result(answer)
        return answer

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
