"""Live progress of a stage: a small JSON file, replaced atomically at most twice a second, that any watcher reads."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_INTERVAL_SECONDS = 0.5


@dataclass(frozen=True)
class Snapshot:
    """How far a stage is. Rates are since its start; `seconds_left` is None until a total and a rate are known."""

    stage: str
    unit: str
    done: int
    total: int | None
    rows_per_s: float
    tokens_per_s: float | None
    seconds: float
    seconds_left: float | None


class Progress:
    """Counts and publishes. `tokens` are output tokens of a model, where the stage asks one."""

    def __init__(self, path: Path, stage: str) -> None:
        self._path = path
        self._stage = stage
        self._start = time.monotonic()
        self._published = 0.0
        self.unit = "rows"
        self.total: int | None = None
        self.done = 0
        self.tokens = 0
        path.parent.mkdir(parents=True, exist_ok=True)

    def advance(self, rows: int, tokens: int = 0) -> None:
        """Adds finished rows and output tokens."""
        self.done += rows
        self.tokens += tokens
        if time.monotonic() - self._published >= _INTERVAL_SECONDS:
            self.publish()

    def snapshot(self) -> Snapshot:
        """The state now."""
        seconds = max(1e-9, time.monotonic() - self._start)
        rate = self.done / seconds
        left = (self.total - self.done) / rate if self.total is not None and rate > 0 else None
        tokens_per_s = self.tokens / seconds if self.tokens else None
        return Snapshot(self._stage, self.unit, self.done, self.total, rate, tokens_per_s, seconds, left)

    def publish(self) -> None:
        """Writes the state for watchers."""
        self._published = time.monotonic()
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self.snapshot())))
        fresh.replace(self._path)


def read_progress(path: Path) -> Snapshot | None:
    """The last published state, or None before there is one."""
    try:
        return Snapshot(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None


def clear_progress(path: Path) -> None:
    """Forgets an earlier run's state."""
    path.unlink(missing_ok=True)
