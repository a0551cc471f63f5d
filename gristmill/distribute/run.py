"""A stage's rows on many engines: `run_samples` of a single process, with actors between plan and output.

The driver walks through each shard with the journal alone; what is answered throughout is done, and where all is, no
Ray is started. The rest goes to the actors. Outcomes are emitted in the order of the plan, so the data are those of
one process.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Generic, TypeVar

from gristmill.distribute.claims import Desk
from gristmill.distribute.cluster import Cluster
from gristmill.distribute.crew import Crew
from gristmill.distribute.parcels import Job, Shard, code_identity, folder_content, shards
from gristmill.distribute.work import Work
from gristmill.engine.asker import LookUp
from gristmill.engine.drive import drive
from gristmill.engine.journal import Journal
from gristmill.engine.protocol import Engine
from gristmill.engine.quarantine import Quarantine
from gristmill.params.distribute import DistributeParams
from gristmill.params.journal import CostParams
from gristmill.recipes.outcome import Outcome
from gristmill.recipes.request import NotAnswered

T = TypeVar("T")


def run_distributed(
    rows: Iterable[T],
    work: Work[T],
    params: DistributeParams,
    emit: Callable[[T, Outcome], None],
    advance: Callable[[int, int], None],
    *,
    journal: Journal,
    engine: Engine,
    prices: CostParams,
) -> dict[str, Any]:
    """Walks all rows and gives the run's figures; `advance` hears of finished rows and their output tokens.

    `engine` is never started here: it tells who answers. Raises what `run_samples` raises, and GristmillError when Ray
    or its actors cannot do their part; what was answered stays in the journal.
    """
    return asyncio.run(_Driver(work, params, journal, engine, advance).run(rows, emit, prices))


class _Driver(Generic[T]):
    """The stage's own process."""

    def __init__(
        self,
        work: Work[T],
        params: DistributeParams,
        journal: Journal,
        engine: Engine,
        advance: Callable[[int, int], None],
    ) -> None:
        self._params = params
        self._advance = advance
        self._walk = work.compile(work.layout.recipes, *work.arguments)
        self._look = LookUp(journal, engine.model.id, engine.context)
        quarantine = Quarantine(work.layout.journal)
        self._desk = Desk(journal, quarantine, engine.context)
        self._crew: Crew[T] = Crew(_job(work, params, engine, quarantine.keys()), params, self._desk, advance)
        self._cluster = Cluster(params, work.layout.state / "logs" / "ray")
        self._assembled_at: float | None = None
        self._from_journal = 0
        self._began = time.monotonic()

    async def run(self, rows: Iterable[T], emit: Callable[[T, Outcome], None], prices: CostParams) -> dict[str, Any]:
        """Walks all rows."""

        def emit_all(shard: Shard[T], outcomes: list[Outcome]) -> None:
            for row, outcome in zip(shard.rows, outcomes, strict=True):
                emit(row, outcome)

        finished = False
        try:
            await drive(shards(iter(rows), self._params.shard_seeds), self._settle, emit_all, 2 * self._params.actors)
            finished = True
            return self._figures(prices)
        finally:
            await self._disband(finished)

    async def _settle(self, shard: Shard[T]) -> list[Outcome]:
        """The shard's outcomes, in order: from the journal where it has all answers, else from an actor."""
        known = [await self._recall(row) for row in shard.rows]
        missing = [place for place, outcome in enumerate(known) if outcome is None]
        if missing:
            self._assemble()
            fresh = await self._crew.carry_out(shard.only(missing))
            known = _filled(known, fresh)
        return [outcome for outcome in known if outcome is not None]

    async def _recall(self, row: T) -> Outcome | None:
        try:
            outcome = await self._walk(row, self._look)
        except NotAnswered:
            return None
        self._from_journal += len(outcome.trials)
        self._advance(1, outcome.completion_tokens)
        return outcome

    def _assemble(self) -> None:
        if self._assembled_at is None:
            self._assembled_at = time.monotonic()
            self._cluster.start()
            self._crew.assemble()

    async def _disband(self, finished: bool) -> None:
        if self._assembled_at is None:
            return
        try:
            await self._crew.dismiss(gently=finished)
        finally:
            if not finished:
                self._cluster.keep_logs()
            self._cluster.stop()

    def _figures(self, prices: CostParams) -> dict[str, Any]:
        """As `Asker.figures`, over all actors. Their GPUs are paid for from the first shard on."""
        now, starting, actors = time.monotonic(), self._crew.engine_start_seconds, self._params.actors
        seconds = max(now - self._began - starting, 1e-9)
        held = now - self._assembled_at if self._assembled_at is not None else 0.0
        paid = replace(self._desk.paid, gpu_seconds=held * self._params.gpus_per_actor * actors)
        return {
            "requests_asked": paid.requests,
            "requests_from_journal": self._from_journal + self._desk.from_journal,
            "engine_start_seconds": starting,
            "asking_seconds": round(seconds, 3),
            "tokens_per_s": round(paid.completion_tokens / seconds, 1),
            "engine_busy_share": round(paid.engine_seconds / (seconds * actors), 4),
            "prefix_cache_hit_share": round(paid.cached_tokens / max(paid.prompt_tokens, 1), 4),
            "paid_by_this_run": paid.figures(prices),
            "actors": actors,
            "actors_lost": self._crew.lost,
        }


def _job(work: Work[T], params: DistributeParams, engine: Engine, quarantined: frozenset[str]) -> Job[T]:
    return Job(
        recipe=work.recipe,
        compile=work.compile,
        arguments=work.arguments,
        recipes=folder_content(work.layout.recipes),
        engine=work.engine,
        model=work.model,
        root=work.layout.root,
        identity=engine.model,
        code=code_identity(),
        quarantined=quarantined,
        cpus=params.cpus_per_actor,
    )


def _filled(known: list[Outcome | None], fresh: list[Outcome]) -> list[Outcome | None]:
    """The gaps in `known` filled in order."""
    rest = iter(fresh)
    return [next(rest) if outcome is None else outcome for outcome in known]
