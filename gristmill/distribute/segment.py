"""An actor's part of the journal: what it is answered stands here until the driver has recorded it.

The driver fetches it by `exchange`, a call that waits until there is something to tell: at once when a key is wanted,
after `_GROUP_SECONDS` or `_GROUP_ROWS` answers otherwise. Being called again is the driver's word that it has recorded
what it fetched the last time. So a lost actor loses what was in flight, and a shard that is finished is recorded.
"""

import asyncio
import time
from collections.abc import Sequence

from gristmill.distribute.parcels import Convicted, Entry, Parcel, Reply, Want
from gristmill.recipes.request import Answer

_GROUP_ROWS = 256
_GROUP_SECONDS = 0.25
_SILENCE_SECONDS = 20.0
"""A call with nothing to tell comes back after so long."""


class Segment:
    """To the asker a journal; to the engine the place where claims are made; to the driver a box of letters."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._wants: list[Want] = []
        self._given_up: list[bytes] = []
        self._convicted: list[Convicted] = []
        self._rows = 0
        self._tokens = 0
        self._asked: dict[bytes, asyncio.Future[Answer | None]] = {}
        self._told: set[bytes] = set()
        self._appended = self._fetched = self._recorded = 0
        self._news = asyncio.Event()
        self._urgent = asyncio.Event()
        self._acknowledged = asyncio.Condition()
        self.engine_start_seconds = 0.0

    def get(self, _key: bytes) -> Answer | None:
        """None: what has been answered is known to the driver, who is asked by `claim`."""
        return None

    def append(self, key: bytes, content: bytes, answer: Answer, recipe: str = "") -> None:
        """Takes an answer; not one that came from the driver."""
        if key in self._told:
            self._told.discard(key)
            return
        self._entries.append(Entry(key, content, answer, recipe, time.time()))
        self._appended += 1
        self._tell(urgent=len(self._entries) >= _GROUP_ROWS)

    async def claim(self, key: bytes, max_tokens: int) -> Answer | None:
        """The answer that somebody has, or None: it is ours to ask, and ours to `append` or `give_up`."""
        self._wants.append(Want(key, max_tokens))
        self._asked[key] = asyncio.get_running_loop().create_future()
        self._tell(urgent=True)
        try:
            answer = await self._asked[key]
        finally:
            del self._asked[key]
        if answer is not None:
            self._told.add(key)
        return answer

    def give_up(self, key: bytes) -> None:
        """What was ours to ask could not be answered."""
        self._given_up.append(key)
        self._tell(urgent=True)

    def convict(self, convicted: Convicted) -> None:
        """Takes a request that is not to be asked again."""
        self._convicted.append(convicted)
        self._appended += 1
        self._tell(urgent=True)

    def finished(self, tokens: int) -> None:
        """Counts a finished row."""
        self._rows += 1
        self._tokens += tokens
        self._tell(urgent=False)

    async def recorded(self) -> None:
        """Returns when the driver has recorded all that was appended before."""
        goal = self._appended
        if self._recorded >= goal:
            return
        self._urgent.set()
        async with self._acknowledged:
            await self._acknowledged.wait_for(lambda: self._recorded >= goal)

    async def exchange(self, replies: Sequence[Reply]) -> Parcel:
        """Takes replies, and gives what there is to tell."""
        self._recorded = self._fetched
        async with self._acknowledged:
            self._acknowledged.notify_all()
        self.deliver(replies)
        await _wait(self._news, _SILENCE_SECONDS)
        if self._news.is_set():
            await _wait(self._urgent, _GROUP_SECONDS)
        return self._fetch()

    def deliver(self, replies: Sequence[Reply]) -> None:
        """Hands replies to those who wait for them."""
        for reply in replies:
            future = self._asked.get(reply.key)
            if future is not None and not future.done():
                future.set_result(reply.answer)

    def _tell(self, *, urgent: bool) -> None:
        self._news.set()
        if urgent:
            self._urgent.set()

    def _fetch(self) -> Parcel:
        parcel = Parcel(
            tuple(self._entries),
            tuple(self._wants),
            tuple(self._given_up),
            tuple(self._convicted),
            self._rows,
            self._tokens,
            self.engine_start_seconds,
        )
        self._entries, self._wants, self._given_up, self._convicted = [], [], [], []
        self._rows = self._tokens = 0
        self._fetched = self._appended
        self._news.clear()
        self._urgent.clear()
        return parcel


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
