"""A clone of this project as a user has it, driven through its doors as processes."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Workspace:
    """One clone and the environment of its commands."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str, check: bool = True, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs a command of the project's virtual environment in the clone."""
        done = subprocess.run(
            command, cwd=self.root, env=self.env(), capture_output=True, text=True, timeout=timeout, check=False
        )
        assert not check or done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
        return done

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Starts a command in a session of its own and leaves it running; its output goes nowhere."""
        quiet = subprocess.DEVNULL
        streams = {"stdout": quiet, "stderr": quiet}
        return subprocess.Popen(command, cwd=self.root, env=self.env(), text=True, start_new_session=True, **streams)

    def env(self) -> dict[str, str]:
        """The user's environment, with this virtual environment first on PATH."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "AWS_", "GRISTMILL_"))}
        place = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PWD": str(self.root)}  # as a shell sets them
        return {**clean, **place, **self.environment}

    def set_params(self, **changes: Any) -> None:
        """Changes params.yaml: `section__field=value`."""
        path = self.root / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for key, value in changes.items():
            *sections, last = key.split("__")
            place = params
            for section in sections:
                place = self._below(place, section)
            place[last] = value
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def _below(self, place: Any, section: str) -> Any:
        """A section, or the entry of a list that has this name."""
        if isinstance(place, list):
            return next(entry for entry in place if entry["name"] == section)
        return place.setdefault(section, {})

    def json(self, *parts: str) -> Any:
        """A JSON file of the clone."""
        return json.loads(self.root.joinpath(*parts).read_text())

    def git(self, *arguments: str) -> str:
        """A git command's output."""
        return self.run("git", *arguments).stdout.strip()

    def commit(self, message: str) -> None:
        """Commits the tracked changes."""
        self.git("commit", "-qam", message)

    def stages_run(self, output: str) -> list[str]:
        """The stages that a `dvc repro` or `gristmill run` really ran, from what it printed."""
        return [word.split("'")[1] for word in output.split("Running stage ")[1:] if word.startswith("'")]


def make_workspace(folder: Path, environment: dict[str, str]) -> Workspace:
    """A fresh repository with the project's files as they are now, committed."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file() and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    workspace = Workspace(folder, environment)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "the project"]):
        workspace.git(*command)
    return workspace


def data_files(root: Path) -> dict[str, bytes]:
    """Every file under data/, by name."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.glob("data/**/*")) if path.is_file()}
