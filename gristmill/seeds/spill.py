"""Exact duplicates become one seed with all its origins, in memory that does not grow with the number of seeds.

A seed's row can be written only when its last origin is known. So passages go to a temporary
SQLite file with an index of their identities: the first of a text as a seed, numbered in order of
appearance, each later one as a further origin of it. At the end both tables are read side by side in that
order. The file lies in the workspace's private state and is gone afterwards.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gristmill.identity import text_hash

_CACHE_KIB = 64 << 10
_ORIGIN = "source TEXT, document_id TEXT, address TEXT, offset INTEGER, licence TEXT"
_TABLES = f"""
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{_CACHE_KIB};
    CREATE TABLE seed (
        n INTEGER PRIMARY KEY, id BLOB UNIQUE, text TEXT, title TEXT, tokens INTEGER,
        language TEXT, stratum TEXT, fields TEXT, {_ORIGIN});
    CREATE TABLE again (n INTEGER, k INTEGER, {_ORIGIN}, PRIMARY KEY (n, k)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Origin:
    """Where a text was found, as gristmill.schema.ORIGIN has it."""

    source: str
    document_id: str
    address: str
    offset: int
    licence: str | None


@dataclass(frozen=True)
class Candidate:
    """A passage that passed: what its seed will carry."""

    text: str
    title: str | None
    tokens: int
    language: str | None = None
    stratum: str | None = None
    fields: str | None = None


_CANDIDATE = tuple(field.name for field in fields(Candidate))
_FOUND = tuple(field.name for field in fields(Origin))
_ADD = (  # the names are those of our own fields
    f"INSERT OR IGNORE INTO seed (id, {', '.join((*_CANDIDATE, *_FOUND))})"  # noqa: S608
    f" VALUES (?{', ?' * len((*_CANDIDATE, *_FOUND))})"
)


def _values(row: Candidate | Origin) -> tuple[Any, ...]:
    """The fields in their order; dataclasses.astuple copies deeply and is ten times as slow."""
    return tuple(vars(row).values())


class SeedSpill:
    """Collects passages; gives the seeds. `path` is a fresh file on a local disk."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")
        self._repeats = 0

    def add(self, passage: Candidate, origin: Origin) -> bool:
        """Adds a passage; False when its text is there already (then the seed gets this origin too)."""
        identity = bytes.fromhex(text_hash(passage.text))
        added = self._database.execute(_ADD, (identity, *_values(passage), *_values(origin))).rowcount
        if added:
            return True
        self._repeats += 1
        self._database.execute(
            "INSERT INTO again VALUES ((SELECT n FROM seed WHERE id = ?), ?, ?, ?, ?, ?, ?)",
            (identity, self._repeats, *_values(origin)),
        )
        return False

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of gristmill.schema.SEED in order of first appearance; of one document, the first place only."""
        again = self._database.execute("SELECT * FROM again ORDER BY n, k")
        repeat = again.fetchone()
        for number, identity, *rest in self._database.execute("SELECT * FROM seed ORDER BY n"):
            first = rest[len(_CANDIDATE) :]
            origins = {(first[0], first[1]): Origin(*first)}
            while repeat and repeat[0] == number:
                origin = Origin(*repeat[2:])
                origins.setdefault((origin.source, origin.document_id), origin)
                repeat = again.fetchone()
            yield {
                "seed_id": identity.hex(),
                **dict(zip(_CANDIDATE, rest, strict=False)),
                "depth": 0,
                "origins": [vars(origin) for origin in origins.values()],
            }

    def close(self) -> None:
        """Closes the file."""
        self._database.close()
