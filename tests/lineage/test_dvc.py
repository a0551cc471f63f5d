import json
import shutil
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from gristmill.errors import GateRefused, GristmillError, InputError
from gristmill.frame.progress import Snapshot
from gristmill.lineage import dvc
from gristmill.lineage.process import DvcError
from gristmill.store.client import Store
from tests.lineage.workspace import Workspace

SUPERVISOR = """\
import sys
from pathlib import Path
from gristmill.frame.supervise import supervise
from gristmill.layout import Layout, Stage
sys.exit(supervise(Stage.INGEST, Layout(Path.cwd()), [sys.executable, "worker.py"]))
"""

WORKER = """\
import os, pathlib, time
from gristmill.frame.progress import Progress
pathlib.Path(".gristmill/pid").write_text(str(os.getpid()))
progress = Progress(pathlib.Path(".gristmill/progress/ingest.json"), "ingest")
progress.total = 10
progress.advance(4)
print("started", flush=True)
time.sleep(60)
"""


def ignore(_: object) -> None:
    return


def make_slow(workspace: Workspace) -> None:
    """The ingest stage becomes a supervised worker that takes a minute."""
    (workspace.root / "ingest.py").write_text(SUPERVISOR)
    (workspace.root / "worker.py").write_text(WORKER)


def worker(workspace: Workspace) -> list[psutil.Process]:
    """The worker's process, if it is still there."""
    try:
        return [psutil.Process(int((workspace.layout.state / "pid").read_text()))]
    except psutil.NoSuchProcess:
        return []


def gone(processes: list[psutil.Process]) -> bool:
    """Whether they end within ten seconds; the kernel takes a moment to bury them."""
    return psutil.wait_procs(processes, timeout=10)[1] == []


def test_stages_come_in_the_order_of_dvc_yaml(workspace: Workspace) -> None:
    assert dvc.stages(workspace.layout) == ["ingest", "gate", "export"]


def test_fresh_graph_is_clean_and_a_change_names_its_reason(workspace: Workspace) -> None:
    assert dvc.status(workspace.layout) == {}

    workspace.set("export", title="Other")
    (workspace.root / "gate.py").write_text((workspace.root / "gate.py").read_text() + "\n# new\n")

    assert dvc.status(workspace.layout) == {
        "gate": ["changed deps: gate.py modified"],
        "export": ["changed deps: params.yaml export modified"],
    }


def test_run_stage_tells_whether_it_ran_and_passes_lines_on(workspace: Workspace) -> None:
    lines: list[str] = []

    assert dvc.run_stage(workspace.layout, "ingest", lines.append) == dvc.StageResult("ingest", False)
    assert "Stage 'ingest' didn't change, skipping" in lines
    workspace.seeds("one", "two")
    assert dvc.run_stage(workspace.layout, "ingest", lines.append) == dvc.StageResult("ingest", True)
    assert "Running stage 'ingest':" in lines
    assert json.loads((workspace.root / "data" / "ingest" / "lines.json").read_text()) == ["one", "two"]


def test_stage_that_the_gate_fails_keeps_its_words_and_its_code(workspace: Workspace) -> None:
    workspace.seeds("one", "forbidden")
    dvc.run_stage(workspace.layout, "ingest", ignore)

    with pytest.raises(GateRefused) as caught:
        dvc.run_stage(workspace.layout, "gate", ignore)

    assert str(caught.value) == "stage gate: gate: the data set does not pass\n    do: take it out"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(("code", "kind"), [(2, InputError), (70, dvc.StageFailed)])
def test_stage_that_fails_keeps_its_exit_code(workspace: Workspace, code: int, kind: type[GristmillError]) -> None:
    (workspace.root / "ingest.py").write_text(f"print('last words'); raise SystemExit({code})")

    with pytest.raises(kind, match="last words") as caught:
        dvc.run_stage(workspace.layout, "ingest", ignore)

    assert caught.value.exit_code == code


def test_exception_in_the_callers_thread_ends_the_stage(workspace: Workspace) -> None:
    make_slow(workspace)
    seen: list[Snapshot] = []

    def stop(now: Snapshot) -> None:
        seen.append(now)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dvc.run_stage(workspace.layout, "ingest", ignore, stop)

    assert (seen[0].done, seen[0].total) == (4, 10)
    assert gone(worker(workspace))
    workspace.git("checkout", "ingest.py")
    assert dvc.run_stage(workspace.layout, "ingest", ignore).ran is False


def test_killed_caller_takes_dvc_and_the_worker_with_it(workspace: Workspace) -> None:
    make_slow(workspace)
    code = (
        "from gristmill.layout import Layout; from gristmill.lineage.dvc import run_stage; from pathlib import Path;"
        f"run_stage(Layout(Path({str(workspace.root)!r})), 'ingest', lambda line: print(line, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        while caller.stdout.readline().strip() != "started":
            assert caller.poll() is None
        family = [*psutil.Process(caller.pid).children(), *worker(workspace)]
        caller.send_signal(signal.SIGKILL)

    assert len(family) == 2
    assert gone(family)


def test_corrupt_lock_file_names_the_way_out(workspace: Workspace) -> None:
    lock = workspace.root / "dvc.lock"
    lock.write_text("<<<<<<< ours\n" + lock.read_text())

    with pytest.raises(DvcError, match=r"dvc\.lock can't be read: it holds the marks of a merge conflict") as caught:
        dvc.status(workspace.layout)
    assert "git checkout dvc.lock" in caught.value.problem.do

    with pytest.raises(DvcError, match=r"dvc\.lock can't be read"):
        dvc.run_stage(workspace.layout, "ingest", ignore)


def test_missing_dvc_folder_names_the_way_out(workspace: Workspace, store: Store) -> None:
    shutil.rmtree(workspace.root / ".dvc")

    with pytest.raises(DvcError, match=r"there is no \.dvc folder"):
        dvc.status(workspace.layout)
    with pytest.raises(DvcError, match=r"there is no \.dvc folder"):
        dvc.configure_remote(workspace.layout, store)


def test_status_while_another_dvc_works_says_so(workspace: Workspace) -> None:
    make_slow(workspace)
    started = threading.Event()

    def first(line: str) -> None:
        if line == "started":
            started.set()

    def run() -> None:
        with pytest.raises(GristmillError):
            dvc.run_stage(workspace.layout, "ingest", first)

    runner = threading.Thread(target=run)
    runner.start()
    assert started.wait(30)
    try:
        with pytest.raises(DvcError, match="at work in this clone"):
            dvc.status(workspace.layout)
    finally:
        worker(workspace)[0].kill()
        runner.join(30)


def test_remote_is_written_once_privately_beside_a_users_own_entries(workspace: Workspace, store: Store) -> None:
    path = workspace.root / ".dvc" / "config.local"
    path.write_text("[cache]\n    type = copy\n")

    assert dvc.configure_remote(workspace.layout, store) is True
    assert dvc.configure_remote(workspace.layout, store) is False

    assert store.credentials is not None
    assert workspace.dvc("config", "--local", "cache.type").strip() == "copy"
    assert workspace.dvc("config", "remote.store.url").strip() == store.address("dvc")
    assert workspace.dvc("config", "remote.store.endpointurl").strip() == store.endpoint
    assert path.stat().st_mode & 0o777 == 0o600


def test_remote_of_another_store_drops_the_embedded_keys_and_keeps_a_users_own(
    workspace: Workspace, store: Store
) -> None:
    path = workspace.root / ".dvc" / "config.local"
    amazon = Store(None, "bucket", "prefix", "eu-west-1", client=None)
    dvc.configure_remote(workspace.layout, store)

    assert dvc.configure_remote(workspace.layout, amazon) is True

    assert path.read_text().splitlines() == [
        "['remote \"store\"']",
        "url = s3://bucket/prefix/dvc",
        "region = eu-west-1",
    ]
    workspace.dvc("remote", "modify", "--local", "store", "profile", "mine")
    assert dvc.configure_remote(workspace.layout, amazon) is False


def test_status_without_a_git_repository_names_the_way_out(workspace: Workspace) -> None:
    shutil.rmtree(workspace.root / ".git")

    with pytest.raises(DvcError, match="git init"):
        dvc.status(workspace.layout)
