"""An engine's processes end with it; a signal ends its loading at once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from gristmill.engine.children import end_children, engine_children, interruptible
from gristmill.engine.model import Model
from gristmill.engine.protocol import ModelIdentity
from gristmill.engine.vllm import VllmEngine
from gristmill.params.generate import EngineParams, ModelParams

_WAITING = """
# multiprocessing.spawn
import signal
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    """A process that looks like one of an engine's."""
    process = subprocess.Popen([sys.executable, "-c", _WAITING], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait()


def test_engine_processes_are_ended_and_others_left_alone(child: subprocess.Popen[str]) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    assert [process.pid for process in engine_children()] == [child.pid]

    end_children()

    assert engine_children() == []
    assert other.poll() is None
    other.kill()
    other.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_while_loading_ends_it_with_its_processes(child: subprocess.Popen[str], number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        _load_until(number)
    assert engine_children() == []
    assert signal.getsignal(number) is before


def _load_until(number: signal.Signals) -> None:
    """What vLLM does: it swallows KeyboardInterrupt while it waits, and would wait for ever."""
    with interruptible():
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt:
            signal.pause()


def test_process_that_lost_its_parent_is_ended_all_the_same(child: subprocess.Popen[str]) -> None:
    parent = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True)"
    command = [sys.executable, "-c", parent, sys.executable, "-c", "import signal; signal.pause()"]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    orphan = psutil.Process(int(started.stdout.readline()))
    started.wait()
    assert orphan not in psutil.Process().children(recursive=True)

    end_children([orphan])

    assert not orphan.is_running()


def test_guard_ends_an_engine_whose_owner_was_killed(child: subprocess.Popen[str]) -> None:
    owner = (
        "import subprocess, sys; from gristmill.engine.guard import Guard; guard = Guard();"
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE, text=True);"
        "child.stdout.readline(); guard.engine_is_up(); print(child.pid, flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    started = subprocess.Popen([sys.executable, "-c", owner, _WAITING], **pipes, text=True)
    assert started.stdout is not None
    engine = psutil.Process(int(started.stdout.readline()))
    guards = [each for each in psutil.Process(started.pid).children() if "gristmill.engine.guard" in each.cmdline()]

    started.kill()
    started.wait()

    assert len(guards) == 1
    assert psutil.wait_procs([engine, *guards], timeout=20)[1] == []
    assert child.poll() is None, "another owner's engine"


async def test_processes_end_though_the_engine_cannot_be_shut_down(child: subprocess.Popen[str]) -> None:
    class Stuck:
        def shutdown(self, timeout: float) -> None:
            raise RuntimeError("the engine is dead")

    engine = VllmEngine(Model(ModelIdentity("m", "1"), "nowhere"), ModelParams(), EngineParams())
    engine._llm = Stuck()

    with pytest.raises(RuntimeError, match="the engine is dead"):
        await engine.close()

    assert engine_children() == []
