"""The real engine ends with whoever started it: a DVC that was killed or interrupted leaves no EngineCore behind."""

import os
import signal

import psutil
import pytest

from tests.e2e.test_doors import wait_until
from tests.e2e.workspace import make_workspace

pytestmark = [pytest.mark.e2e, pytest.mark.system, pytest.mark.engine]


@pytest.fixture
def real(environment, tmp_path):
    """A clone with the real engine, about to generate."""
    workspace = make_workspace(tmp_path / "clone", environment)
    workspace.set_params(quota__seeds=200, quota__draws=1)
    workspace.run("gristmill", "sync")
    workspace.run("dvc", "repro", "ingest")
    return workspace


def engine_processes(workspace):
    """Processes that vLLM started for this clone: its EngineCore and workers, by their folder and name."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(workspace.root) and "VLLM::" in process.name() + " ".join(process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
def test_engine_ends_when_dvc_is_ended(real, how):
    repro = real.start("dvc", "repro", "generate")
    wait_until(lambda: engine_processes(real))

    if how is signal.SIGINT:
        os.killpg(repro.pid, how)  # as a terminal does; DVC itself waits for its stage
    else:
        os.kill(repro.pid, how)
    repro.wait(60)

    wait_until(lambda: not engine_processes(real), 30)
    assert not (real.root / "data" / "generate").exists()
