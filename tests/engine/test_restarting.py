"""An engine that dies is started again; what was under way is asked again; what kills it is found out."""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.engine.in_flight import InFlight
from gristmill.engine.protocol import EngineDied, ModelIdentity
from gristmill.engine.quarantine import Quarantine
from gristmill.engine.restarting import RestartingEngine
from gristmill.errors import GristmillError
from gristmill.recipes.request import Answer, Request, RequestFailed, Sampling, request_key

JOURNAL = "journal.sqlite"


class Mortal:
    """Answers after a turn of the loop; dies, for all who wait, of whatever the test calls deadly."""

    name = "mortal"
    version = "1"
    model = ModelIdentity("m", "1")
    context = None

    def __init__(self, deadly: Callable[["Mortal", str], bool], starts: int = 1000) -> None:
        self.in_flight = InFlight(100)
        self.deadly = deadly
        self.starts_left = starts
        self.alive = False
        self.waiting: list[str] = []
        self.asked: list[str] = []
        self.deaths: list[list[str]] = []
        self.answered = 0

    async def start(self) -> None:
        await asyncio.sleep(0)
        if not self.starts_left:
            raise GristmillError("no memory left on the device")
        self.starts_left -= 1
        self.alive = True

    async def ask(self, request: Request) -> Answer:
        text = str(request.prompt)
        self._assert_alive()
        self.waiting.append(text)
        self.asked.append(text)
        try:
            for _ in range(3):
                await asyncio.sleep(0)
                self._assert_alive()
            if self.deadly(self, text):
                self.alive = False
                self.deaths.append(sorted(self.waiting))
            self._assert_alive()
        finally:
            self.waiting.remove(text)
        self.answered += 1
        return Answer(f"{text} answered")

    async def close(self) -> None:
        self.alive = False

    def _assert_alive(self) -> None:
        if not self.alive:
            raise EngineDied("the engine died")


def _request(text: str) -> Request:
    return Request("step", Sampling(), prompt=text)


async def _ask_all(engine: RestartingEngine, *texts: str) -> list[str]:
    """What became of each: the answer's text, or the reason for which there is none."""
    await engine.start()
    found = await asyncio.gather(*(engine.ask(_request(text)) for text in texts), return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException) and not isinstance(each, RequestFailed):
            raise each
    return [each.text if isinstance(each, Answer) else each.reason for each in found]


def _once(engine: Mortal, text: str) -> bool:
    return text == "b" and not engine.deaths


async def test_requests_under_way_at_a_death_are_asked_again_and_answered(tmp_path: Path) -> None:
    inner = Mortal(_once)
    engine = RestartingEngine(inner, Quarantine(tmp_path / JOURNAL), restarts=3)

    assert await _ask_all(engine, "a", "b", "c") == ["a answered", "b answered", "c answered"]
    assert engine.restarts == 1
    assert inner.answered == 3


async def test_request_that_kills_thrice_is_quarantined_and_the_others_are_answered(tmp_path: Path) -> None:
    inner = Mortal(lambda engine, text: text == "bad")
    engine = RestartingEngine(inner, Quarantine(tmp_path / JOURNAL), restarts=3)

    assert await _ask_all(engine, "a", "bad", "c", "d") == ["a answered", "kills_engine", "c answered", "d answered"]
    assert inner.deaths[-1] == ["bad"], "guilt is proven with nobody else under way"
    assert engine.restarts == 3

    (entry,) = Quarantine(tmp_path / JOURNAL).entries()
    assert entry.key == request_key(_request("bad").content("m@1")).hex()
    assert (entry.asked["asked"], entry.engine) == ("bad", "mortal/1")


async def test_requests_that_come_later_wait_while_a_suspect_is_asked_alone(tmp_path: Path) -> None:
    inner = Mortal(lambda engine, text: text == "bad")
    engine = RestartingEngine(inner, Quarantine(tmp_path / JOURNAL), restarts=3)

    async def later() -> str:
        while len(inner.deaths) < 2:
            await asyncio.sleep(0)
        return (await engine.ask(_request("late"))).text

    found, late = await asyncio.gather(_ask_all(engine, "bad", "c"), later())

    assert (found, late) == (["kills_engine", "c answered"], "late answered")
    assert inner.deaths == [["bad", "c"], ["bad", "c"], ["bad"]]


async def test_two_that_kill_are_both_found(tmp_path: Path) -> None:
    inner = Mortal(lambda engine, text: text.startswith("bad"))
    engine = RestartingEngine(inner, Quarantine(tmp_path / JOURNAL), restarts=9)

    found = await _ask_all(engine, "bad 1", "a", "bad 2", "b")

    assert found == ["kills_engine", "a answered", "kills_engine", "b answered"]
    assert len(Quarantine(tmp_path / JOURNAL).entries()) == 2


async def test_suspect_that_is_innocent_is_answered(tmp_path: Path) -> None:
    inner = Mortal(lambda engine, text: text == "b" and len(engine.deaths) < 2)
    engine = RestartingEngine(inner, Quarantine(tmp_path / JOURNAL), restarts=2)

    assert await _ask_all(engine, "a", "b") == ["a answered", "b answered"]
    assert Quarantine(tmp_path / JOURNAL).entries() == []


async def test_quarantined_request_is_not_asked_in_the_next_run_until_it_is_cleared(tmp_path: Path) -> None:
    first = Mortal(lambda engine, text: text == "bad")
    await _ask_all(RestartingEngine(first, Quarantine(tmp_path / JOURNAL), restarts=3), "bad", "a")

    second = Mortal(lambda *_: False)
    again = RestartingEngine(second, Quarantine(tmp_path / JOURNAL), restarts=3)
    assert await _ask_all(again, "bad", "b") == ["kills_engine", "b answered"]
    assert second.asked == ["b"]

    assert Quarantine(tmp_path / JOURNAL).clear() == 1
    mended = RestartingEngine(second, Quarantine(tmp_path / JOURNAL), restarts=3)
    assert await _ask_all(mended, "bad") == ["bad answered"]


async def test_engine_that_cannot_be_started_again_ends_the_run_after_one_try(tmp_path: Path) -> None:
    inner = Mortal(lambda *_: True, starts=1)
    engine = RestartingEngine(inner, Quarantine(tmp_path / JOURNAL), restarts=5)

    with pytest.raises(GristmillError, match="no memory left on the device"):
        await _ask_all(engine, "a", "b", "c")
    assert engine.restarts == 1


async def test_engine_that_dies_more_often_than_allowed_ends_the_run(tmp_path: Path) -> None:
    inner = Mortal(lambda *_: True)
    engine = RestartingEngine(inner, Quarantine(tmp_path / JOURNAL), restarts=2)

    with pytest.raises(EngineDied, match="after it had been started again 2 times") as died:
        await _ask_all(engine, "a", "b", "c")
    assert "engine.restarts" in str(died.value)
    assert Quarantine(tmp_path / JOURNAL).entries() == []


async def test_restart_is_told_with_what_it_costs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await _ask_all(RestartingEngine(Mortal(_once), Quarantine(tmp_path / JOURNAL), restarts=3), "a", "b", "c")
    assert "started again (1 of at most 3 times), and 2 requests are asked again" in caplog.text


def test_quarantine_is_private_and_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / JOURNAL)
    quarantine.add(_request("bad"), "m@1", "mortal/1")
    assert quarantine.path.stat().st_mode & 0o777 == 0o600
    assert json.loads(quarantine.path.read_text())["asked"]["asked"] == "bad"

    quarantine.path.write_text("not JSON\n")
    with pytest.raises(GristmillError, match="the quarantine is damaged"):
        Quarantine(tmp_path / JOURNAL)
