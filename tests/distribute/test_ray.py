"""generate and judge on Ray's actors: the data of one process, whatever happens to an actor or to the stage."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from gristmill.errors import GristmillError, InputError
from gristmill.layout import Stage
from gristmill.stages import generate, judge
from tests.distribute.workspace import RayWorkspace
from tests.e2e.test_doors import wait_until

SUPERVISE = """
import sys
from gristmill.frame.supervise import supervise, worker_command
from gristmill.layout import Stage, find_workspace
sys.exit(supervise(Stage.GENERATE, find_workspace(), worker_command(Stage.GENERATE)))
"""


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayWorkspace]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "counting_script", raising=False)
    yield RayWorkspace(tmp_path / "ws", seeds=200)
    sys.modules.pop("counting_script", None)


def in_one_process(ws: RayWorkspace, run: Callable[..., None], stage: Stage) -> dict[str, bytes]:
    """The stage's files as a single process writes them, which then is forgotten."""
    run(ws.layout)
    expected = ws.contents(stage)
    shutil.rmtree(ws.layout.journal.parent)
    shutil.rmtree(ws.layout.data(stage))
    ws.forget_asked()
    return expected


def ray_folders() -> set[Path]:
    return set(Path("/tmp").glob(f"gristmill-ray-{os.getuid()}-*"))


def metrics(ws: RayWorkspace, stage: Stage) -> dict[str, float]:
    return json.loads(ws.layout.metrics(stage).read_text())


def test_data_of_two_actors_one_of_them_killed_are_those_of_one_process(ws: RayWorkspace) -> None:
    expected = in_one_process(ws, generate.run, Stage.GENERATE)
    before = ray_folders()
    ws.distribute()
    ws.manners(toll={"topic133.": 1})

    generate.run(ws.layout)

    assert ws.contents(Stage.GENERATE) == expected
    assert metrics(ws, Stage.GENERATE)["actors_lost"] == 1
    twice = len(ws.asked()) - len(set(ws.asked()))
    assert 1 <= twice <= 2 * 8  # two shards at hand, each with 8 requests in flight
    assert ray_folders() == before
    ws.forget_asked()

    generate.run(ws.layout)  # all is in the journal: no Ray is started, nothing asked

    assert ws.asked() == []
    assert ws.contents(Stage.GENERATE) == expected
    assert metrics(ws, Stage.GENERATE)["requests_from_journal"] == 440


@pytest.mark.system
def test_judge_on_actors_gives_the_data_of_one_process(ws: RayWorkspace) -> None:
    generate.run(ws.layout)
    shutil.copytree(ws.layout.data(Stage.GENERATE), ws.layout.data(Stage.FILTER))
    expected = in_one_process(ws, judge.run, Stage.JUDGE)
    ws.distribute()

    judge.run(ws.layout)

    assert ws.contents(Stage.JUDGE) == expected
    assert len(ws.asked()) == len(set(ws.asked())) == 180


@pytest.mark.system
def test_equal_requests_of_two_actors_are_asked_once(ws: RayWorkspace) -> None:
    ws.write_recipe((ws.root / "recipes/mine.yaml").read_text().replace("Ask about: {{ topic }}", "Ask about: it"))
    ws.distribute(shard_seeds=4)
    ws.manners(seconds=0.02)

    generate.run(ws.layout)

    assert len(ws.rows(Stage.GENERATE)) == 200
    assert len(ws.asked()) == len(set(ws.asked())) == 201


@pytest.mark.system
def test_shard_that_kills_its_actors_ends_the_run_by_name(ws: RayWorkspace) -> None:
    ws.distribute()
    ws.manners(toll={"topic133.": 99})

    with pytest.raises(GristmillError, match="3 actors died over the same shard: samples 129 to 144"):
        generate.run(ws.layout)

    assert not ws.layout.data(Stage.GENERATE).exists()
    asked = set(ws.asked())
    ws.forget_asked()
    ws.manners()
    generate.run(ws.layout)
    assert len(asked & set(ws.asked())) <= 2 * 2 * 8  # what was in flight on two actors


@pytest.mark.system
def test_error_on_an_actor_reads_as_in_one_process(ws: RayWorkspace) -> None:
    ws.manners(faulty=("topic133.",))
    with pytest.raises(GristmillError) as alone:
        generate.run(ws.layout)
    ws.distribute()

    with pytest.raises(GristmillError) as distributed:
        generate.run(ws.layout)

    assert str(distributed.value) == str(alone.value) == "the script: the well is dry\n    do: dig deeper"


@pytest.mark.system
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
@pytest.mark.parametrize("whom", ["supervisor", "worker"])
def test_ended_stage_leaves_no_process_and_no_folder(ws: RayWorkspace, whom: str, how: signal.Signals) -> None:
    before = ray_folders()
    ws.distribute()
    ws.manners(seconds=0.1)
    stage = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE], cwd=ws.root, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_until(ws.asked, 60)
    (worker,) = psutil.Process(stage.pid).children()

    os.kill(stage.pid if whom == "supervisor" else worker.pid, how)
    stage.wait(60)

    wait_until(lambda: not session(worker.pid) and ray_folders() == before, 30)
    assert not ws.layout.data(Stage.GENERATE).exists()


def session(leader: int) -> list[int]:
    """Living processes of the worker's session: Ray's, the actors, their guards."""
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            if os.getsid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except ProcessLookupError:
            continue
    return found


@pytest.mark.system
def test_address_where_nobody_listens_is_told_at_once(ws: RayWorkspace) -> None:
    ws.distribute(address="127.0.0.1:9")
    with pytest.raises(InputError, match=r"127\.0\.0\.1:9 cannot be reached"):
        generate.run(ws.layout)
