"""Reading the texts of a set, a file or a folder of parts, as a sample of bounded size; every row is looked at once.

A set is Parquet or JSON lines with a text column. What is wrong with it is an InputError that names the
row: a text that is missing, empty or without a word would otherwise count as one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from gristmill.errors import InputError
from gristmill.text import normalised, words

_SUFFIXES = (".parquet", ".jsonl", ".ndjson")
_BATCH_ROWS = 4096


@dataclass
class TextSet:
    """A uniform sample of at most `limit` texts, and what is known of all of them."""

    path: Path
    limit: int
    watched: frozenset[int] = frozenset()
    """Hashes of texts to look out for."""
    texts: list[str] = field(default_factory=list)
    rows: int = 0
    digest: int = 0
    """Sum of the hashes: equal for sets of the same texts, whatever their order."""
    seen: set[int] = field(default_factory=set)
    """Which of the watched texts there are."""

    def add(self, text: str, rng: np.random.Generator) -> None:
        """Looks at one text; keeps it with the same chance as every other (Vitter 1985, algorithm R)."""
        self.rows += 1
        identity = text_identity(text)
        self.digest = (self.digest + identity) % (1 << 64)
        if identity in self.watched:
            self.seen.add(identity)
        if len(self.texts) < self.limit:
            self.texts.append(text)
        elif (place := int(rng.integers(self.rows))) < self.limit:
            self.texts[place] = text


def text_identity(text: str) -> int:
    """64-bit hash of the text in the form in which two texts count as the same."""
    return int(xxhash.xxh3_64_intdigest(normalised(text).encode()))


def read_set(path: Path, column: str, limit: int, *, watched: frozenset[int] = frozenset(), seed: int = 0) -> TextSet:
    """The set at `path`. Raises InputError when there is none, or a row of it has no text."""
    found = TextSet(path, limit, watched)
    rng = np.random.default_rng(seed)
    empty: list[str] = []
    for part in _parts(path):
        for row, text in enumerate(_read(part, column), start=1):
            if words(text):
                found.add(text, rng)
            else:
                empty.append(f"{part.name} row {row}")
    if empty:
        raise InputError(
            f"{len(empty):,} of {found.rows + len(empty):,} texts hold no word, the first: {empty[0]}",
            where=str(path),
            expected=f"a text in every row of column {column!r}",
            do="remove these rows, or name another column with --text-column",
        )
    if not found.rows:
        raise InputError("no rows", where=str(path), expected=f"texts in column {column!r}")
    return found


def _parts(path: Path) -> list[Path]:
    """The files of a set: itself, or the parts in the folder, in order."""
    if not path.exists():
        raise InputError("no such file or folder", where=str(path), do="check the path")
    inside = [file for file in sorted(path.iterdir()) if file.is_file()] if path.is_dir() else [path]
    parts = [file for file in inside if file.suffix in _SUFFIXES and not file.name.startswith((".", "_"))]
    if not parts:
        raise InputError("no data of a known kind", where=str(path), expected=" or ".join(_SUFFIXES))
    return parts


def _read(part: Path, column: str) -> Iterator[str]:
    return _read_parquet(part, column) if part.suffix == ".parquet" else _read_lines(part, column)


def _read_parquet(part: Path, column: str) -> Iterator[str]:
    try:
        with pq.ParquetFile(part) as file:
            schema = file.schema_arrow
            if column not in schema.names:
                raise _no_column(part, column, schema.names)
            kind = schema.field(column).type
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)):
                raise InputError(f"column {column!r} is {kind}", where=str(part), expected="strings")
            row = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=[column]):
                for value in batch.column(0).to_pylist():
                    row += 1
                    yield _text(value, f"{part}: row {row}", column)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read as Parquet: {error}", where=str(part)) from error


def _read_lines(part: Path, column: str) -> Iterator[str]:
    with part.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{part}: line {number}"
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise InputError(f"not JSON: {error}", where=where, expected="a JSON object on each line") from error
            if not isinstance(row, dict):
                raise InputError(f"a {type(row).__name__}", where=where, expected="a JSON object on each line")
            if column not in row:
                raise _no_column(where, column, list(row))
            yield _text(row[column], where, column)


def _text(value: Any, where: str, column: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{column!r} is {type(value).__name__}", where=where, expected="a string")
    return value


def _no_column(where: Path | str, column: str, names: list[str]) -> InputError:
    return InputError(
        f"no column {column!r}",
        where=str(where),
        expected=f"one of {', '.join(names)}" if names else "columns",
        do="name the column that holds the text with --text-column",
    )
