"""Workspaces for the end-to-end tests. One embedded store serves the whole session and is stopped at its end."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import BIN, Workspace, make_workspace


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> Iterator[dict[str, str]]:
    """A user's environment of its own: state directory, git identity, no global configuration."""
    home = tmp_path_factory.mktemp("home")
    variables = {
        "GRISTMILL_STATE_DIR": str(home / "state"),
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_GLOBAL_CONFIG_DIR": str(home / "dvc"),
        "DVC_NO_ANALYTICS": "1",
        "HF_HOME": str(home / "hf"),
    }
    (home / "gitconfig").write_text("[user]\n\tname = A User\n\temail = user@example.org\n")
    yield variables
    subprocess.run([BIN / "gristmill", "store", "stop"], env=Workspace(home, variables).env(), cwd=home, check=False)


@pytest.fixture(scope="session")
def mill(environment, tmp_path_factory) -> Workspace:
    """A clone whose main job has run once with the real engine: few seeds, the same checks."""
    workspace = make_workspace(tmp_path_factory.mktemp("mill") / "a clone", environment)
    workspace.set_params(quota__seeds=60, quota__draws=1, gate__min_rows=5)
    workspace.commit("fewer seeds")
    done = workspace.run("gristmill", "run")
    (workspace.root / ".gristmill" / "first-run.log").write_text(done.stdout + done.stderr)
    return workspace


@pytest.fixture
def scripted(environment, tmp_path) -> Workspace:
    """A clone with the scripted engine, whose answers are the same each time."""
    return scripted_workspace(environment, tmp_path / "clone")


def scripted_workspace(environment: dict[str, str], folder: Path, seeds: int = 120) -> Workspace:
    """A clone with the scripted engine and a bucket of its own."""
    workspace = make_workspace(folder, environment)
    workspace.set_params(engine__kind="scripted", quota__seeds=seeds, quota__draws=1)
    workspace.set_params(gate__min_rows=1, gate__min_accepted_share=0.0)
    workspace.commit("scripted engine")
    return workspace
