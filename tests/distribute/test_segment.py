"""An actor's part of the journal: nothing counts as recorded before the driver says so."""

import asyncio

from gristmill.distribute.board import Board, Errand
from gristmill.distribute.parcels import Reply, Shard
from gristmill.distribute.segment import Segment
from gristmill.recipes.request import Answer

KEY = b"k" * 16
ANSWER = Answer("yes")


async def test_claim_waits_for_the_reply() -> None:
    segment = Segment()
    claim = asyncio.create_task(segment.claim(KEY, 10))
    parcel = await segment.exchange([])
    assert [want.key for want in parcel.wants] == [KEY]
    assert not claim.done()
    segment.deliver([Reply(KEY, ANSWER)])
    assert await claim == ANSWER


async def test_answer_is_recorded_when_the_driver_comes_again() -> None:
    segment = Segment()
    segment.append(KEY, b"[]", ANSWER)
    recorded = asyncio.create_task(segment.recorded())
    parcel = await segment.exchange([])
    assert [entry.key for entry in parcel.entries] == [KEY]
    assert not recorded.done()
    segment.finished(7)
    again = await segment.exchange([])
    assert recorded.done()
    assert (again.entries, again.rows, again.tokens) == ((), 1, 7)


async def test_answer_that_came_from_the_driver_is_not_sent_back() -> None:
    segment = Segment()
    claim = asyncio.create_task(segment.claim(KEY, 10))
    await segment.exchange([])
    segment.deliver([Reply(KEY, ANSWER)])
    await claim
    segment.append(KEY, b"[]", ANSWER)
    segment.finished(0)
    assert (await segment.exchange([])).entries == ()


async def test_suspect_goes_to_who_has_no_other_shard_and_before_all() -> None:
    board: Board[int] = Board()
    fresh, suspect = (Errand(Shard(i, i, (i,)), asyncio.get_running_loop().create_future()) for i in (1, 2))
    suspect.deaths.append("on a node")
    await board.put(fresh)
    await board.put(suspect)
    busy = asyncio.create_task(board.take(lambda: False))
    assert await board.take(lambda: True) is suspect
    await board.changed()
    assert await busy is fresh
