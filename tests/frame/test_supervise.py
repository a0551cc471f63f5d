"""The family of processes of a stage: it ends with its launcher, and a new run ends what a killed one left."""

import json
import os
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
def family(layout, tmp_path):
    """launcher -> supervisor -> worker -> child, all running; gives (launcher, supervisor pid, child pid)."""
    note, record = tmp_path / "child", layout.state / "run" / "filter.json"
    launcher = subprocess.Popen(python(LAUNCHER, *python(SUPERVISE, tmp_path, *python(WORKER, note))))
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
