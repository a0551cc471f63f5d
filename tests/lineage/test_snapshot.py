"""What counts as code that is not committed."""

import subprocess
from pathlib import Path

import pytest

from gristmill.errors import InputError
from gristmill.layout import Layout
from gristmill.lineage.snapshot import code_state, require_committed


def test_uncommitted_code_is_named_and_parameters_and_outs_are_no_code(tmp_path: Path) -> None:
    identity = ["-c", "user.name=A User", "-c", "user.email=user@example.org"]
    (tmp_path / "params.yaml").write_text("{}\n")
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "start"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    layout = Layout(tmp_path)
    (tmp_path / "params.yaml").write_text("changed: 1\n")
    (tmp_path / "dvc.lock").write_text("")

    require_committed(layout)
    assert (code_state(layout).dirty, code_state(layout).params_changed) == (False, True)

    (tmp_path / "params.yaml.bak").write_text("a copy\n")
    with pytest.raises(InputError, match=r"not committed: params\.yaml\.bak"):
        require_committed(layout)
    assert code_state(layout).dirty is True
