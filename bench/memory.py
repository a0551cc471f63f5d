"""Memory of the generate stage against the number of rows: it must not grow with them.

    python -m bench.memory             1,000,000 rows against 100,000
    python -m bench.memory --quick     100,000 rows against 10,000

The workspace is that of `bench.overhead` with its scripted engine; each size runs as a stage's worker in a process
of its own. Prints one JSON object as its last line: `peak_mb` (resident set at most, of the larger run),
`smaller_peak_mb`, `ratio` of the two, and the rows per second of each.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.overhead import workspace, write_params
from gristmill.layout import Stage

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    sizes = (10_000, 100_000) if parser.parse_args().quick else (100_000, 1_000_000)
    smaller, larger = (run(rows) for rows in sizes)
    found = {
        "rows": list(sizes),
        "peak_mb": larger["peak_rss_mb"],
        "smaller_peak_mb": smaller["peak_rss_mb"],
        "ratio": round(larger["peak_rss_mb"] / smaller["peak_rss_mb"], 3),
        "rows_per_s": [smaller["rows_per_s"], larger["rows_per_s"]],
    }
    print(json.dumps(found))


def run(rows: int) -> dict[str, Any]:
    """The stage's own metrics after one run over so many rows."""
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        layout = workspace(Path(folder), rows)
        write_params(layout, 128, kind="scripted", script="bench.overhead:answer")
        command = [sys.executable, "-m", "gristmill.stages", Stage.GENERATE.value]
        subprocess.run(command, cwd=layout.root, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
        metrics: dict[str, Any] = json.loads(layout.metrics(Stage.GENERATE).read_text())
        return metrics


if __name__ == "__main__":
    main()
