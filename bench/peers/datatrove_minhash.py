"""datatrove's MinHash on JSONL files, one for each worker; run by bench.dedup with .venv-peers' Python.

    python datatrove_minhash.py FOLDER WORKERS RESULT.json

FOLDER/documents holds the files. Its four steps with the published settings (word 5-grams, 14 buckets of 8 hashes of 64
bits): signatures, buckets, clusters, and the documents that stay, written to FOLDER/kept. Writes `seconds` and the
`id`s kept. Python's start and imports are not timed; those of the worker processes are a part of how it works.
"""

import gzip
import json
import sys
import time
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig

BUCKETS = 14


def main(folder: str, workers: int, result: str) -> None:
    """Runs the steps one after the other."""
    config = MinhashConfig(n_grams=5, num_buckets=BUCKETS, hashes_per_bucket=8, hash_config=HashConfig(precision=64))
    source, work = f"{folder}/documents", f"{folder}/work"
    steps = [
        ([JsonlReader(source), MinhashDedupSignature(f"{work}/signatures", config)], workers),
        ([MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=config)], BUCKETS),
        ([MinhashDedupCluster(f"{work}/buckets", f"{work}/remove", config=config)], 1),
        ([JsonlReader(source), MinhashDedupFilter(f"{work}/remove"), JsonlWriter(f"{folder}/kept")], workers),
    ]
    start = time.perf_counter()
    for number, (pipeline, tasks) in enumerate(steps):
        logs = f"{work}/logs-{number}"
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=min(tasks, workers), logging_dir=logs).run()
    seconds = time.perf_counter() - start
    kept = [json.loads(line)["id"] for path in sorted(Path(folder, "kept").glob("*.gz")) for line in lines_of(path)]
    Path(result).write_text(json.dumps({"seconds": seconds, "kept": kept}))


def lines_of(path: Path) -> list[str]:
    """The lines of a compressed file."""
    return [line for line in gzip.decompress(path.read_bytes()).decode().split("\n") if line]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
