"""The terminal of a flow: each failure once, log lines and the bar on one console."""

import os
import subprocess
import sys

import pytest

from tests.closure import ROOT

FAILING = """
import sys
from gristmill.errors import GateRefused
from prefect import flow, task
from tasks.terminal import quiet_failures

@task(retries=int(sys.argv[2]), retry_delay_seconds=0)
def mill():
    raise {"gate": GateRefused("too few rows", where="gate"), "bug": KeyError("started")}[sys.argv[1]]

@flow
def pipeline():
    mill()

with quiet_failures():
    pipeline()
"""

LOGGING = """
import logging
from prefect import flow  # sets Prefect's logging up, as every flow does
from gristmill.errors import InputError
from tasks.terminal import quiet_failures

with quiet_failures():
    names = {"task_run_name": "gate", "flow_run_name": "a-flow", "flow_name": "pipeline"}
    runs = logging.LoggerAdapter(logging.getLogger("prefect.task_runs"), names)
    flows = logging.LoggerAdapter(logging.getLogger("prefect.flow_runs"), names)
    for adapter in (runs, flows):
        adapter.setLevel("INFO")
        adapter.logger.handlers.clear()  # those that tell a server
    try:
        raise InputError("no text")
    except InputError as error:
        runs.info("Task run failed with exception: %r - Retry 1/1 will start 10 second(s) from now", error)
        runs.info("Running stage 'gate':")
        runs.error(f"Task run failed with exception: {error!r} - Retries are exhausted", exc_info=True)
        runs.error(f"Finished in state Failed('Task run encountered an exception InputError: {error}')")
        flows.exception("Encountered exception during execution: %r", error)
        flows.info(f"Finished in state Failed('Flow run encountered an exception: InputError: {error}')")
        raise
"""

DRAWING = """
import logging
from prefect import flow  # sets Prefect's logging up, as every flow does
from rich.progress import Progress
from tasks.terminal import console

terminal = console()
terminal._force_terminal = True
with Progress(console=terminal) as bar:
    bar.add_task("generate", total=3)
    logging.getLogger("prefect").warning("a line")
"""


@pytest.fixture(scope="module")
def prefect_home(tmp_path_factory):
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture
def python(tmp_path, prefect_home):
    """Runs a script in a workspace; Prefect's files are shared, for their making takes long."""
    (tmp_path / "params.yaml").write_text("{}")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    ours = {"PREFECT_HOME": str(prefect_home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    ours["PYTHONPATH"] = str(ROOT)

    def run(script, *arguments, **settings):
        command, env = [sys.executable, "-c", script, *arguments], {**clean, **ours, **settings}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)

    return run


def test_failures_lines_are_left_out_and_those_of_a_retry_stay(python):
    done = python(LOGGING)

    assert done.returncode == 2
    assert [line.split(" - ")[-1] for line in done.stderr.splitlines()] == [
        "Retry 1/1 will start 10 second(s) from now",
        "Running stage 'gate':",
        "error: no text",
    ]


@pytest.mark.system
def test_failure_is_told_once_with_its_exit_code(python):
    done = python(FAILING, "gate", "0")

    assert done.returncode == 3
    assert done.stderr.count("too few rows") == 1
    assert "error: gate: too few rows\n" in done.stderr


@pytest.mark.system
def test_bug_is_told_once_and_its_traceback_kept(python, tmp_path):
    done = python(FAILING, "bug", "1")

    assert done.returncode == 70
    assert "Retry 1/1 will start" in done.stderr
    assert "error: gristmill run: unexpected KeyError: 'started'" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in next((tmp_path / ".gristmill" / "logs").iterdir()).read_text()


def test_server_that_does_not_answer_names_its_address(python):
    done = python(FAILING, "gate", "0", PREFECT_API_URL="http://127.0.0.1:9/api")

    assert done.returncode == 1
    assert done.stderr.startswith("error: http://127.0.0.1:9/api: Prefect's server does not answer\n    do: start it")


def test_log_line_under_a_bar_stands_on_a_line_of_its_own(python):
    done = python(DRAWING)

    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stderr.splitlines() if "a line" in line]
    assert "generate" not in line
