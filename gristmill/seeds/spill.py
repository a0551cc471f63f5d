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
from gristmill.params.ingest import Sample
from gristmill.seeds.sampling import priority, shares

_CACHE_KIB = 64 << 10
_ORIGIN = "source TEXT, document_id TEXT, address TEXT, offset INTEGER, licence TEXT"
_TABLES = f"""
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{_CACHE_KIB};
    CREATE TABLE seed (
        n INTEGER PRIMARY KEY, id BLOB UNIQUE, text TEXT, title TEXT, tokens INTEGER,
        language TEXT, stratum TEXT, fields TEXT, {_ORIGIN}, weight REAL, priority REAL, taken INTEGER DEFAULT 1);
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
    f"INSERT OR IGNORE INTO seed (id, {', '.join((*_CANDIDATE, *_FOUND))}, weight)"  # noqa: S608
    f" VALUES (?{', ?' * len((*_CANDIDATE, *_FOUND))}, ?)"
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

    def add(self, passage: Candidate, origin: Origin, weight: float = 1.0) -> bool:
        """Adds a passage; False when its text is there already (then the seed gets this origin too)."""
        identity = bytes.fromhex(text_hash(passage.text))
        added = self._database.execute(_ADD, (identity, *_values(passage), *_values(origin), weight)).rowcount
        if added:
            return True
        self._repeats += 1
        self._database.execute(
            "INSERT INTO again VALUES ((SELECT n FROM seed WHERE id = ?), ?, ?, ?, ?, ?, ?)",
            (identity, self._repeats, *_values(origin)),
        )
        self._database.execute("UPDATE seed SET weight = max(weight, ?) WHERE id = ?", (weight, identity))
        return False

    def sample(self, sample: Sample) -> Iterator[tuple[str, str]]:
        """Leaves only a sample to `rows`; gives identity and place of each seed that is not in it, in their order."""
        run = self._database.execute
        self._database.create_function("priority", 2, lambda i, w: priority(i, w, sample.draw), deterministic=True)
        run("UPDATE seed SET priority = priority(id, weight), taken = 0")
        take = "UPDATE seed SET taken = 1 WHERE n IN (SELECT n FROM seed {} ORDER BY priority, id LIMIT ?)"
        if sample.strata:
            there = dict(run("SELECT stratum, count(*) FROM seed WHERE stratum NOT NULL GROUP BY stratum").fetchall())
            for stratum, count in shares(sample.seeds, there, sample.strata).items():
                run(take.format("WHERE stratum = ?"), (stratum, count))
        else:
            run(take.format(""), (sample.seeds,))
        for identity, address, offset in run("SELECT id, address, offset FROM seed WHERE NOT taken ORDER BY n"):
            yield identity.hex(), f"{address} at character {offset}"

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of gristmill.schema.SEED in order of first appearance; of one document, the first place only."""
        again = self._database.execute(
            "SELECT again.* FROM again JOIN seed USING (n) WHERE taken ORDER BY again.n, again.k"
        )
        repeat = again.fetchone()
        for number, identity, *rest in self._database.execute("SELECT * FROM seed WHERE taken ORDER BY n"):
            first = rest[len(_CANDIDATE) : len(_CANDIDATE) + len(_FOUND)]
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
