"""A real Prefect server and worker run the deployment that prefect.yaml describes: on its cron, with
parameters from outside, and until it is cancelled."""

import json
import socket
import subprocess
import time
import urllib.request

import pytest

from tests.e2e.conftest import environment as environment  # noqa: PLC0414 - the fixture, by name
from tests.e2e.conftest import scripted_workspace
from tests.e2e.test_doors import slow_down, stage_processes, wait_until
from tests.e2e.workspace import Workspace

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

DEPLOYMENT = "pipeline/refresh"


class Prefect:
    """The server's API and the clone that its worker works in."""

    def __init__(self, workspace: Workspace, api: str) -> None:
        self.workspace = workspace
        self.api = api

    def post(self, path, body):
        request = urllib.request.Request(
            f"{self.api}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def runs(self):
        return self.post("/flow_runs/filter", {"sort": "START_TIME_DESC"})

    def state(self, run_id):
        return next(run["state_type"] for run in self.runs() if run["id"] == run_id)

    def start(self, **parameters):
        arguments = [f"--param={name}={json.dumps(value)}" for name, value in parameters.items()]
        done = self.workspace.run("prefect", "deployment", "run", DEPLOYMENT, *arguments)
        return next(word for line in done.stdout.splitlines() if "UUID:" in line for word in [line.split()[-1]])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def prefect(environment, tmp_path_factory):
    """Server, worker and deployment, as the README says, in a clone of their own."""
    folder = tmp_path_factory.mktemp("scheduled")
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    variables = {**environment, "PREFECT_HOME": str(folder / "home"), "PREFECT_API_URL": api}
    workspace = scripted_workspace(variables, folder / "clone")
    slow_down(workspace)
    prefect_yaml = workspace.root / "prefect.yaml"
    prefect_yaml.write_text(prefect_yaml.read_text().replace('cron: "0 2 * * *"', 'cron: "* * * * *"'))
    workspace.commit("each minute")
    server = workspace.start("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
    worker = None
    try:
        wait_until(lambda: healthy(api), 120)
        worker = workspace.start("prefect", "worker", "start", "--pool", "gristmill", "--type", "process")
        wait_until(lambda: pools(api), 120)
        workspace.run("prefect", "deploy", "--all")
        yield Prefect(workspace, api)
    finally:
        for process in filter(None, (worker, server)):
            end(process)


def end(process):
    """Asks the process to end; one that is still busy after a while has no choice. Nothing outlives the test."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def healthy(api):
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def pools(api):
    request = urllib.request.Request(f"{api}/work_pools/filter", b"{}", {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return any(pool["name"] == "gristmill" for pool in json.load(answer))


def test_deployment_runs_on_its_cron_and_releases(prefect):
    def completed():
        return [run for run in prefect.runs() if run["state_type"] == "COMPLETED" and run["auto_scheduled"]]

    wait_until(completed, 240)

    release = prefect.workspace.json("release.json")
    assert release["tag"] == "dataset@v0.1.0"
    assert release["rows"] > 0
    prefect.workspace.run("prefect", "deployment", "schedule", "ls", DEPLOYMENT)


def test_progress_and_log_lines_of_the_stages_stand_in_the_ui(prefect):
    artifacts = prefect.post("/artifacts/filter", {})
    logs = "\n".join(log["message"] for log in prefect.post("/logs/filter", {"limit": 200}))

    assert {"progress-generate", "release"} <= {artifact["key"] for artifact in artifacts}
    assert "samples" in next(a["description"] for a in artifacts if a["key"] == "progress-generate")
    assert "generate: " in logs


def test_run_by_the_clock_refuses_code_that_is_not_committed(prefect):
    stray = prefect.workspace.root / "recipes" / "stray.yaml"
    stray.write_text("name: stray\n")

    def refused():
        """A run that was under way fails too: the recipes changed under its stage."""
        failed = [run["id"] for run in prefect.runs() if run["state_type"] == "FAILED" and run["auto_scheduled"]]
        logs = prefect.post("/logs/filter", {"logs": {"flow_run_id": {"any_": failed}}, "limit": 200}) if failed else []
        return any("not committed: recipes/stray.yaml" in log["message"] for log in logs)

    wait_until(refused, 240)
    stray.unlink()


def test_deployment_cancelled_in_the_middle_ends_the_stage(prefect):
    pause(prefect)
    workspace = prefect.workspace
    progress = workspace.root / ".gristmill" / "progress" / "generate.json"
    progress.unlink(missing_ok=True)
    run_id = prefect.start(parameters={"generate.attempts": 3})
    wait_until(lambda: progress.exists() and json.loads(progress.read_text())["done"] > 5, 180)

    workspace.run("prefect", "flow-run", "cancel", run_id)

    wait_until(lambda: prefect.state(run_id) == "CANCELLED", 120)
    wait_until(lambda: not stage_processes(workspace), 60)


def test_parameters_given_to_a_run_reach_params_and_the_release(prefect):
    pause(prefect)
    run_id = prefect.start(parameters={"filter.filters.length.max_response_words": 9})

    wait_until(lambda: prefect.state(run_id) in ("COMPLETED", "FAILED", "CRASHED"), 240)

    assert prefect.state(run_id) == "COMPLETED"
    tag = prefect.workspace.json("release.json")["tag"]
    assert "max_response_words: 9" in prefect.workspace.git("show", f"{tag}:params.yaml")


def pause(prefect):
    """No more runs by the clock, and none under way: the next one is the test's own."""
    prefect.workspace.run("prefect", "deployment", "schedule", "pause", DEPLOYMENT, "--all", check=False)
    deadline = time.monotonic() + 240
    while any(run["state_type"] in ("RUNNING", "PENDING", "CANCELLING") for run in prefect.runs()):
        assert time.monotonic() < deadline, "a scheduled run does not end"
        time.sleep(0.5)
