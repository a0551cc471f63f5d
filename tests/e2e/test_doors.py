"""The doors lead to the same place, and a kill between them loses nothing. The scripted engine answers.

Its answers are the same each time, so data can be compared byte for byte.
"""

import json
import os
import shutil
import signal
import subprocess
import time

import psutil
import pytest

from tests.e2e.conftest import scripted_workspace
from tests.e2e.workspace import Workspace, data_files

pytestmark = pytest.mark.e2e
SYSTEM = pytest.mark.system

STAGES = ["ingest", "generate", "filter", "judge", "compose", "audit", "gate", "export"]
SLOW_SCRIPT = """
import time
from gristmill.engine.answerer import answer

def slowly(request):
    time.sleep(0.02)
    return answer(request)
"""


@pytest.fixture(scope="module")
def walked(environment, tmp_path_factory):
    """A clone that `dvc repro` alone has gone through, with answers that take a moment; and what it printed."""
    workspace = scripted_workspace(environment, tmp_path_factory.mktemp("walked") / "clone")
    slow_down(workspace)
    workspace.run("gristmill", "sync")
    return workspace, workspace.run("dvc", "repro").stdout


def slow_down(workspace):
    """Makes each answer take 20 ms, so that a kill can fall between two of them."""
    (workspace.root / "slow_script.py").write_text(SLOW_SCRIPT)
    workspace.set_params(engine__script="slow_script:slowly")
    workspace.git("add", "slow_script.py")
    workspace.commit("answers take a moment")


def wait_until(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def stage_processes(workspace):
    """Supervisors and workers of stages of this clone."""
    found = []
    for process in psutil.process_iter():
        try:
            command = " ".join(process.cmdline())
            if process.cwd() == str(workspace.root) and ("gristmill stage" in command or "gristmill.stages" in command):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_dvc_repro_runs_the_eight_stages_in_order(walked):
    workspace, output = walked

    assert workspace.stages_run(output) == STAGES
    assert "up to date" in workspace.run("dvc", "status").stdout


def test_gristmill_run_after_dvc_repro_runs_no_stage_and_releases(walked):
    workspace, _ = walked
    before = data_files(workspace.root)

    done = workspace.run("gristmill", "run")

    assert workspace.stages_run(done.stdout + done.stderr) == []
    assert data_files(workspace.root) == before
    assert workspace.json("release.json")["rows"] == workspace.json("data", "export", "manifest.json")["rows"]


@SYSTEM
def test_both_doors_leave_the_same_lock_but_for_volatile_metrics(walked, scripted):
    workspace, _ = walked
    slow_down(scripted)

    scripted.run("gristmill", "run", "--no-release")

    assert data_files(scripted.root) == data_files(workspace.root)
    assert scripted.run("dvc", "repro").stdout.count("Running stage") == 0


@pytest.mark.parametrize("victim", ["dvc", pytest.param("everything but the worker", marks=SYSTEM)])
def test_dvc_repro_killed_in_generate_and_run_again_gives_the_undisturbed_data(walked, scripted, victim):
    undisturbed, _ = walked
    slow_down(scripted)
    scripted.run("gristmill", "sync")
    repro = scripted.start("dvc", "repro")
    progress = scripted.root / ".gristmill" / "progress" / "generate.json"
    wait_until(lambda: progress.exists() and json.loads(progress.read_text())["done"] > 10)

    family = stage_processes(scripted)
    os.kill(repro.pid, signal.SIGKILL)
    if victim != "dvc":
        for process in family:
            if "gristmill.stages" not in " ".join(process.cmdline()):
                process.kill()
    repro.wait()
    scripted.run("dvc", "repro")

    assert data_files(scripted.root) == data_files(undisturbed.root)
    assert "up to date" in scripted.run("dvc", "status").stdout
    assert scripted.json("metrics", "generate.json")["requests_from_journal"] > 0
    assert not any(process.is_running() for process in family)


@SYSTEM
def test_interrupt_of_gristmill_run_ends_the_stage_and_keeps_what_was_answered(scripted):
    slow_down(scripted)
    run = scripted.start("gristmill", "run", "--no-release")
    progress = scripted.root / ".gristmill" / "progress" / "generate.json"
    wait_until(lambda: progress.exists() and json.loads(progress.read_text())["done"] > 10)

    os.killpg(run.pid, signal.SIGINT)  # as the terminal does

    assert run.wait(60) == 130
    wait_until(lambda: not stage_processes(scripted), 30)
    assert not (scripted.root / "data" / "generate").exists()
    scripted.run("gristmill", "run", "--no-release")
    assert scripted.json("metrics", "generate.json")["requests_from_journal"] > 0


def test_gate_that_refuses_says_why_and_nothing_is_released(scripted):
    scripted.set_params(gate__min_rows=100_000)

    done = scripted.run("gristmill", "run", check=False)

    assert done.returncode == 3
    assert "100,000" in done.stderr or "100000" in done.stderr
    assert not (scripted.root / "release.json").exists()
    assert scripted.git("tag") == ""
    assert not (scripted.root / "data" / "export").exists()
    status = json.loads(scripted.run("dvc", "status", "--json").stdout)
    assert sorted(status) == ["export", "gate"]


@SYSTEM
def test_parameters_set_from_outside_reach_params_dvc_and_the_release(scripted):
    scripted.run("gristmill", "run", "--set", "filter.filters.length.max_response_words=9")

    assert "max_response_words: 9" in (scripted.root / "params.yaml").read_text()
    tag = scripted.json("release.json")["tag"]
    assert "max_response_words: 9" in scripted.git("show", f"{tag}:params.yaml")
    assert "max_response_words: 9" in scripted.git("show", f"{tag}:dvc.lock")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda w: w.set_params(gate__min_rows="many"), "params.yaml: gate.min_rows", id="wrong parameter"),
        pytest.param(
            lambda w: w.set_params(ingest__sources=[{"name": "a", "path": "nowhere/*.md"}]),
            "nowhere/*.md",
            id="missing source",
        ),
        pytest.param(lambda w: shutil.rmtree(w.root / ".git"), "git", id="no git repository"),
        pytest.param(
            lambda w: (w.root / "dvc.lock").write_text("<<<<<<< ours\nschema: '2.0'\n"),
            "dvc.lock",
            id="conflicting dvc.lock",
            marks=SYSTEM,
        ),
        pytest.param(
            lambda w: w.set_params(store__endpoint="http://127.0.0.1:9"), "127.0.0.1:9", id="dead store", marks=SYSTEM
        ),
    ],
)
def test_run_with_bad_input_ends_with_a_message_and_no_traceback(scripted, spoil, message):
    spoil(scripted)

    done = scripted.run("gristmill", "run", check=False)

    assert done.returncode != 0
    assert message in "\n".join(done.stderr.splitlines()[-6:])
    assert "Traceback" not in done.stdout + done.stderr


@SYSTEM
def test_two_clones_at_once_share_one_store(environment, tmp_path):
    clones = [scripted_workspace(environment, tmp_path / name, seeds=20) for name in ("one", "two")]

    runs = [clone.start("gristmill", "run") for clone in clones]

    assert [run.wait(300) for run in runs] == [0, 0]
    assert len({clone.json("release.json")["url"].split("/")[2] for clone in clones}) == 1


def test_store_env_speaks_to_other_programs(scripted):
    scripted.run("gristmill", "store", "start")

    lines = scripted.run("gristmill", "store", "env").stdout
    code = "import boto3; print(boto3.client('s3').list_buckets()['ResponseMetadata']['HTTPStatusCode'])"
    shell = ["bash", "-c", f'{lines}\npython -c "{code}"']

    assert subprocess.run(shell, env=scripted.env(), capture_output=True, text=True).stdout == "200\n"


def test_plan_says_what_is_open_and_after_the_run_that_nothing_is(scripted):
    scripted.run("gristmill", "sync")
    scripted.run("dvc", "repro", "ingest")

    before = json.loads(scripted.run("gristmill", "plan", "--json").stdout)
    scripted.run("dvc", "repro")
    after = json.loads(scripted.run("gristmill", "plan", "--json").stdout)

    assert before["generate"]["samples"] == 120
    assert before["generate"]["samples_settled"] < 120  # passages with nothing to ask about are settled
    assert before["generate"]["requests_open"] == 120 - before["generate"]["samples_settled"]
    assert before["generate"]["requests_answered"] == 0
    assert after["generate"]["samples_settled"] == 120
    assert after["generate"]["requests_open"] == 0
    assert {row["state"] for row in after["stages"]} == {"up to date"}


def test_explain_tells_of_a_kept_row_and_of_a_rejected_one(walked):
    workspace, _ = walked
    import pyarrow.parquet as pq

    kept = pq.read_table(workspace.root / "data" / "filter").to_pylist()[0]["sample_id"]
    refused = pq.read_table(next((workspace.root / "data" / "generate" / "rejected").glob("*.parquet"))).to_pylist()[0]

    story = json.loads(workspace.run("gristmill", "explain", kept, "--json").stdout)
    end = json.loads(workspace.run("gristmill", "explain", refused["id"][:12], "--json").stdout)

    assert story["row"]["sample_id"] == kept
    assert story["seeds"][0]["origins"][0]["source"] == "python-docs"
    assert [step["answer"] for step in story["asked and answered"]]
    assert (end["rejected by"]["stage"], end["rejected by"]["reason"]) == ("generate", refused["reason"])


def test_preview_shows_prompts_answers_and_verdicts_and_writes_no_data(scripted: Workspace):
    scripted.run("gristmill", "sync")
    scripted.run("dvc", "repro", "ingest")

    shown = json.loads(scripted.run("gristmill", "preview", "-n", "3", "--json").stdout)

    assert len(shown) == 3
    assert all(row["trials"][0]["asked"] and row["trials"][0]["answer"] for row in shown)
    assert all(row["verdict"] for row in shown)
    assert sorted(path.name for path in (scripted.root / "data").iterdir()) == ["ingest"]
