"""Near-duplicates: ours against datatrove's MinHash, what is found, and memory against documents.

    make bench-peers                    once: datatrove in an environment of its own
    python -m bench.dedup               5,000 documents, three runs in turn; 100,000 and 1,000,000 for memory
    python -m bench.dedup --quick       1,000 documents, one run; 10,000 and 100,000

Speed: real documents and planted near-duplicates of some, end to end: JSONL read, near-duplicates found, those that
stay written. Both sides have the same two cores; ours verifies every pair by true Jaccard, datatrove verifies none.
Python's start is left out on both sides. Recall: pairs planted at known Jaccard similarities, and the share of them
that ended in one component. A pair is false when two rows stand in one component and no chain of pairs above the
threshold joins them; that is computed from words in sets, without the library. Memory: documents of about 100 words
put together from real sentences, a fifth of them near-duplicates, each size in a process of its own.

Prints one JSON object as its last line: `docs_per_s` and `ratio` (medians), `recall` by band of Jaccard similarity,
`false_pairs`, `memory` (`peak_mb` of both sizes and their `ratio`).
"""

import argparse
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.documents import ROOT, documents
from gristmill.dedup.minhash import STEP
from gristmill.dedup.near import NearDuplicates
from gristmill.filters.build import Surroundings, build_chain
from gristmill.params.filters import FilterParams
from gristmill.tables.columns import Columns
from gristmill.tables.read import open_table
from gristmill.tables.sift import sift
from gristmill.text import sentences

PEER = ROOT / ".venv-peers" / "bin" / "python"
WORKERS = 2
BANDS = (0.72, 0.76, 0.80, 0.84, 0.90, 0.95)
PAIRS_IN_BAND = 2000


def main() -> None:
    """Measures and prints; with a hidden option, does one part as the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the documents, a tenth for memory, one run")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        print(json.dumps(deduplicate(arguments.ours)))
        return
    if arguments.memory:
        print(json.dumps(fill(arguments.memory)))
        return
    if not PEER.exists():
        raise SystemExit("datatrove is not there: run `make bench-peers` first")
    count, runs, sizes = (1000, 1, (10_000, 100_000)) if arguments.quick else (5000, 3, (100_000, 1_000_000))
    print(json.dumps({**speed(count, runs), **quality(count), "memory": memory(sizes)}))


# --- speed


def speed(count: int, runs: int) -> dict[str, Any]:
    """Both sides in turn on the same documents and cores."""
    rows = [{"id": f"doc-{number}", "text": text} for number, text in enumerate(with_copies(documents(count)))]
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        lines = [json.dumps(row) + "\n" for row in rows]
        source = Path(folder) / "documents"
        source.mkdir()
        for worker in range(WORKERS):
            (source / f"{worker}.jsonl").write_text("".join(lines[worker::WORKERS]))
        (Path(folder) / "all.jsonl").write_text("".join(lines))
        rounds = [(run_ours(Path(folder)), run_peer(Path(folder))) for _ in range(runs)]
    seconds = [statistics.median(side["seconds"] for side in sides) for sides in zip(*rounds, strict=True)]
    mine, theirs = rounds[-1]
    return {
        "documents": len(rows),
        "megabytes": round(sum(map(len, lines)) / 1e6, 1),
        "runs": runs,
        "cores": WORKERS,
        "docs_per_s": {"ours": round(len(rows) / seconds[0], 1), "datatrove": round(len(rows) / seconds[1], 1)},
        "ratio": round(seconds[1] / seconds[0], 1),
        "kept": {"ours": mine["kept"], "datatrove": len(theirs["kept"])},
    }


def with_copies(texts: Sequence[str]) -> list[str]:
    """The texts, and near-duplicates of every tenth."""
    chosen = random.Random(5)
    found = [*texts, *(worded_otherwise(text.split(" "), 0.02, chosen) for text in texts[::10])]
    chosen.shuffle(found)
    return found


def run_ours(folder: Path) -> dict[str, Any]:
    """`gristmill filter` with near_dedup alone, as a process with two cores."""
    return on_cores([sys.executable, "-m", "bench.dedup", "--ours", str(folder)])


def deduplicate(folder: Path) -> dict[str, Any]:
    """Our side, once: from the JSONL file to the rows kept."""
    params = FilterParams.model_validate({"filters": [{"name": "near_dedup"}]})
    shutil.rmtree(folder / "ours", ignore_errors=True)
    start = time.perf_counter()
    done = sift(
        open_table(folder / "all.jsonl"),
        lambda waiting: build_chain(params, Surroundings(folder, waiting)),
        Columns({"response": "text"}),
        folder / "ours",
    )
    return {"seconds": time.perf_counter() - start, "kept": done.kept}


def run_peer(folder: Path) -> dict[str, Any]:
    """The four steps of datatrove with two workers."""
    for name in ("work", "kept"):
        shutil.rmtree(folder / name, ignore_errors=True)
    result = folder / "peer.json"
    script = str(ROOT / "bench" / "peers" / "datatrove_minhash.py")
    on_cores([str(PEER), script, str(folder), str(WORKERS), str(result)], parse=False)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def on_cores(command: list[str], *, parse: bool = True) -> dict[str, Any]:
    """A command on the first cores that this process may use; what its last line says."""
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[:WORKERS]))
    done = subprocess.run(["taskset", "-c", cores, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1]) if parse else {}


# --- what is found


def quality(count: int) -> dict[str, Any]:
    """Recall on planted pairs, by band, and pairs that should not have been joined."""
    pairs = {band: list(planted(band, PAIRS_IN_BAND, documents(count))) for band in BANDS}
    texts = [text for found in pairs.values() for pair in found for text in pair]
    best = components(texts)
    numbers = iter(range(0, len(texts), 2))
    caught = {
        band: [best[n] == best[n + 1] for _, n in zip(found, numbers, strict=False)] for band, found in pairs.items()
    }
    return {
        "recall": {f"{band:.2f}": round(statistics.fmean(found), 4) for band, found in caught.items()},
        "pairs_in_band": PAIRS_IN_BAND,
        "false_pairs": false_pairs(texts, best),
    }


def planted(similarity: float, count: int, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs whose true Jaccard similarity lies less than 0.01 above the band's; each from a passage of its own."""
    chosen = random.Random(int(similarity * 100))
    found = 0
    for passage in passages(texts, chosen):
        words = passage.split(" ")
        share = (1 - similarity) / (1 + similarity) / 5  # each changed word changes five shingles
        other = worded_otherwise(words, share * chosen.uniform(0.8, 1.2), chosen)
        if similarity <= true_jaccard(passage, other) < similarity + 0.01:
            yield passage, other
            found += 1
        if found == count:
            return


def passages(texts: Sequence[str], chosen: random.Random) -> Iterator[str]:
    """Endless passages of 100 to 400 words, from real documents, each word beside one that makes it its own."""
    while True:
        words = chosen.choice(texts).split()
        if len(words) < 120:
            continue
        size = min(len(words), chosen.randint(100, 400))
        start = chosen.randrange(len(words) - size + 1)
        mark = f"n{chosen.randrange(1 << 40)}"
        yield " ".join(
            f"{word} {mark}" if place % 4 == 0 else word for place, word in enumerate(words[start : start + size])
        )


def worded_otherwise(words: list[str], share: float, chosen: random.Random) -> str:
    """The words with a share of them replaced."""
    places = chosen.sample(range(len(words)), max(1, round(share * len(words))))
    changed = list(words)
    for place in places:
        changed[place] = f"w{chosen.randrange(1 << 30)}"
    return " ".join(changed)


def components(texts: Sequence[str]) -> list[int]:
    """For each text the one that stays of its component."""
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        rows = NearDuplicates(Path(folder), workers=WORKERS)
        ids = pa.array([f"{number:08d}" for number in range(len(texts))])
        rows.add(pa.array(texts), ids, np.zeros(len(texts)))
        found: list[int] = rows.resolve().best.tolist()
        return found


def false_pairs(texts: Sequence[str], best: Sequence[int]) -> int:
    """Rows that no chain of truly similar rows joins with the one that stays of their component."""
    members: dict[int, list[int]] = {}
    for row, stays in enumerate(best):
        members.setdefault(stays, []).append(row)
    return sum(len(rows) - len(_reached(stays, rows, texts)) for stays, rows in members.items() if len(rows) > 1)


def _reached(start: int, rows: Sequence[int], texts: Sequence[str]) -> set[int]:
    reached, open_ = {start}, [start]
    while open_:
        row = open_.pop()
        near = {other for other in rows if other not in reached and true_jaccard(texts[row], texts[other]) >= STEP}
        reached |= near
        open_ += near
    return reached


def true_jaccard(one: str, other: str) -> float:
    """Jaccard similarity of the sets of word 5-grams, as strings."""
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b) if a | b else 0.0


def shingles(text: str) -> set[tuple[str, ...]]:
    """The text's word 5-grams."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = re.findall(r"\w+", folded)
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else set()


# --- memory


def memory(sizes: Sequence[int]) -> dict[str, Any]:
    """Peak resident memory of both sizes, each in a process of its own."""
    smaller, larger = (on_cores([sys.executable, "-m", "bench.dedup", "--memory", str(size)]) for size in sizes)
    return {
        "documents": list(sizes),
        "peak_mb": [smaller["peak_mb"], larger["peak_mb"]],
        "ratio": round(larger["peak_mb"] / smaller["peak_mb"], 3),
        "docs_per_s": [smaller["docs_per_s"], larger["docs_per_s"]],
        "kept": [smaller["kept"], larger["kept"]],
    }


def fill(count: int) -> dict[str, Any]:
    """So many documents through `gristmill filter` with near_dedup alone, from Parquet."""
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        source = Path(folder) / "documents.parquet"
        subprocess.run(
            [sys.executable, "-c", f"from bench.dedup import write; write({str(source)!r}, {count})"],
            check=True,
            cwd=ROOT,
        )
        params = FilterParams.model_validate({"filters": [{"name": "near_dedup"}]})
        start = time.perf_counter()
        done = sift(
            open_table(source),
            lambda waiting: build_chain(params, Surroundings(Path(folder), waiting)),
            Columns({"response": "text"}),
            Path(folder) / "out",
        )
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"peak_mb": round(peak, 1), "docs_per_s": round(count / seconds, 1), "kept": done.kept}


def write(path: str, count: int) -> None:
    """Documents of about 100 words; every fifth is a near-duplicate of an earlier one."""
    chosen = random.Random(11)
    pool = [sentence for text in documents(1000) for sentence in sentences(text[:20_000]) if 30 < len(sentence) < 300]
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    kept: list[str] = []
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, count, 10_000):
            texts = [_document(pool, kept, chosen) for _ in range(first, min(first + 10_000, count))]
            ids = [f"{number:08d}" for number in range(first, first + len(texts))]
            writer.write_table(pa.table({"id": ids, "text": texts}, schema=schema))


def _document(pool: Sequence[str], kept: list[str], chosen: random.Random) -> str:
    if kept and chosen.random() < 0.2:
        return worded_otherwise(chosen.choice(kept).split(" "), 0.01, chosen)
    text = " ".join(chosen.choice(pool) for _ in range(6))
    if len(kept) < 5000:
        kept.append(text)
    return text


if __name__ == "__main__":
    main()
