"""One actor as the driver sees it: a place, and the shards that it has at hand."""

import asyncio
import re
from typing import Any, Generic, TypeVar

from gristmill.distribute.board import Board, Errand
from gristmill.distribute.parcels import Fault, UnforeseenError
from gristmill.errors import GristmillError

T = TypeVar("T")

_SHARDS_AT_HAND = 2
_DEATHS = 3
"""Actors that may die over one shard."""


class ActorLost(Exception):
    """The actor is gone; the text says how."""


class Lane(Generic[T]):
    """Hands shards to its actor, two at a time; a suspect alone."""

    def __init__(self, number: int, actor: Any, place: str, board: Board[T]) -> None:
        self.number = number
        self.actor = actor
        self.place = place
        self._board = board
        self._at_hand: dict[asyncio.Task[Any], Errand[T]] = {}

    async def hand_out(self) -> None:
        """Keeps the actor busy. Ends by ActorLost, by the error that an actor reports, or by being cancelled."""
        take: asyncio.Task[Errand[T]] | None = None
        try:
            while True:
                if take is None and self._has_room():
                    take = asyncio.create_task(self._board.take(lambda: not self._at_hand))
                await asyncio.wait([*self._at_hand, *([take] if take else [])], return_when=asyncio.FIRST_COMPLETED)
                if take is not None and take.done():
                    errand, take = take.result(), None
                    task = asyncio.create_task(answer(self.actor.run.remote(errand.shard)))
                    task.add_done_callback(_has_result)  # looked at also when the crew is dismissed before
                    self._at_hand[task] = errand
                if self._settle_finished():
                    await self._board.changed()
        finally:
            if take is not None and not take.cancel():
                await self._board.put(take.result())

    async def abandon(self, loss: ActorLost) -> None:
        """The actor is gone: its shards go back. Raises GristmillError for one that has seen too many actors die."""
        for task in [task for task in self._at_hand if _has_result(task)]:
            self._settle(task)
        errands = list(self._at_hand.values())
        for task in self._at_hand:
            task.cancel()
        await asyncio.gather(*self._at_hand, return_exceptions=True)
        self._at_hand = {}
        for errand in errands:
            errand.deaths.append(f"on {self.place}: {loss}")
            if len(errand.deaths) >= _DEATHS:
                raise _deadly(errand)
            await self._board.put(errand)

    def _has_room(self) -> bool:
        return len(self._at_hand) < _SHARDS_AT_HAND and not any(errand.deaths for errand in self._at_hand.values())

    def _settle_finished(self) -> bool:
        finished = [task for task in self._at_hand if task.done()]
        for task in finished:
            self._settle(task)
        return bool(finished)

    def _settle(self, task: "asyncio.Task[Any]") -> None:
        result = task.result()  # ActorLost leaves it at hand
        errand = self._at_hand.pop(task)
        if isinstance(result, Fault):
            raise result.error(self.place)
        if not errand.done.done():
            errand.done.set_result(result)


async def answer(reference: Any) -> Any:
    """What the actor's method gave. Raises ActorLost when the actor, or its node, is gone."""
    from ray.exceptions import ObjectLostError, RayActorError, RayTaskError

    try:
        return await reference
    except (RayActorError, ObjectLostError) as error:
        raise ActorLost(_how(error)) from None
    except RayTaskError as error:
        told = str(error).strip()
        raise UnforeseenError(f"in an actor: {told.splitlines()[-1]}", told) from None


def _has_result(task: "asyncio.Task[Any]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _how(error: Exception) -> str:
    """The end of an actor in a line: what Ray's page of text says about it."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    detail = re.search(r"[Ee]xit detail: (.+?)\. ", text)
    if detail:
        return detail[1]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _deadly(errand: Errand[Any]) -> GristmillError:
    deaths = "; ".join(errand.deaths)
    return GristmillError(
        f"{len(errand.deaths)} actors died over the same shard: {errand.shard}",
        where="engine.distribute",
        expected=f"an actor that lives to its end ({deaths})",
        do="where memory is short, lower engine.max_in_flight or engine.kv_cache_gib; else look at those samples and at"
        " the actors' logs. What was answered is kept in the journal",
    )
