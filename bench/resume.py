"""What a killed run loses, and what it asks twice: the generate stage killed at random moments and started again.

    python -m bench.resume             killed 20 times
    python -m bench.resume --quick     killed 5 times

The workspace is that of `bench.overhead`; the scripted engine writes down every request it is asked, and takes a moment
for each answer so that kills fall between answers. An uninterrupted run of the same is what the data is held against.

Prints one JSON object as its last line: `kills`, `rows`, `lost` and `duplicated` rows, `asked_twice_max` (most requests
that one restart asked again; in flight is whatever was not yet committed to the journal: 128 under way and one
group), and `equal_bytes`: whether every file of the data is equal byte for byte.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.overhead import ANSWER, workspace, write_params
from gristmill.frame.parquet import read_rows
from gristmill.layout import Layout, Stage
from gristmill.recipes.request import Request, request_key

ROOT = Path(__file__).parents[1]
ROWS_PER_KILL = 400
SECONDS_PER_ANSWER = 0.002
ASKED_VARIABLE = "GRISTMILL_BENCH_ASKED"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5 kills instead of 20")
    kills = 5 if parser.parse_args().quick else 20
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        print(json.dumps(measure(Path(folder), kills)))


def measure(folder: Path, kills: int) -> dict[str, Any]:
    """One disturbed and one undisturbed run over the same seeds."""
    rows = kills * ROWS_PER_KILL
    calm, disturbed = (make(folder / name, rows) for name in ("calm", "disturbed"))
    start(calm, folder / "calm.asked").wait()
    asked = disturb(disturbed, folder, kills)
    ids = [row["sample_id"] for row in read_rows(disturbed.data(Stage.GENERATE), ["sample_id"])]
    return {
        "kills": kills,
        "rows": rows,
        "lost": rows - len(set(ids)),
        "duplicated": len(ids) - len(set(ids)),
        "asked_twice_max": max(again(asked)),
        "equal_bytes": files(calm) == files(disturbed),
    }


def disturb(layout: Layout, folder: Path, kills: int) -> list[list[str]]:
    """Runs and kills, then runs to the end; the requests that each of the runs asked."""
    chance = random.Random(7)
    logs = [folder / f"disturbed-{number}.asked" for number in range(kills + 1)]
    for number, log in enumerate(logs):
        worker = start(layout, log)
        if number < kills:
            while not log.exists() and worker.poll() is None:
                time.sleep(0.01)
            time.sleep(chance.uniform(0.05, 0.7))
            worker.kill()
        worker.wait()
    return [log.read_text().split() for log in logs]


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
    log = os.open(os.environ[ASKED_VARIABLE], os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.write(log, request_key(request.content("bench")).hex().encode() + b"\n")
    os.close(log)
    time.sleep(SECONDS_PER_ANSWER)
    return ANSWER


def make(folder: Path, rows: int) -> Layout:
    """A workspace with so many seeds."""
    folder.mkdir()
    layout = workspace(folder, rows)
    write_params(layout, 128, kind="scripted", script="bench.resume:answer")
    return layout


def start(layout: Layout, log: Path) -> "subprocess.Popen[bytes]":
    """The stage's worker, under way."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), ASKED_VARIABLE: str(log)}
    command = [sys.executable, "-m", "gristmill.stages", Stage.GENERATE.value]
    return subprocess.Popen(command, cwd=layout.root, env=environment, stderr=subprocess.DEVNULL)


def files(layout: Layout) -> dict[str, bytes]:
    """The stage's data, by name."""
    folder = layout.data(Stage.GENERATE)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    main()
