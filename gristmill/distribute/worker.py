"""An actor's inside: the sample programs with an engine loop of their own, over the shards that it is handed.

It knows nothing of Ray, which calls its methods in one event loop. Programs, asker, engine and loop are those of a
single process; only the journal is a `Segment`, and the engine first asks the driver whether an answer is there, or
under way on another actor. The engine starts when the first request is really asked.
"""

import asyncio
import math
import os
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from gristmill.distribute.cores import take_cores
from gristmill.distribute.guard import Guard
from gristmill.distribute.parcels import Fault, Job, Parcel, Reply, Shard, code_identity, fault_of
from gristmill.distribute.segment import Segment
from gristmill.distribute.shared import SharedEngine, SharedQuarantine, SharedSandbox
from gristmill.distribute.work import Walk
from gristmill.engine.asker import Asker
from gristmill.engine.build import build_engine
from gristmill.engine.drive import drive
from gristmill.engine.in_flight import SAMPLE
from gristmill.errors import InputError
from gristmill.params.generate import EngineKind
from gristmill.recipes.outcome import Outcome

T = TypeVar("T")


@dataclass(frozen=True)
class Hello:
    """An actor is there."""

    node: str
    pid: int


class Worker(Generic[T]):
    """One actor."""

    def __init__(self, job: Job[T]) -> None:
        self._job = job
        self._segment = Segment()
        self._held: list[Any] = []
        self._turn = asyncio.Lock()
        self._walk: Walk[T] | None = None
        self._engine: SharedEngine | None = None
        self._width = 1
        self._ask: Asker | None = None

    async def hello(self) -> Hello | Fault:
        """Makes it ready for shards, or says why it cannot be."""
        try:
            self._prepare()
        except Exception as error:  # noqa: BLE001 - the driver tells it, whatever it is
            return fault_of(error)
        return Hello(platform.node(), os.getpid())

    async def run(self, shard: Shard[T]) -> list[Outcome] | Fault:
        """The rows' outcomes, in order, once every answer in them is recorded by the driver.

        A second shard may be handed over beside the first: its rows follow when the first has no more to begin with,
        so that the engine's batch does not drain between shards.
        """
        assert self._walk is not None and self._ask is not None, "hello comes first"  # noqa: PT018
        walk, ask, width = self._walk, self._ask.named(self._job.recipe), self._width
        outcomes: list[Outcome] = []

        async def finish(numbered: tuple[int, T]) -> Outcome:
            number, row = numbered
            SAMPLE.set(number)  # over both shards, those that began earlier come first
            outcome = await walk(row, ask)
            self._segment.finished(outcome.completion_tokens)
            return outcome

        await self._turn.acquire()
        rows = _Handed(enumerate(shard.rows, shard.first), self._turn)
        try:
            await drive(rows, finish, lambda _, outcome: outcomes.append(outcome), width)
        except Exception as error:  # noqa: BLE001 - the driver tells it, whatever it is
            return fault_of(error)
        finally:
            rows.close()
        await self._segment.recorded()
        return outcomes

    async def exchange(self, replies: Sequence[Reply]) -> Parcel:
        """See `Segment.exchange`."""
        return await self._segment.exchange(replies)

    async def deliver(self, replies: Sequence[Reply]) -> None:
        """See `Segment.deliver`."""
        self._segment.deliver(replies)

    async def close(self) -> None:
        """Ends the engine."""
        if self._engine is not None:
            await self._engine.close()

    def _prepare(self) -> None:
        job = self._job
        if code_identity() != job.code:
            raise InputError(
                "the code of Gristmill is another one than the driver's",
                where=f"Ray's node {platform.node()}: {Path(__file__).parent.parent}",
                do="install the same version there: data are a function of the code",
            )
        with tempfile.TemporaryDirectory(prefix="gristmill-recipes-") as folder:
            _unpack(Path(folder), job.recipes)
            self._walk = job.compile(Path(folder), *job.arguments)
        engine = build_engine(job.engine, job.model, job.root, SharedQuarantine(job.quarantined, self._segment))
        if engine.model != job.identity:
            raise InputError(
                f"the model is {engine.model.id} here",
                where=f"Ray's node {platform.node()}",
                expected=f"{job.identity.id}, as the driver has it",
                do="put the same files there, under the same path",
            )
        self._held = [Guard(), *self._cores()]
        self._width = engine.in_flight.ceiling
        self._engine = SharedEngine(engine, self._segment)
        self._ask = Asker(self._segment, self._engine, sandbox=SharedSandbox(self._engine))

    def _cores(self) -> list[Any]:
        """Own cores, where the engine computes on them."""
        on_cpu = self._job.engine.kind is EngineKind.VLLM and not os.environ.get("CUDA_VISIBLE_DEVICES")
        return list(take_cores(math.ceil(self._job.cpus))) if on_cpu and self._job.cpus else []


class _Handed(Generic[T]):
    """A shard's rows; with the last one taken, the turn passes to the next shard."""

    def __init__(self, rows: Iterable[T], turn: asyncio.Lock) -> None:
        self._rows = rows
        self._turn: asyncio.Lock | None = turn

    def __iter__(self) -> Iterator[T]:
        yield from self._rows
        self.close()

    def close(self) -> None:
        """Passes the turn on, if that has not happened."""
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.release()


def _unpack(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
