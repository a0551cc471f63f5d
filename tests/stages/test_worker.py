"""The worker of a stage: whatever goes wrong in it is a message and an exit status."""

import subprocess
import sys
from pathlib import Path

import pytest

WORKER = """
import sys
import gristmill.stages.filter as stage
from gristmill.stages.__main__ import main

def run(layout):
    raise {fault}

stage.run = run
sys.argv = ["worker", "filter"]
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (
            'OSError(28, "No space left on device", "data")',
            1,
            "data: No space left on device\n    do: free some room",
        ),
        ('OSError(5, "Input/output error")', 70, "unexpected OSError"),
        ('ValueError("odd")', 70, "unexpected ValueError: odd\n    do: this is a bug of Gristmill's, nothing is lost"),
    ],
)
def test_fault_of_a_stage_is_a_message_with_the_way_out(tmp_path: Path, fault: str, status: int, said: str) -> None:
    (tmp_path / "params.yaml").write_text("{}\n")

    done = subprocess.run(
        [sys.executable, "-c", WORKER.format(fault=fault)], cwd=tmp_path, capture_output=True, text=True
    )

    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr
