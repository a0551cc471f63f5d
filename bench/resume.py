"""What a killed run loses, and what it asks twice: the generate stage killed at random moments and started again.

    python -m bench.resume                       killed 20 times, with the scripted engine and with the real one
    python -m bench.resume --engine scripted     one of them
    python -m bench.resume --quick               killed 4 times

With the scripted engine the workspace is that of `bench.overhead`, and each answer takes a moment, so that kills fall
between answers; with the real one it is that of `bench.saturation`, one step. Each worker writes down every request
that it asks. An uninterrupted run of the same is what the data is held against; the real engine never writes the same
twice, so there it is a run over the same journal.

Prints one JSON object as its last line. For each engine: `kills`, `rows`, `lost` and `duplicated` rows,
`asked_twice_max` (most requests that one restart asked again) with what it may be, `in_flight` (requests under way, and
one group of the journal), `equal_bytes` (every file of the data equal, byte for byte), and for the real one
`processes_left`, the processes of an engine that were still there some seconds after its worker was killed.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from bench import overhead, saturation
from gristmill.engine.vllm import VllmEngine
from gristmill.frame.parquet import read_rows
from gristmill.layout import Layout, Stage
from gristmill.recipes.request import Answer, Request, request_key
from gristmill.stages import generate

ROOT = Path(__file__).parents[1]
SECONDS_PER_ANSWER = 0.002
ASKED_VARIABLE = "GRISTMILL_BENCH_ASKED"
START_SECONDS = 180.0
"""Longest wait for a worker's first request."""
GROUP = 256
"""Most answers that one commit of the journal holds."""
END_SECONDS = 20.0
"""In which an engine's processes must be gone after their parent."""


@dataclass(frozen=True)
class Case:
    """An engine, and how its run is laid out."""

    rows_per_kill: int
    in_flight: int
    longest_life: float
    """Seconds after the first request in which the kill comes."""
    make: Callable[[Path, int], Layout]


def scripted_workspace(folder: Path, rows: int) -> Layout:
    """That of `bench.overhead`."""
    folder.mkdir()
    layout = overhead.workspace(folder, rows)
    overhead.write_params(layout, 128, kind="scripted", script="bench.resume:answer")
    return layout


def real_workspace(folder: Path, rows: int) -> Layout:
    """That of `bench.saturation`, with the engine's parameters written down."""
    layout = saturation.workspace(folder, "one-step", rows)
    engine = {"max_in_flight": saturation.MAX_NUM_SEQS, "kv_cache_gib": 1}
    given = yaml.safe_load(layout.params.read_text())
    layout.params.write_text(yaml.safe_dump({**given, "model": {"max_model_len": 1024}, "engine": engine}))
    return layout


CASES = {
    "scripted": Case(400, 128, 0.7, scripted_workspace),
    "vllm": Case(20, saturation.MAX_NUM_SEQS, 5.0, real_workspace),
}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=list(CASES))
    parser.add_argument("--quick", action="store_true", help="4 kills instead of 20")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work()
        return
    kills = 4 if given.quick else 20
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        names = [given.engine] if given.engine else list(CASES)
        print(json.dumps({name: measure(name, Path(folder) / name, kills) for name in names}))


def measure(name: str, folder: Path, kills: int) -> dict[str, Any]:
    """One disturbed run, and one undisturbed over the same seeds or the same journal."""
    case = CASES[name]
    folder.mkdir()
    rows = kills * case.rows_per_kill
    disturbed = case.make(folder / "disturbed", rows)
    asked, left = disturb(disturbed, folder, kills, case.longest_life)
    data = files(disturbed)
    ids = [row["sample_id"] for row in read_rows(disturbed.data(Stage.GENERATE), ["sample_id"])]
    rejected = disturbed.data(Stage.GENERATE) / "rejected"
    ids += [row["id"] for row in read_rows(rejected, ["id"])] if rejected.exists() else []
    calm = case.make(folder / "calm", rows) if name == "scripted" else disturbed
    ended(start(calm, folder / "calm.asked"))
    return {
        "kills": kills,
        "rows": rows,
        "lost": rows - len(set(ids)),
        "duplicated": len(ids) - len(set(ids)),
        "asked_twice_max": max(again(asked)),
        "in_flight": case.in_flight + GROUP,
        "equal_bytes": files(calm) == data,
        **({"processes_left": left} if name == "vllm" else {}),
    }


def disturb(layout: Layout, folder: Path, kills: int, longest_life: float) -> tuple[list[list[str]], int]:
    """Runs and kills, then runs to the end: the requests that each of the runs asked, and processes left over."""
    chance = random.Random(7)
    logs = [folder / f"disturbed-{number}.asked" for number in range(kills + 1)]
    left = 0
    for log in logs[:-1]:
        worker = start(layout, log)
        wait_until(lambda log=log, worker=worker: log.exists() or worker.poll() is not None, START_SECONDS)
        time.sleep(chance.uniform(0.0, longest_life))
        children = psutil.Process(worker.pid).children(recursive=True) if worker.poll() is None else []
        worker.kill()
        worker.wait()
        left += len(psutil.wait_procs(children, timeout=END_SECONDS)[1])
    ended(start(layout, logs[-1]))
    return [log.read_text().split() if log.exists() else [] for log in logs], left


def again(asked: list[list[str]]) -> list[int]:
    """For each restart, how many of its requests an earlier run had asked."""
    before: set[str] = set()
    counts = []
    for run in asked:
        counts.append(len(before & set(run)))
        before |= set(run)
    return counts


def answer(request: Request) -> str:
    """The scripted engine's answer, after the request is written down."""
    note(request)
    time.sleep(SECONDS_PER_ANSWER)
    return overhead.ANSWER


def note(request: Request) -> None:
    """Writes the request down, whatever happens next."""
    log = os.open(os.environ[ASKED_VARIABLE], os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.write(log, request_key(request.content("bench")).hex().encode() + b"\n")
    os.close(log)


def work() -> None:
    """The stage in the present folder, the real engine's requests written down too."""
    ask = VllmEngine.ask

    async def noted(engine: VllmEngine, request: Request) -> Answer:
        note(request)
        return await ask(engine, request)

    VllmEngine.ask = noted  # type: ignore[method-assign]
    generate.run(Layout(Path.cwd()))


def start(layout: Layout, log: Path) -> "subprocess.Popen[str]":
    """The stage's worker, under way."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), ASKED_VARIABLE: str(log)}
    command = [sys.executable, "-m", "bench.resume", "--worker"]
    return subprocess.Popen(
        command, cwd=layout.root, env=environment, stderr=(log.with_suffix(".errors")).open("w"), text=True
    )


def ended(worker: "subprocess.Popen[str]") -> None:
    """Waits for a worker that nobody kills. Raises SystemExit when it failed."""
    if worker.wait():
        raise SystemExit(f"a worker ended with status {worker.returncode}")


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    """Returns when it is true. Raises SystemExit when that takes too long."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"a worker asked nothing within {seconds:.0f} s")
        time.sleep(0.01)


def files(layout: Layout) -> dict[str, bytes]:
    """The stage's data, by name."""
    folder = layout.data(Stage.GENERATE)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    main()
