"""requirements/setup.sh: says what is wrong and what to do, and never takes a failed step for done."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with a space in its name that holds the set-up and nothing else."""
    folder = tmp_path / "my clone"
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    return folder


def set_up(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    without = {k: v for k, v in os.environ.items() if k not in {"PYTHON", "DEVICE"} and not k.startswith("PIP_")}
    command = [clone / "requirements" / "setup.sh"]
    return subprocess.run(command, env=without | environment, capture_output=True, text=True)


def fake_python(folder: Path, version: str) -> str:
    path = folder / "python"
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "Python {version}" && exit\nexit 1\n')
    path.chmod(0o755)
    return str(path)


def test_setup_with_an_old_python_names_it_and_what_to_install(clone: Path) -> None:
    done = set_up(clone, PYTHON=fake_python(clone, "3.9.2"))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: set-up: no Python 3.11 or 3.12: '{clone}/python --version' says 'Python 3.9.2'",
        "    do: install one of them and name it, for example: make setup PYTHON=/usr/bin/python3.12",
    ]
    assert not (clone / ".venv").exists()


def test_setup_over_a_broken_environment_asks_to_remove_it(clone: Path) -> None:
    (clone / ".venv").mkdir()
    done = set_up(clone)
    assert done.returncode == 1
    assert "error: set-up: .venv holds no working Python 3.11 or 3.12 with pip" in done.stderr
    assert "do: rm -rf .venv, then the same command again" in done.stderr


def test_setup_without_a_way_to_an_index_fails_and_leaves_no_stamp(clone: Path) -> None:
    done = set_up(clone, PIP_NO_INDEX="1", PIP_CONFIG_FILE="/dev/null")
    assert done.returncode == 1
    assert "No matching distribution found for uv" in done.stderr
    assert "error: set-up: 'uv' did not install; the whole log is .venv/setup/log.txt" in done.stderr
    assert sorted(path.name for path in (clone / ".venv" / "setup").iterdir()) == ["log.txt", "place"]


def test_setup_in_a_moved_folder_asks_to_make_the_environment_anew(clone: Path) -> None:
    for name in ("bin", "setup"):
        (clone / ".venv" / name).mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (clone / ".venv" / "bin" / "pip").symlink_to(sys.executable)
    (clone / ".venv" / "setup" / "place").write_text("/home/ada/gristmill\ncpu\n")
    done = set_up(clone)
    assert done.returncode == 1
    assert "error: set-up: this folder was moved: .venv was made in /home/ada/gristmill" in done.stderr
