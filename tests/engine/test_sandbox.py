"""Programs on their way through asker and journal: run in the real sandbox, once."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gristmill.distribute.parcels import Reply
from gristmill.distribute.segment import Segment
from gristmill.distribute.shared import SharedEngine, SharedSandbox
from gristmill.engine.asker import Asker, LookUp
from gristmill.engine.build import build_engine
from gristmill.engine.journal import open_journal
from gristmill.engine.lookup import JournalReader
from gristmill.engine.protocol import Engine
from gristmill.engine.sandbox import Sandbox
from gristmill.errors import GristmillError
from gristmill.execution.limits import Limits
from gristmill.execution.place import require
from gristmill.params.execution import Isolation
from gristmill.params.generate import EngineParams, ModelParams
from gristmill.params.journal import CostParams
from gristmill.recipes.request import RUNNER, Answer, Code, NotAnswered, Request, Sampling, request_key

CHANGES = "import os, solution\nprint(solution.x, os.urandom(8).hex())"
"""Tells whether it was run again: it never prints the same."""


def request(program: str = CHANGES, **limits: Any) -> Request:
    code = Code({"main.py": program, "solution.py": "x = 7"}, Limits(**limits), Isolation.NAMESPACES)
    return Request("tried", Sampling(temperature=0, max_tokens=1), code=code)


class Unused(Sandbox):
    async def run(self, request: Request) -> Answer:
        raise AssertionError("run again")


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """One that fails when it is started."""
    try:
        require(Isolation.NAMESPACES)
    except GristmillError as error:
        pytest.skip(str(error))
    built = build_engine(EngineParams(kind="scripted"), ModelParams(), tmp_path)

    async def start() -> None:
        raise AssertionError("nothing was asked of a model")

    built.start = start  # type: ignore[method-assign]
    return built


async def test_program_runs_without_the_engine_and_once_for_two_who_ask_at_once(engine: Engine, tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.sqlite") as journal:
        asker = Asker(journal, engine)
        first, second = await asyncio.gather(asker(request()), asker(request()))
        figures = asker.figures(CostParams())

    found = json.loads(first.answer.text)
    assert found["stdout"].startswith("7 ")
    assert {name: found[name] for name in ("passed", "ending", "status", "stderr")} == {
        "passed": True,
        "ending": "exited",
        "status": 0,
        "stderr": "",
    }
    assert first == second
    assert (first.answer.engine, first.answer.prompt_tokens, first.answer.completion_tokens) == (RUNNER, 0, 0)
    assert (figures["requests_asked"], figures["engine_start_seconds"]) == (1, 0.0)


async def test_recorded_result_is_not_run_again_whatever_the_model(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(path) as journal:
        first = await Asker(journal, engine)(request())
    with open_journal(path) as journal:
        again = await Asker(journal, engine, sandbox=Unused())(request())

    assert again == first
    assert await LookUp(JournalReader(path), "another-model@r2", None)(request()) == first
    with pytest.raises(NotAnswered):
        await LookUp(JournalReader(path), "another-model@r2", None)(request(seconds=3))


async def test_program_that_ends_badly_is_an_answer_too(engine: Engine, tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.sqlite") as journal:
        asker = Asker(journal, engine)
        broken = json.loads((await asker(request("raise SystemExit(3)"))).answer.text)
        late = json.loads((await asker(request("import time; time.sleep(60)", seconds=0.5))).answer.text)

    assert (broken["passed"], broken["ending"], broken["status"]) == (False, "exited", 3)
    assert (late["passed"], late["ending"], late["status"]) == (False, "timed_out", None)


async def test_actor_takes_the_result_that_another_has(engine: Engine) -> None:
    segment = Segment()
    shared = SharedEngine(engine, segment)
    running = asyncio.create_task(SharedSandbox(shared).run(request()))
    (want,) = (await segment.exchange([])).wants
    segment.deliver([Reply(want.key, Answer("theirs"))])

    assert want.key == request_key(request().content("any@model"))
    assert (await running).text == "theirs"
