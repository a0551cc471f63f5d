"""Where things lie in a workspace: one place that knows the paths.

data/<stage>/                 the stage's Parquet parts and `_stage.json`; a DVC out
data/<stage>/rejected/        what the stage refused, with reasons
metrics/<stage>.json          seconds, rates, money: on these no stage depends
inputs/*.lock                 what the world was when this cycle began
.gristmill/                   private state: journal, locks, progress, logs (never versioned)
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gristmill.errors import InputError


class Stage(StrEnum):
    """The eight stages of the data graph, in their order."""

    INGEST = "ingest"
    GENERATE = "generate"
    FILTER = "filter"
    JUDGE = "judge"
    COMPOSE = "compose"
    AUDIT = "audit"
    GATE = "gate"
    EXPORT = "export"


@dataclass(frozen=True)
class Layout:
    """Paths below the workspace's root (the folder that holds `params.yaml`)."""

    root: Path

    @property
    def params(self) -> Path:
        """The parameters, the only file a user edits."""
        return self.root / "params.yaml"

    @property
    def recipes(self) -> Path:
        """One YAML file per recipe or rubric."""
        return self.root / "recipes"

    @property
    def sources_lock(self) -> Path:
        """What the sources hold: address, size and hash of each file."""
        return self.root / "inputs" / "sources.lock"

    @property
    def parent_lock(self) -> Path:
        """The release that this cycle builds on."""
        return self.root / "inputs" / "parent.lock"

    @property
    def quota_lock(self) -> Path:
        """How many seeds and draws this cycle asks for."""
        return self.root / "inputs" / "quota.lock"

    @property
    def retracted(self) -> Path:
        """What no later data set may hold; kept by hand or `gristmill retract`, and tracked by git."""
        return self.root / "inputs" / "retracted.yaml"

    @property
    def state(self) -> Path:
        """Private state of this clone; deleting it costs time, never data."""
        return self.root / ".gristmill"

    @property
    def journal(self) -> Path:
        """The SQLite file that holds every answered request."""
        return self.state / "journal" / "journal.sqlite"

    @property
    def release_record(self) -> Path:
        """What the last `gristmill release` published, for scripts."""
        return self.root / "release.json"

    def data(self, stage: Stage) -> Path:
        """The stage's out."""
        return self.root / "data" / stage.value

    def metrics(self, stage: Stage) -> Path:
        """The stage's volatile figures."""
        return self.root / "metrics" / f"{stage.value}.json"

    def progress(self, stage: Stage) -> Path:
        """Live progress of a running stage."""
        return self.state / "progress" / f"{stage.value}.json"


def find_workspace(start: Path | None = None) -> Layout:
    """The workspace around `start` (default: the current folder): the nearest folder upwards with a `params.yaml`."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file():
            return Layout(folder)
    raise InputError(
        f"no params.yaml in {here} or above it",
        expected="a folder with Gristmill's params.yaml",
        do="change into your clone, or clone the project first",
    )
