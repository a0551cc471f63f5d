"""The actors: hired, kept in correspondence, replaced when they are lost.

Each has a place in the crew, with a lane that hands it shards. An actor that is lost, alone or with its node, is
replaced and its shards are handed out again; what it had told by then stays. An actor that cannot be started, or a
shard that actors do not survive, ends the run.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from gristmill.distribute.board import Board, Errand
from gristmill.distribute.claims import Desk, Letter
from gristmill.distribute.lane import ActorLost, Lane, answer
from gristmill.distribute.parcels import Fault, Job, Reply, Shard
from gristmill.distribute.worker import Worker
from gristmill.errors import GristmillError
from gristmill.params.distribute import DistributeParams
from gristmill.recipes.outcome import Outcome

T = TypeVar("T")

_FAILED_STARTS = 3
"""Times in a row that an actor may die before it is ready."""
_HIRE_SECONDS = 300.0
"""How long a cluster may take to find room for the first actor."""
_CLOSE_SECONDS = 15.0
_FAREWELL_SECONDS = 5.0

log = logging.getLogger(__name__)


class Crew(Generic[T]):
    """Carries shards out; Ray is there by then."""

    def __init__(self, job: Job[T], params: DistributeParams, desk: Desk, advance: Callable[[int, int], None]) -> None:
        self._job = job
        self._params = params
        self._desk = desk
        self._advance = advance
        self._board: Board[T] = Board()
        self._open: set[asyncio.Future[list[Outcome]]] = set()
        self._lanes: dict[int, Lane[T]] = {}
        self._places: list[asyncio.Task[None]] = []
        self._fault: BaseException | None = None
        self._dismissed = False
        self.lost = 0
        self.engine_start_seconds = 0.0

    def assemble(self) -> None:
        """Fills every place."""
        for number in range(self._params.actors):
            place = asyncio.create_task(self._fill(number))
            place.add_done_callback(self._end_all)
            self._places.append(place)

    async def carry_out(self, shard: Shard[T]) -> list[Outcome]:
        """The outcomes of the shard's rows, in order. Raises what ended the run."""
        if self._fault is not None:
            raise self._fault
        errand = Errand(shard, asyncio.get_running_loop().create_future())
        self._open.add(errand.done)
        try:
            await self._board.put(errand)
            return await errand.done
        finally:
            self._open.discard(errand.done)

    async def dismiss(self, *, gently: bool) -> None:
        """Ends every actor; gently lets their engines end by themselves. Returns when nobody waits for one any more."""
        self._dismissed = True
        actors = [lane.actor for lane in self._lanes.values()]
        if gently and actors:
            closing = [asyncio.create_task(answer(actor.close.remote())) for actor in actors]
            await asyncio.wait(closing, timeout=_CLOSE_SECONDS)
            await _cancelled(closing)
        for actor in actors:
            _kill(actor)
        employed = [self._places[number] for number in self._lanes]
        if employed:
            await asyncio.wait(employed, timeout=_FAREWELL_SECONDS)  # what they wait for fails now
        await _cancelled(self._places)

    def _end_all(self, place: "asyncio.Task[None]") -> None:
        """A place ends only by a fault, which then is everybody's."""
        if place.cancelled():
            return
        self._fault = place.exception()
        for done in self._open:
            if self._fault is not None and not done.done():
                done.set_exception(self._fault)

    async def _fill(self, number: int) -> None:
        failures = 0
        while True:
            try:
                lane = self._lanes[number] = await self._hire(number)
            except ActorLost as loss:
                failures += 1
                if failures >= _FAILED_STARTS:
                    raise _cannot_start(loss) from None
                continue
            failures = 0
            try:
                await self._employ(lane)
            except ActorLost as loss:
                if self._dismissed:
                    return
                log.warning("lost an actor on %s (%s): its shards are handed out again", lane.place, loss)
                await self._replace(lane, loss)
            finally:
                self._lanes.pop(number, None)

    async def _replace(self, lane: Lane[T], loss: ActorLost) -> None:
        self.lost += 1
        _kill(lane.actor)  # one that cannot be reached may live on: then it has to end
        del self._lanes[lane.number]
        self._post(self._desk.forget(lane.number))
        await lane.abandon(loss)

    async def _hire(self, number: int) -> Lane[T]:
        """A new actor, ready for shards. Raises GristmillError when it cannot be, ActorLost when it died."""
        actor = _actor(self._params, self._job)
        greeting = asyncio.create_task(answer(actor.hello.remote()))
        try:
            while not (await asyncio.wait([greeting], timeout=_HIRE_SECONDS))[0]:
                if not self._lanes:
                    raise _no_room(self._params)
            hello = greeting.result()
            if isinstance(hello, Fault):
                raise hello.error("its node")
        except BaseException:
            greeting.cancel()
            _kill(actor)
            raise
        return Lane(number, actor, f"{hello.node}, process {hello.pid}", self._board)

    async def _employ(self, lane: Lane[T]) -> None:
        """Keeps the actor busy, and its answers coming. Ends by ActorLost, by a fault, or by being cancelled."""
        tasks = [asyncio.create_task(self._correspond(lane)), asyncio.create_task(lane.hand_out())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await _cancelled(tasks)

    async def _correspond(self, lane: Lane[T]) -> None:
        replies: list[Reply] = []
        while True:
            parcel = await answer(lane.actor.exchange.remote(replies))
            letters = self._desk.receive(lane.number, parcel)
            replies = [reply for receiver, reply in letters if receiver == lane.number]
            self._post([letter for letter in letters if letter[0] != lane.number])
            self._advance(parcel.rows, parcel.tokens)
            self.engine_start_seconds = max(self.engine_start_seconds, parcel.engine_start_seconds)

    def _post(self, letters: list[Letter]) -> None:
        """Sends replies to actors that waited for somebody else's answer."""
        for receiver in dict.fromkeys(receiver for receiver, _ in letters):
            if receiver in self._lanes:
                replies = [reply for to, reply in letters if to == receiver]
                self._lanes[receiver].actor.deliver.remote(replies)


async def _cancelled(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _actor(params: DistributeParams, job: Job[T]) -> Any:
    import ray

    return (
        ray.remote(Worker)
        .options(
            num_cpus=params.cpus_per_actor,
            num_gpus=params.gpus_per_actor,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )
        .remote(job)
    )


def _kill(actor: Any) -> None:
    import ray

    with contextlib.suppress(ValueError, RuntimeError, ray.exceptions.RayError):  # gone, or Ray is
        ray.kill(actor)


def _cannot_start(loss: ActorLost) -> GristmillError:
    return GristmillError(
        f"an actor could not be started {_FAILED_STARTS} times in a row: {loss}",
        where="engine.distribute",
        expected="a node with this version of Gristmill installed, and with the memory for an engine",
        do="see docs/operations.md, `Several engines`, for what each node needs",
    )


def _no_room(params: DistributeParams) -> GristmillError:
    return GristmillError(
        f"the cluster found no room for an actor within {_HIRE_SECONDS:.0f} s",
        where="engine.distribute",
        expected=f"{params.cpus_per_actor:g} CPUs and {params.gpus_per_actor:g} GPUs free on one node",
        do="wait until others are done there, or lower cpus_per_actor or gpus_per_actor",
    )
