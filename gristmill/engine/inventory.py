"""What the journal holds, for its owner: counted, thrown away, or written out for other tools."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.engine.journal import COLUMNS, open_journal
from gristmill.engine.lookup import JournalReader, connect, explained
from gristmill.engine.segments import SCHEMA
from gristmill.errors import InputError
from gristmill.recipes.request import decode_content

_MODEL = "json_extract(CAST(content AS TEXT), '$[0]')"
_STEP = "json_extract(CAST(content AS TEXT), '$[4]')"
_BYTES = "coalesce(sum(length(content) + length(text)), 0)"
_GROUPS = f"""
SELECT recipe, {_STEP} AS step, {_MODEL} AS model, engine, count(*), sum(prompt_tokens), sum(completion_tokens),
    sum(cached_tokens), round(sum(engine_seconds), 1), round(sum(gpu_seconds), 1), sum(length(content) + length(text))
FROM answers GROUP BY recipe, step, model, engine ORDER BY recipe, step, model, engine
"""  # noqa: S608 - constants only
_DAY_SECONDS = 86_400
_EXPORT_ROWS = 1024


@dataclass(frozen=True)
class Group:
    """Answers of one recipe's step by one model on one engine. `bytes` are those of requests and answers."""

    recipe: str
    step: str
    model: str
    engine: str
    answers: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    engine_seconds: float
    gpu_seconds: float
    bytes: int


@dataclass(frozen=True)
class Files:
    """Where the answers lie: the journal's own size, and its segments, those that only this clone has apart."""

    answers: int
    bytes: int
    segments_in_store: int
    segments_waiting: int
    answers_in_store: int


@dataclass(frozen=True)
class Match:
    """Which answers: all conditions that are given hold."""

    older_than_days: float | None = None
    model: str | None = None
    """Name, or name and revision as `name@revision`."""
    recipe: str | None = None

    def where(self) -> tuple[str, list[Any]]:
        """An SQL condition and its values. Raises InputError without any condition."""
        parts: list[tuple[str, Any]] = []
        if self.older_than_days is not None:
            parts.append(("answered_at < ?", time.time() - self.older_than_days * _DAY_SECONDS))
        if self.model is not None:
            parts.append((f"? IN ({_MODEL}, substr({_MODEL}, 1, instr({_MODEL}, '@') - 1))", self.model))
        if self.recipe is not None:
            parts.append(("recipe = ?", self.recipe))
        if not parts:
            raise InputError("no condition is given", expected="--older-than, --model or --recipe")
        return " AND ".join(part for part, _ in parts), [value for _, value in parts]


@dataclass(frozen=True)
class Pruned:
    """What went, or would go: answers, their bytes, and by how much the file became smaller (0 before it is done)."""

    answers: int
    bytes: int
    freed_bytes: int = 0


def groups(path: Path) -> list[Group]:
    """The journal's answers by recipe, step, model and engine."""
    with closing(JournalReader(path)) as reader:
        return [Group(*row) for row in reader.select(_GROUPS)]


def files(path: Path) -> Files:
    """Sizes and segments."""
    with closing(JournalReader(path)) as reader:
        segments = reader.select("SELECT stored, count(*), sum(answers) FROM segments GROUP BY stored")
        by_state = {stored: (count, answers) for stored, count, answers in segments}
        size = path.stat().st_size if path.exists() else 0
        stored, waiting = by_state.get(1, (0, 0)), by_state.get(0, (0, 0))
        return Files(reader.count(), size, stored[0], waiting[0], stored[1])


def would_prune(path: Path, match: Match) -> Pruned:
    """What `prune` would throw away."""
    where, values = match.where()
    with closing(JournalReader(path)) as reader:
        found = reader.select(f"SELECT count(*), {_BYTES} FROM answers WHERE {where}", values)  # noqa: S608
    return Pruned(*found[0]) if found else Pruned(0, 0)


def prune(path: Path, match: Match) -> Pruned:
    """Throws the answers away and gives their room back to the disk. What was spent on them stays counted.

    Raises GristmillError when a run uses the journal, or the disk has no room for the smaller copy.
    """
    where, values = match.where()
    found = would_prune(path, match)
    if not found.answers:
        return found
    before = path.stat().st_size
    with open_journal(path), closing(connect(path)) as database, explained(path):
        database.execute(f"DELETE FROM answers WHERE {where}", values)  # noqa: S608
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Pruned(found.answers, found.bytes, before - path.stat().st_size)


def export(path: Path, target: Path) -> int:
    """Writes every entry to a new file, `.parquet` or `.jsonl` by its name, for its owner alone (0600); how many.

    The entries are whole: prompts and answers with whatever personal data they hold. Raises InputError when the file
    is there already, or its name ends otherwise.
    """
    if target.suffix not in (".parquet", ".jsonl"):
        raise InputError(
            f"the name ends in {target.suffix or 'nothing'}", where=str(target), expected=".parquet or .jsonl"
        )
    write = _write_parquet if target.suffix == ".parquet" else _write_jsonl
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise InputError("there is such a file", where=str(target), do="remove it, or choose another name") from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(target)) from None
    try:
        return write(target, _entries(path))
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _entries(path: Path) -> Iterator[list[tuple[Any, ...]]]:
    """The journal's rows in the order in which they were recorded, some at a time."""
    columns = ", ".join(COLUMNS)
    query = f"SELECT id, {columns} FROM answers WHERE id > ? ORDER BY id LIMIT {_EXPORT_ROWS}"  # noqa: S608
    last = 0
    with closing(JournalReader(path)) as reader:
        while rows := reader.select(query, (last,)):
            last = rows[-1][0]
            yield [row[1:] for row in rows]


def _write_parquet(target: Path, entries: Iterator[list[tuple[Any, ...]]]) -> int:
    count = 0
    with pq.ParquetWriter(target, SCHEMA, compression="zstd") as writer:
        for rows in entries:
            columns = [
                pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))
            count += len(rows)
    return count


def _write_jsonl(target: Path, entries: Iterator[list[tuple[Any, ...]]]) -> int:
    count = 0
    with target.open("wb") as file:
        for rows in entries:
            for row in rows:
                known = dict(zip(COLUMNS, row, strict=True))
                asked = decode_content(known.pop("content"))
                entry = {**known, "key": known["key"].hex(), **asked}
                file.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
            count += len(rows)
    return count
