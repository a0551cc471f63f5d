"""Many samples at once, outcomes in order, memory bounded by the window."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.engine.asker import Asker, LookUp
from gristmill.engine.drive import WINDOW_FACTOR, drive, run_samples
from gristmill.engine.journal import open_journal
from gristmill.engine.protocol import ModelIdentity
from gristmill.engine.scripted import ScriptedEngine
from gristmill.errors import GristmillError
from gristmill.recipes.request import Answer, NotAnswered, Request, Sampling

MODEL = ModelIdentity("script", "1")


async def test_outcomes_come_in_the_items_order_though_the_first_ends_last() -> None:
    gates = [asyncio.Event() for _ in range(4)]
    emitted: list[int] = []

    async def walk(item: int) -> int:
        if item + 1 < len(gates):
            await gates[item + 1].wait()
        gates[item].set()
        return item * 10

    await drive(range(4), walk, lambda item, outcome: emitted.append(outcome), width=4)

    assert emitted == [0, 10, 20, 30]


async def test_last_window_starts_with_the_largest_and_comes_out_in_order() -> None:
    width = 2
    window = width * WINDOW_FACTOR
    started: list[int] = []
    emitted: list[int] = []

    async def walk(item: int) -> None:
        started.append(item)
        await asyncio.sleep(0)

    await drive(range(50), walk, lambda item, _: emitted.append(item), width, size=lambda item: item % 10)

    begun = 50 - window
    assert started[: begun - width] == list(range(begun - width))
    tail = [item % 10 for item in started[-window + 2 * width :]]
    assert tail == sorted(tail, reverse=True)
    assert emitted == list(range(50))


async def test_without_sizes_no_sample_is_read_before_its_turn() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for item in range(20):
            read.append(item)
            yield item

    async def walk(item: int) -> None:
        assert len(read) <= item + 2
        await asyncio.sleep(0)

    await drive(items(), walk, lambda *_: None, width=2)
    assert len(read) == 20


async def test_a_slow_first_sample_holds_back_no_more_than_the_window() -> None:
    taken: list[int] = []
    last = asyncio.Event()
    width, window = 2, 2 * WINDOW_FACTOR

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    async def walk(item: int) -> None:
        if item == 0:
            await last.wait()
        elif item == window - 1:
            assert len(taken) == window
            last.set()

    await drive(items(), walk, lambda *_: None, width)

    assert len(taken) == 100


async def test_no_more_than_width_are_under_way() -> None:
    under_way: set[int] = set()
    most = 0

    async def walk(item: int) -> None:
        nonlocal most
        under_way.add(item)
        most = max(most, len(under_way))
        await asyncio.sleep(0)
        under_way.remove(item)

    await drive(range(50), walk, lambda *_: None, width=7)

    assert most == 7


async def test_a_request_that_the_engine_cancels_ends_the_run_and_loses_no_sample_silently() -> None:
    async def walk(item: int) -> None:
        await asyncio.sleep(0)
        if item == 3:
            raise asyncio.CancelledError

    with pytest.raises(GristmillError, match="gave up a request of sample 4"):
        await drive(range(10), walk, lambda *_: None, width=4)


async def test_a_fault_ends_the_run_with_that_fault() -> None:
    async def walk(item: int) -> None:
        await asyncio.sleep(0)
        if item == 3:
            raise GristmillError("the engine is gone")

    with pytest.raises(GristmillError, match="the engine is gone"):
        await drive(range(10), walk, lambda *_: None, width=4)


class SlowStart(ScriptedEngine):
    """Counts starts and closes."""

    def __init__(self) -> None:
        super().__init__(lambda request: f"{request.step} answered", MODEL, max_in_flight=3)
        self.events: list[str] = []

    async def start(self) -> None:
        self.events.append("start")
        await asyncio.sleep(0)

    async def ask(self, request: Request) -> Answer:
        self.events.append(f"ask {request.prompt}")
        await asyncio.sleep(0)
        return await super().ask(request)

    async def close(self) -> None:
        self.events.append("close")


def _request(text: str, **more: int) -> Request:
    return Request("step", Sampling(), prompt=text, **more)


def _run(path: Path, engine: ScriptedEngine, *texts: str) -> Asker:
    async def walk(text: str, ask: Asker) -> str:
        return (await ask(_request(text))).answer.text

    with open_journal(path) as journal:
        return run_samples(texts, walk, lambda *_: None, journal=journal, engine=engine)


def test_engine_starts_once_at_the_first_open_request_and_is_closed(tmp_path: Path) -> None:
    engine = SlowStart()
    asker = _run(tmp_path / "j", engine, "a", "b", "c")
    assert engine.events == ["start", "ask a", "ask b", "ask c", "close"]
    assert (asker.counts.asked, asker.counts.from_journal) == (3, 0)


def test_engine_never_starts_when_the_journal_knows_all(tmp_path: Path) -> None:
    _run(tmp_path / "j", SlowStart(), "a", "b")
    engine = SlowStart()
    asker = _run(tmp_path / "j", engine, "b", "a")
    assert engine.events == ["close"]
    assert (asker.counts.asked, asker.counts.from_journal) == (0, 2)


def test_equal_requests_under_way_at_once_reach_the_engine_once(tmp_path: Path) -> None:
    engine = SlowStart()
    _run(tmp_path / "j", engine, "same", "same", "same")
    assert engine.events == ["start", "ask same", "close"]


def test_engine_is_closed_after_a_fault_and_earlier_answers_are_kept(tmp_path: Path) -> None:
    class Dies(SlowStart):
        async def ask(self, request: Request) -> Answer:
            if request.prompt == "c":
                raise GristmillError("died")
            return await super().ask(request)

    engine = Dies()
    with pytest.raises(GristmillError, match="died"):
        _run(tmp_path / "j", engine, "a", "b", "b", "c")
    assert engine.events[-1] == "close"

    second = SlowStart()
    _run(tmp_path / "j", second, "a", "b", "c")
    assert second.events == ["start", "ask c", "close"]


def test_draw_attempt_step_and_sampling_are_part_of_what_is_asked(tmp_path: Path) -> None:
    requests = [
        _request("a"),
        _request("a", draw=1),
        _request("a", attempt=1),
        Request("other", Sampling(), prompt="a"),
        Request("step", Sampling(temperature=0.1), prompt="a"),
    ]
    assert len({request.content("m@1") for request in requests}) == 5
    assert _request("a").content("m@1") != _request("a").content("m@2")


def test_prompt_that_was_too_long_is_asked_again_once_the_context_has_room(tmp_path: Path) -> None:
    too_long = ScriptedEngine(lambda _: Answer("", "prompt_too_long", 900), MODEL, context=1000)
    _run(tmp_path / "j", too_long, "long")

    same, larger = SlowStart(), SlowStart()
    same.context, larger.context = 1000, 4000
    _run(tmp_path / "j", same, "long")
    _run(tmp_path / "j", larger, "long")

    assert same.events == ["close"]
    assert larger.events == ["start", "ask long", "close"]


async def test_look_up_answers_from_the_journal_and_says_what_is_open(tmp_path: Path) -> None:
    with open_journal(tmp_path / "j") as journal:
        known = _request("known")
        content = known.content(MODEL.id)
        from gristmill.recipes.request import request_key

        journal.append(request_key(content), content, Answer("yes"))
        look_up = LookUp(journal, MODEL.id, None)
        assert (await look_up(known)).answer.text == "yes"
        with pytest.raises(NotAnswered):
            await look_up(_request("open"))
