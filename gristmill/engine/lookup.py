"""Reading the journal: answers by key, for the run itself, for `explain` and for `plan`.

Readers come and go beside the one writer and see what it has committed. A journal that is not
there reads as an empty one.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.errors import GristmillError
from gristmill.recipes.request import Answer, decode_content

FORMAT = 2
_ANSWER = "text, finish_reason, prompt_tokens, completion_tokens, cached_tokens, engine, engine_seconds, gpu_seconds"
_GET = f"SELECT {_ANSWER} FROM answers WHERE key = ?"  # noqa: S608 - constants only
_ENTRY = f"SELECT content, recipe, answered_at, {_ANSWER} FROM answers WHERE key = ?"  # noqa: S608 - constants only


@dataclass(frozen=True)
class Entry:
    """An answer with what was asked, for people: `asked` is the request's content by name."""

    key: str
    asked: dict[str, Any]
    answer: Answer
    recipe: str
    """Recipe or rubric that asked first."""
    answered_at: float
    """Seconds since 1970."""


class JournalReader:
    """Looks answers up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with explained(path):
            self._database = connect(path) if path.exists() else None

    def get(self, key: bytes) -> Answer | None:
        """The answer committed under the key."""
        if self._database is None:
            return None
        try:
            row = self._database.execute(_GET, (key,)).fetchone()
        except sqlite3.DatabaseError as error:
            raise explain(error, self._path) from None
        return Answer(*row) if row else None

    def entry(self, key: str) -> Entry | None:
        """Answer and request committed under the key (hexadecimal)."""
        if self._database is None:
            return None
        with explained(self._path):
            row = self._database.execute(_ENTRY, (bytes.fromhex(key),)).fetchone()
        return Entry(key, decode_content(row[0]), Answer(*row[3:]), row[1], row[2]) if row else None

    def count(self) -> int:
        """Answers committed."""
        return int(self.select("SELECT count(*) FROM answers")[0][0]) if self._database else 0

    def select(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query; none when there is no journal yet."""
        if self._database is None:
            return []
        with explained(self._path):
            return self._database.execute(query, values).fetchall()

    def close(self) -> None:
        """Lets go of the file."""
        if self._database is not None:
            self._database.close()


def connect(path: Path) -> sqlite3.Connection:
    """An open connection that waits for locks. Raises sqlite3.DatabaseError, or GristmillError on a foreign format."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    (found,) = database.execute("PRAGMA user_version").fetchone()
    if found not in (0, FORMAT):
        database.close()
        raise GristmillError(
            f"the journal has format {found}",
            where=str(path),
            expected=f"format {FORMAT}",
            do="use the version of Gristmill that wrote it, or move it away: then everything is asked again",
        )
    return database


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns SQLite's errors in the body into GristmillErrors that say what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise explain(error, path) from None


def explain(error: sqlite3.DatabaseError, path: Path) -> GristmillError:
    """What SQLite's error means to the owner of the journal."""
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return GristmillError(
            f"the journal could not be written: {text}",
            where=str(path),
            expected="room on the disk",
            do="free some room and run this again: what was answered and committed is kept",
        )
    if isinstance(error, sqlite3.OperationalError):
        return GristmillError(
            f"the journal could not be used: {text}", where=str(path), do="look at the file's owner and mode"
        )
    return GristmillError(
        f"the journal is damaged: {text}",
        where=str(path),
        expected="an SQLite file written by Gristmill",
        do=f"rescue what can be read with `sqlite3 {path} .recover`, or move it away: then everything is asked again",
    )
