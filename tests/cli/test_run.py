"""`gristmill run`: what is wrong with its arguments is said before anything is started."""

import shutil
import subprocess
import sys

import pytest

from tests.closure import ROOT


@pytest.fixture
def clone(tmp_path):
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    text = (ROOT / "params.yaml").read_text().replace("kind: vllm", "kind: scripted")
    (tmp_path / "params.yaml").write_text(text)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *command], cwd=tmp_path, check=True
        )
    return tmp_path


def gristmill(clone, *arguments):
    command = [sys.executable, "-m", "gristmill", *arguments]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("gate.min_rows", "expected: PATH=VALUE"),
        ("gate.min_rows=[", "expected: a value as it would stand in params.yaml"),
        ("gate.min_rowz=3", "gate.min_rowz: unknown parameter"),
        ("gate.min_rows=many", "gate.min_rows: found 'many'"),
        ("ingest.sources.7.path=x", "no place for 'ingest.sources.7.path'"),
    ],
)
def test_run_with_a_wrong_setting_says_so_at_once(clone, setting, message):
    before = (clone / "params.yaml").read_text()

    done = gristmill(clone, "run", "--set", setting)

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (clone / ".prefect").exists()
    assert (clone / "params.yaml").read_text() == before


def test_command_that_meets_a_bug_says_so_and_keeps_the_traceback(clone):
    lock = clone / "inputs" / "quota.lock"
    lock.parent.mkdir()
    lock.mkdir()  # nobody foresaw a folder there

    done = gristmill(clone, "sync")

    assert done.returncode == 70
    assert "IsADirectoryError" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in next((clone / ".gristmill" / "logs").glob("gristmill-sync-*.log")).read_text()
