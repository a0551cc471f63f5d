"""The family of processes of a stage: it ends with its launcher, and a new run ends what a killed one left."""

import json
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from gristmill.errors import GristmillError
from gristmill.frame.supervise import end_leftovers
from gristmill.layout import Layout, Stage

SUPERVISE = """
    import sys
    from pathlib import Path
    from gristmill.frame.supervise import supervise
    from gristmill.layout import Layout, Stage
    sys.exit(supervise(Stage.FILTER, Layout(Path(sys.argv[1])), sys.argv[2:]))
"""
# A worker that starts a child of its own, as an engine does, and says who they are.
WORKER = """
    import pathlib, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    pathlib.Path(sys.argv[1]).write_text(str(child.pid))
    time.sleep(600)
"""
# One whose child gives itself a title, which overwrites its environment, as vLLM's processes do.
TITLED_WORKER = """
    import subprocess, sys, time
    code = '''import pathlib, os, setproctitle, sys, time
    setproctitle.setproctitle("titled")
    pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
    time.sleep(600)'''
    subprocess.Popen([sys.executable, "-c", "\\n".join(line.strip() for line in code.splitlines()), sys.argv[1]])
    time.sleep(600)
"""
LAUNCHER = """
    import subprocess, sys
    subprocess.Popen(sys.argv[1:]).wait()
"""


def python(code, *arguments):
    return [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]


def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def running(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


@pytest.fixture
def worker_code():
    return WORKER


@pytest.fixture
def through():
    """What stands between the launcher and the supervisor."""
    return []


@pytest.fixture
def family(layout, tmp_path, worker_code, through):
    """launcher -> supervisor -> worker -> child, all running; gives (launcher, supervisor pid, child pid)."""
    note, record = tmp_path / "child", layout.state / "run" / "filter.json"
    supervisor = python(SUPERVISE, tmp_path, *python(worker_code, note))
    command = [*through, f"{shlex.join(supervisor)}; exit $?"] if through else supervisor
    launcher = subprocess.Popen(python(LAUNCHER, *command))
    wait_for(lambda: note.exists() and note.read_text())
    pids = (launcher, json.loads(record.read_text())["supervisor"]["pid"], int(note.read_text()))
    yield pids
    for pid in (launcher.pid, *pids[1:]):
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)
    launcher.wait()


def test_supervise_when_the_worker_ends_gives_its_status(layout, tmp_path):
    assert subprocess.run(python(SUPERVISE, tmp_path, *python("raise SystemExit(3)"))).returncode == 3
    assert not (layout.state / "run" / "filter.json").exists()


def test_supervise_when_the_launcher_is_killed_ends_the_whole_family(family):
    launcher, supervisor, child = family

    launcher.kill()
    launcher.wait()

    wait_for(lambda: not running(child) and not running(supervisor))


class TestBehindAShell:
    """As DVC calls the user's shell: `fish --no-config -c ...`, which waits for its command."""

    @pytest.fixture
    def through(self, tmp_path):
        shell = tmp_path / "fish"
        shell.symlink_to("/bin/bash")
        return [str(shell), "--norc", "-c"]

    def test_supervise_ends_when_the_one_who_called_the_shell_is_killed(self, family):
        launcher, supervisor, child = family

        launcher.kill()
        launcher.wait()

        wait_for(lambda: not running(child) and not running(supervisor))


class TestTitledChild:
    @pytest.fixture
    def worker_code(self):
        return TITLED_WORKER

    def test_supervise_when_the_worker_is_killed_ends_its_child(self, family, layout):
        launcher, _, child = family
        assert psutil.Process(child).environ() == {}

        os.kill(json.loads((layout.state / "run" / "filter.json").read_text())["worker"], signal.SIGKILL)

        assert launcher.wait(20) == 0
        assert not running(child)

    def test_leftovers_of_a_killed_supervisor_and_worker_are_ended_by_the_next_run(self, family, layout):
        launcher, supervisor, child = family
        record = layout.state / "run" / "filter.json"
        os.kill(supervisor, signal.SIGKILL)
        os.kill(json.loads(record.read_text())["worker"], signal.SIGKILL)
        launcher.wait()
        assert running(child)

        end_leftovers(record, Stage.FILTER)

        assert not running(child)


# A worker that takes longer than the supervisor waits before it looks around.
FINISHING = """
    import pathlib, sys, time
    pathlib.Path(sys.argv[1]).write_text("begun")
    time.sleep(0.8)
    pathlib.Path(sys.argv[1]).write_text("done")
"""


def test_supervise_under_nohup_outlives_the_terminal(layout, tmp_path):
    note = tmp_path / "note"
    command = ["nohup", *python(SUPERVISE, tmp_path, *python(FINISHING, note))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as supervisor:
        wait_for(lambda: note.exists() and note.read_text())

        supervisor.send_signal(signal.SIGHUP)

        assert supervisor.wait(20) == 0
    assert note.read_text() == "done"


def test_supervise_whose_launcher_cannot_be_seen_runs_to_the_end(layout, tmp_path):
    unseen = SUPERVISE.replace(
        "    sys.exit", "    import psutil; psutil.Process.parent = lambda self: None\n    sys.exit"
    )
    note = tmp_path / "note"

    assert subprocess.run(python(unseen, tmp_path, *python(FINISHING, note))).returncode == 0

    assert note.read_text() == "done"


def test_supervise_when_asked_to_end_takes_the_family_along(family):
    launcher, supervisor, child = family

    os.kill(supervisor, signal.SIGTERM)

    assert launcher.wait(20) == 0
    wait_for(lambda: not running(child))


def test_leftovers_of_a_killed_supervisor_are_ended_by_the_next_run(family, layout):
    launcher, supervisor, child = family
    os.kill(supervisor, signal.SIGKILL)
    launcher.wait()

    end_leftovers(layout.state / "run" / "filter.json", Stage.FILTER)

    assert not running(child)


def test_leftovers_that_are_a_living_run_are_left_alone(family, layout):
    _, supervisor, child = family

    with pytest.raises(GristmillError, match=f"stage filter is being run by process {supervisor}"):
        end_leftovers(layout.state / "run" / "filter.json", Stage.FILTER)

    assert running(child)
