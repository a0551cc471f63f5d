"""How fast files become documents, by format, against the plain library reading the same file.

    python -m bench.ingest            about 60 MB of real documents a format, five alternating rounds
    python -m bench.ingest --quick    about 10 MB, three rounds

Ours reads, checks every row, brings the text into normal form and names it by its content; cutting into passages is
measured apart (`passages_mb_per_s`). The other side reads the same file to Python strings: pyarrow's reader and
`to_pylist` for Parquet, Arrow and JSONL, Python's `gzip` and `json` for compressed JSONL, its `csv` for CSV,
`read_text` for a text. One thread each. Prints one JSON object as its last line: medians in MB of content a second, and
`ratio`.
"""

import argparse
import csv
import gzip
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from bench.documents import documents
from gristmill.params.ingest import IngestParams
from gristmill.seeds.document import Document, Reading
from gristmill.seeds.formats import read_documents
from gristmill.seeds.mill import passages

_MB = 1e6


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer documents, three rounds")
    quick = parser.parse_args().quick
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        print(json.dumps(measure(Path(folder), 1000 if quick else 5000, 3 if quick else 5)))


def measure(folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Every format's two sides in turn."""
    texts = documents(count)
    sides = _sides(folder, texts)
    result: dict[str, Any] = {"documents": len(texts), "characters": sum(map(len, texts))}
    for name, (path, size, plain) in sides.items():
        times = [(_timed(lambda path=path: _ours(path)), _timed(plain)) for _ in range(rounds)]
        ours, theirs = (statistics.median(side) for side in zip(*times, strict=True))
        result[name] = {
            "mb_per_s": round(size / _MB / ours, 1),
            "plain_mb_per_s": round(size / _MB / theirs, 1),
            "ratio": round(theirs / ours, 3),
        }
    seconds = _timed(lambda: sum(1 for item in _read(sides["parquet"][0]) for _ in passages(item, _ingest())))
    result["passages_mb_per_s"] = round(sum(len(text.encode()) for text in texts) / _MB / seconds, 1)
    return result


def _sides(folder: Path, texts: list[str]) -> dict[str, tuple[Path, int, Callable[[], int]]]:
    """Of each format the file, the size of its content, and the plain reading of it."""
    table = pa.table({"text": texts})
    lines = b"".join(json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n" for text in texts)
    jsonl, packed, parquet = folder / "t.jsonl", folder / "t.jsonl.gz", folder / "t.parquet"
    arrow, table_csv, text = folder / "t.arrow", folder / "t.csv", folder / "t.txt"
    jsonl.write_bytes(lines)
    packed.write_bytes(gzip.compress(lines, 6))
    pq.write_table(table, parquet, compression="zstd")
    with pa.ipc.new_stream(arrow, table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    with table_csv.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([text] for text in texts)])
    text.write_text("\n\n".join(texts)[: 60 << 20], encoding="utf-8")
    content = sum(len(text.encode()) for text in texts)
    one_thread = pa.json.ReadOptions(use_threads=False, block_size=16 << 20)
    return {
        "jsonl": (jsonl, len(lines), lambda: _count(pa.json.read_json(jsonl, read_options=one_thread))),
        "jsonl_gz": (packed, len(lines), lambda: sum(1 for line in gzip.open(packed) if json.loads(line))),
        "parquet": (parquet, content, lambda: sum(len(b.to_pylist()) for b in pq.ParquetFile(parquet).iter_batches())),
        "arrow": (arrow, content, lambda: _count(pa.ipc.open_stream(arrow).read_all())),
        "csv": (table_csv, table_csv.stat().st_size, lambda: _csv(table_csv)),
        "text": (text, text.stat().st_size, lambda: len(text.read_text(encoding="utf-8"))),
    }


def _count(table: pa.Table) -> int:
    return len(table["text"].to_pylist())


def _csv(path: Path) -> int:
    csv.field_size_limit(1 << 30)
    with path.open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.reader(file))


def _ours(path: Path) -> int:
    return sum(1 for _ in _read(path))


def _read(path: Path) -> Iterator[Document]:
    with path.open("rb") as file:
        ingest = _ingest()
        for item in read_documents(file, Reading(path.name, ingest.sources[0], ingest)):
            if isinstance(item, Document):
                yield item


def _ingest() -> IngestParams:
    return IngestParams.model_validate({"sources": [{"name": "s", "path": "t"}], "max_document_bytes": 1 << 30})


def _timed(work: Callable[[], int]) -> float:
    start = time.perf_counter()
    if not work():
        raise SystemExit("nothing was read")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
