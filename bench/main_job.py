"""The main job from a fresh clone: how long the first run takes, the next one, and `dvc repro` after it.

    python -m bench.main_job            clones this repository's HEAD and sets everything up anew
    python -m bench.main_job --quick    the same with this checkout's virtual environment

Prints one JSON object as its last line: `rows` accepted; `setup_s`, `first_s` (set-up included), `again_s`
and `dvc_repro_s` in seconds, the last two as medians of three.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Clones, runs, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="use this checkout's virtual environment")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        print(json.dumps(measure(Path(folder), quick)))


def measure(folder: Path, quick: bool) -> dict[str, float]:
    """One clone in `folder`, with a store of its own, measured from the clone on."""
    clone = folder / "clone"
    environment = {**os.environ, "GRISTMILL_STATE_DIR": str(folder / "state"), "CI": "true"}
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    if quick:
        (clone / ".venv").symlink_to(ROOT / ".venv")
    try:
        setup = timed(["make", "setup"], clone, environment)
        first = setup + timed(["make", "run"], clone, environment)
        again = statistics.median(timed(["make", "run"], clone, environment) for _ in range(3))
        dvc = str(clone / ".venv" / "bin" / "dvc")
        path = f"{clone / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        repro = statistics.median(timed([dvc, "repro"], clone, {**environment, "PATH": path}) for _ in range(3))
        rows = json.loads((clone / "release.json").read_text())["rows"]
    finally:
        subprocess.run([str(clone / ".venv" / "bin" / "gristmill"), "store", "stop"], env=environment, check=False)
    seconds = {"setup_s": setup, "first_s": first, "again_s": again, "dvc_repro_s": repro}
    return {"rows": rows, **{name: round(value, 2) for name, value in seconds.items()}}


def timed(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Seconds that the command took. Raises CalledProcessError when it failed."""
    start = time.monotonic()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


if __name__ == "__main__":
    main()
