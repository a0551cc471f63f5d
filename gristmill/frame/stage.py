"""One run of a stage: what is written stays private until all of it is right, then appears at once.

    with stage_run(Stage.FILTER, layout) as run:
        ledger = run.ledger("samples")
        out = run.writer(SAMPLE)
        ...ledger.entered += 1; out.append(row); ledger.out += 1
        ...run.reject(ledger, Refusal(...))

At the end the books are checked, `_stage.json` (deterministic facts only) is written beside the
parts, and the private folder is renamed to `data/<stage>`. After an exception nothing is left
there. Seconds and rates go to `metrics/<stage>.json`, on which no stage depends.
"""

import json
import logging
import resource
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from gristmill.frame.books import Books, Ledger
from gristmill.frame.lock import exclusive
from gristmill.frame.parquet import PartWriter
from gristmill.frame.progress import Progress
from gristmill.frame.redact import excerpt, redact, redact_place
from gristmill.layout import Layout, Stage
from gristmill.schema import REJECT

BOOKS_FILE = "_stage.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal:
    """Why a row did not go on: `reason` is counted in the books, the rest explains it."""

    id: str
    reason: str
    value: str = ""
    threshold: str = ""
    where: str = ""
    text: str = ""
    outcome: Literal["rejected", "failed"] = "rejected"


class StageRun:
    """What a stage's code sees of the frame."""

    def __init__(self, stage: Stage, layout: Layout, folder: Path) -> None:
        self.stage = stage
        self.layout = layout
        self.folder = folder
        """Private folder that becomes `data/<stage>`."""
        self.progress = Progress(layout.progress(stage), stage.value)
        self._books = Books()
        self._used: dict[str, Any] = {}
        self._metrics: dict[str, Any] = {}
        self._writers: list[PartWriter] = []
        self._rejects: PartWriter | None = None
        self._start = time.monotonic()

    def ledger(self, unit: str) -> Ledger:
        """The ledger kept in `unit`s; the first one made is the stage's main one."""
        return self._books.ledger(unit)

    def writer(self, schema: pa.Schema, *, subfolder: str = "", part_bytes: int | None = None) -> PartWriter:
        """A writer of Parquet parts into the stage's out (or a folder in it)."""
        sizes = {} if part_bytes is None else {"part_bytes": part_bytes}
        writer = PartWriter(self.folder / subfolder, schema, **sizes)
        self._writers.append(writer)
        return writer

    def reject(self, ledger: Ledger, refusal: Refusal) -> None:
        """Books a refused row and keeps it in `rejected/`, redacted."""
        if self._rejects is None:
            self._rejects = self.writer(REJECT, subfolder="rejected")
        (ledger.rejected if refusal.outcome == "rejected" else ledger.failed)[refusal.reason] += 1
        self._rejects.append(
            {
                "unit": ledger.unit,
                "id": refusal.id,
                "outcome": refusal.outcome,
                "reason": refusal.reason,
                "value": redact(refusal.value)[:500],
                "threshold": refusal.threshold,
                "where": redact_place(refusal.where),
                "text": excerpt(refusal.text),
            }
        )

    def used(self, **facts: Any) -> None:
        """Deterministic facts for `_stage.json`: what the stage used, counted or measured."""
        self._used.update(facts)

    def metric(self, **figures: Any) -> None:
        """Volatile figures for `metrics/<stage>.json`."""
        self._metrics.update(figures)

    def finish(self) -> None:
        """Closes the parts, checks the books, and writes both files of facts."""
        for writer in self._writers:
            writer.close()
        self._books.check(self.stage.value)
        books = {"stage": self.stage.value, "books": self._books.as_list(), "used": self._used}
        (self.folder / BOOKS_FILE).write_text(json.dumps(books, indent=1, sort_keys=True) + "\n")

    def abandon(self) -> None:
        """Closes what is open and removes the private folder."""
        for writer in self._writers:
            writer.abandon()
        shutil.rmtree(self.folder, ignore_errors=True)

    def metrics(self) -> dict[str, Any]:
        """The stage's figures: rows of its main ledger, seconds, rate, memory, and what the stage added."""
        seconds = time.monotonic() - self._start
        return {
            **self._rows(seconds),
            "seconds": round(seconds, 3),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            **self._metrics,
        }

    def _rows(self, seconds: float) -> dict[str, Any]:
        """What came in and what became of it; empty for a stage that keeps no books, as the gate does."""
        for main in self._books.as_list():
            return {
                "in": main["in"],
                "out": main["out"],
                "rejected": sum(main["rejected"].values()),
                "failed": sum(main["failed"].values()),
                "rows_per_s": round(main["in"] / seconds, 3),
            }
        return {}


@contextmanager
def stage_run(stage: Stage, layout: Layout) -> Iterator[StageRun]:
    """Runs the body under the stage's lock; its output appears as `data/<stage>` only if all went well.

    Raises GristmillError when another run of this stage holds the lock, BooksError when the
    books don't balance.
    """
    with exclusive(layout.state / "locks" / f"{stage.value}.lock", f"stage {stage.value}"):
        folder = _private_folder(stage, layout)
        run = StageRun(stage, layout, folder)
        try:
            yield run
            run.finish()
        except BaseException:
            run.abandon()
            raise
        _appear(folder, layout.data(stage))
        _write_metrics(layout.metrics(stage), run.metrics())
        run.progress.publish()
        log.info("%s: %s", stage.value, describe(run.metrics()))


def read_books(layout: Layout, stage: Stage) -> dict[str, Any]:
    """The stage's `_stage.json`. Raises FileNotFoundError when the stage has not run."""
    books: dict[str, Any] = json.loads((layout.data(stage) / BOOKS_FILE).read_text())
    return books


def describe(metrics: Mapping[str, Any]) -> str:
    """One line for people: what came in and what became of it."""
    if "in" not in metrics:
        return f"done in {metrics['seconds']:.1f} s"
    return (
        f"{metrics['in']:,} in, {metrics['out']:,} out, {metrics['rejected']:,} rejected,"
        f" {metrics['failed']:,} failed in {metrics['seconds']:.1f} s"
    )


def _private_folder(stage: Stage, layout: Layout) -> Path:
    """A fresh folder on the same file system as `data/`; what a killed run left under its name goes."""
    folder = layout.state / "tmp" / stage.value
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _appear(folder: Path, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists():
        shutil.rmtree(out)
    folder.replace(out)


def _write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metrics, indent=1) + "\n")
