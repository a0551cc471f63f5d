"""Two actors, each with a real vLLM on CPU cores of its own."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gristmill.frame.stage import read_books
from gristmill.layout import Stage
from tests.distribute.test_ray import SUPERVISE, metrics, ray_folders, session
from tests.distribute.workspace import RayWorkspace
from tests.e2e.test_doors import wait_until

pytestmark = [pytest.mark.system, pytest.mark.engine, pytest.mark.timeout(900)]

ENGINE = {"kind": "vllm", "script": None, "kv_cache_gib": 1, "max_in_flight": 16}
RECIPE = """
name: mine
summary: Two answers from a few.
inputs: [passage]
steps:
  - {name: first, prompt: "{{ passage }} Is it so?", choice: "['Yes.', 'No.', 'Perhaps.']"}
  - {name: second, prompt: "{{ passage }} {{ first }} Are you sure?", choice: "['Quite.', 'Hardly.', 'Never.']"}
output: {prompt: "{{ first }}", response: "{{ second }}"}
"""


@pytest.fixture
def ws(tmp_path: Path) -> RayWorkspace:
    made = RayWorkspace(tmp_path / "ws", seeds=48)
    made.write_recipe(RECIPE)
    made.write_params(**ENGINE, distribute={"kind": "ray", "actors": 2, "shard_seeds": 8})
    return made


def start(ws: RayWorkspace) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SUPERVISE], cwd=ws.root, start_new_session=True)


def engines() -> list[psutil.Process]:
    """Engine processes of anybody's on this machine, by the title that vLLM gives them."""
    found = []
    for process in psutil.process_iter():
        try:
            if "VLLM::" in process.name() + " ".join(process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_two_actors_generate_with_the_real_engine(ws: RayWorkspace) -> None:
    before = {process.pid for process in engines()}

    assert start(ws).wait(600) == 0

    books = read_books(ws.layout, Stage.GENERATE)["books"][0]
    assert books["in"] == 48 == books["out"] + sum(books["rejected"].values()) + sum(books["failed"].values())
    assert books["failed"] == {}
    assert books["out"] > 0
    assert metrics(ws, Stage.GENERATE)["actors_lost"] == 0
    first = ws.contents(Stage.GENERATE)
    assert start(ws).wait(60) == 0  # from the journal
    assert metrics(ws, Stage.GENERATE)["requests_asked"] == 0
    assert ws.contents(Stage.GENERATE) == first
    assert {process.pid for process in engines()} <= before


@pytest.mark.parametrize("whom", ["actor", "stage"])
def test_killed_with_the_real_engine_leaves_no_engine(ws: RayWorkspace, whom: str) -> None:
    before = {process.pid for process in engines()}
    folders = ray_folders()
    stage = start(ws)
    wait_until(lambda: len({process.pid for process in engines()} - before) >= 2, 300)
    (worker,) = psutil.Process(stage.pid).children()
    mine = {process.pid for process in engines()} - before

    if whom == "stage":
        worker.send_signal(signal.SIGKILL)
        stage.wait(60)
    else:
        actors = (process for process in worker.children(recursive=True) if process.name().startswith("ray::Worker"))
        owned = {actor: [pid.pid for pid in actor.children(recursive=True) if pid.pid in mine] for actor in actors}
        actor, own = next((actor, pids) for actor, pids in owned.items() if pids)
        actor.send_signal(signal.SIGKILL)
        wait_until(lambda: not any(psutil.pid_exists(pid) and is_alive(pid) for pid in own), 30)
        assert stage.wait(600) == 0
        assert metrics(ws, Stage.GENERATE)["actors_lost"] == 1
        books = read_books(ws.layout, Stage.GENERATE)["books"][0]
        assert (books["in"], books["out"]) == (48, 48)

    wait_until(lambda: not session(worker.pid) and ray_folders() == folders, 30)
    assert not {process.pid for process in engines()} & mine


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
