"""The four published filters, ours and datatrove's, on one core each and on the same real documents.

    make bench-peers                    once: datatrove in an environment of its own
    python -m bench.filters             5,000 documents, three alternating runs
    python -m bench.filters --quick     1,000 documents, one run

Every filter judges every document, so that decisions can be compared one by one; each side may keep what its filters
share (datatrove remembers the words of the last texts, ours are counted once). Both begin cold in a process of their
own, and only judging is timed. Prints one JSON object as its last line: `docs_per_s` of the four together as medians,
their `ratio`, and for each filter the share of `equal` decisions and Cohen's `kappa`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.documents import ROOT, documents
from gristmill.filters.build import published_filter
from gristmill.filters.standard import Standard
from gristmill.params.filters import default_filter

PEER = ROOT / ".venv-peers" / "bin" / "python"
FILTERS = ("gopher_quality", "gopher_repetition", "c4", "fineweb")


def main() -> None:
    """Measures and prints; with `--ours`, judges once, as the process that is timed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="1,000 documents, one run")
    parser.add_argument("--ours", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        judge(*map(Path, arguments.ours))
        return
    if not PEER.exists():
        raise SystemExit("datatrove is not there: run `make bench-peers` first")
    count, runs = (1000, 1) if arguments.quick else (5000, 3)
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        print(json.dumps(measure(Path(folder), count, runs)))


def measure(folder: Path, count: int, runs: int) -> dict[str, Any]:
    """Both sides in turn, each on the same one core."""
    texts = documents(count)
    source = folder / "documents.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    peer = [str(PEER), str(ROOT / "bench" / "peers" / "datatrove_filters.py")]
    ours = [sys.executable, "-m", "bench.filters", "--ours"]
    rounds = [(run(ours, source), run(peer, source)) for _ in range(runs)]
    seconds = [statistics.median(side["seconds"] for side in sides) for sides in zip(*rounds, strict=True)]
    mine, theirs = (side["decisions"] for side in rounds[-1])
    return {
        "documents": count,
        "megabytes": round(source.stat().st_size / 1e6, 1),
        "runs": runs,
        "docs_per_s": {"ours": round(count / seconds[0], 1), "datatrove": round(count / seconds[1], 1)},
        "ratio": round(seconds[1] / seconds[0], 1),
        "filters": {name: agreement(mine[name], theirs[name]) for name in FILTERS},
    }


def run(command: list[str], source: Path) -> dict[str, Any]:
    """One side, once, on the first core that this process may use."""
    target = source.with_name("decisions.json")
    core = min(os.sched_getaffinity(0))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(
        ["taskset", "-c", str(core), *command, str(source), str(target)], check=True, cwd=ROOT, env=environment
    )
    found: dict[str, Any] = json.loads(target.read_text())
    return found


def judge(source: Path, target: Path) -> None:
    """Our side: all documents once."""
    texts = pa.array([json.loads(line)["text"] for line in source.read_text().split("\n") if line], pa.large_string())
    checks = [published_filter(default_filter(name)) for name in FILTERS]
    Standard(checks, "text").judge_each(texts.slice(0, 1))
    filters = Standard(checks, "text")
    start = time.perf_counter()
    verdicts = filters.judge_each(texts)
    seconds = time.perf_counter() - start
    decisions = {
        check.name: [found.refused[row].reason if row in found.refused else None for row in range(len(texts))]
        for check, found in zip(filters.checks, verdicts, strict=True)
    }
    target.write_text(json.dumps({"seconds": seconds, "decisions": decisions}))


def agreement(mine: Sequence[str | None], theirs: Sequence[str | None]) -> dict[str, float]:
    """Share of equal decisions, and Cohen's kappa: how far it lies above what chance would give."""
    kept, their_kept = [reason is None for reason in mine], [reason is None for reason in theirs]
    equal = statistics.fmean(a == b for a, b in zip(kept, their_kept, strict=True))
    p, q = statistics.fmean(kept), statistics.fmean(their_kept)
    chance = p * q + (1 - p) * (1 - q)
    kappa = 1.0 if chance == 1 else (equal - chance) / (1 - chance)
    return {"equal": round(equal, 5), "kappa": round(kappa, 5), "kept": round(p, 3), "kept_by_datatrove": round(q, 3)}


if __name__ == "__main__":
    main()
