"""The n-grams of benchmark files: which item each stands in. In memory: about 16 bytes for each n-gram."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from gristmill.errors import InputError
from gristmill.filters.grams import Grams, Worded
from gristmill.params.contamination import Benchmark, ContaminationParams
from gristmill.stretches import Hashes, Ints

LONG, SHORT = 13, 7
"""Phi-4's n-grams."""


@dataclass(frozen=True)
class Index:
    """Distinct pairs of an n-gram and an item, in order of the n-grams' hashes."""

    hashes: Hashes
    items: Ints

    def pairs(self, grams: Hashes) -> tuple[Ints, Ints]:
        """For each of the n-grams that an item has: its place among those given, and the item; once for each item."""
        first, last = (np.searchsorted(self.hashes, grams, side) for side in ("left", "right"))
        counts = last - first
        place = np.repeat(np.arange(len(grams)), counts)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        return place, self.items[np.repeat(first, counts) + within]


@dataclass(frozen=True)
class Benchmarks:
    """All items of all files."""

    names: Sequence[str]
    """By item: the benchmark's title and the item's number in its file, from 1."""
    long: Index
    short: Index
    short_counts: Ints
    """By item: distinct 7-grams, common ones left out."""


def load_benchmarks(params: ContaminationParams, root: Path, *, pinned: bool) -> Benchmarks:
    """Reads the files. Raises InputError for one that is missing, not as pinned, or without the columns."""
    names: list[str] = []
    texts: list[str] = []
    owner: list[int] = []
    for benchmark in params.benchmarks:
        for number, parts in enumerate(_items(benchmark, root, pinned=pinned), 1):
            texts += parts
            owner += [len(names)] * len(parts)
            names.append(f"{benchmark.title} item {number}")
    worded, items = Worded(texts), np.array(owner, dtype=np.int64)
    allowed = Worded(params.allow).grams(LONG).hashes
    long = _index(worded.grams(LONG), items, params.common_in_items, allowed)
    short = _index(worded.grams(SHORT), items, params.common_in_items, np.zeros(0, dtype=np.uint64))
    return Benchmarks(names, long, short, np.bincount(short.items, minlength=len(names)))


def _index(grams: Grams, items: Ints, common: int, allowed: Hashes) -> Index:
    pairs = np.unique(np.stack([grams.hashes, items[grams.text].astype(np.uint64)]), axis=1)
    hashes, owners = pairs[0], pairs[1].astype(np.int64)
    _, place, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    kept = (counts[place] < common) & ~np.isin(hashes, allowed)
    return Index(hashes[kept], owners[kept])


def _items(benchmark: Benchmark, root: Path, *, pinned: bool) -> Iterator[list[str]]:
    """The texts of each item."""
    path = root / benchmark.path
    _check(benchmark, path, pinned=pinned)
    for row in _rows(path):
        missing = [name for name in benchmark.columns if name not in row]
        if missing:
            raise InputError(
                f"no column {missing[0]!r}", where=str(path), expected=f"some of {', '.join(row)}", do="mend `columns`"
            )
        yield [str(row[name]) for name in benchmark.columns if row[name] is not None]


def _check(benchmark: Benchmark, path: Path, *, pinned: bool) -> None:
    """Raises InputError when the file is missing or not as pinned."""
    if not path.is_file():
        raise InputError("there is no such benchmark", where=str(path), expected="a JSONL, CSV or Parquet file")
    if not pinned and benchmark.sha256 is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != benchmark.sha256:
        raise InputError(
            f"the benchmark {benchmark.title} has the hash {found}",
            where=str(path),
            expected=benchmark.sha256 or "a pinned file",
            do=f"if that is the file you mean, write `sha256: {found}` beside its path in params.yaml",
        )


def _rows(path: Path) -> Iterator[dict[str, object]]:
    name = path.with_suffix("") if path.suffix in (".gz", ".zst") else path
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as parquet:
                for batch in parquet.iter_batches():
                    yield from batch.to_pylist()
            return
        with pa.input_stream(str(path), compression="detect") as stream:
            if name.suffix == ".csv":
                yield from pc_csv.read_csv(stream).to_pylist()
                return
            for number, line in enumerate(stream.read().splitlines(), 1):
                if line.strip():
                    yield _object(path, number, line)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot be read: {error}", where=str(path), expected="JSONL, CSV or Parquet") from None


def _object(path: Path, number: int, line: bytes) -> dict[str, object]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InputError(f"not JSON: {error}", where=f"{path}:{number}", expected="an object in each line") from None
    if not isinstance(row, dict):
        raise InputError(f"found {type(row).__name__}", where=f"{path}:{number}", expected="an object in each line")
    return row
