"""The journal's copy in the store: what others answered comes in at the start, what is new goes out meanwhile.

    <store.url>/journal/<time>-<sha256>.parquet

Every answer belongs to one segment: fetched, or closed here. What was recorded since the last one is
closed into new segments whenever the journal is brought up to date: at the start, every
`journal.sync_seconds`, and at the end. A file that the store has is kept no second time: the
journal itself holds its answers.

A fault while uploading is told and tried again at the next turn, and never ends the run: answers
stay in the journal, and their segments beside it, until a later run brings them. A fault at the start
ends it, before anything is paid for that the store may hold the answer to.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from gristmill.engine.journal import COLUMNS, INSERT, Journal
from gristmill.engine.lookup import connect, explained
from gristmill.engine.segments import (
    SEGMENT_BYTES,
    DamagedSegment,
    Row,
    is_segment,
    read_segment,
    sha256_in,
    write_segment,
)
from gristmill.errors import GristmillError
from gristmill.store.client import Store

PREFIX = "journal/"
_END_SECONDS = 120.0
"""At the end of a run, the store gets so long to take what is left."""
_OPEN = f"SELECT id, {', '.join(COLUMNS)} FROM answers WHERE id > ? ORDER BY id"  # noqa: S608 - constants only
_CLOSED_UP_TO = "SELECT coalesce(max(last_id), 0) FROM segments"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """What came in: `answers` are those that were new here, `refused` the damaged segments."""

    segments: int
    answers: int
    refused: tuple[DamagedSegment, ...]


class Mirror:
    """Brings one journal and the store together. For one thread at a time; the journal's own writer may go on."""

    def __init__(self, path: Path, store: Store) -> None:
        self._path = path
        self._store = store
        self._folder = path.parent / "segments"
        with explained(path):
            self._database = connect(path)

    def fetch(self) -> Fetched:
        """Takes in the segments that the store has and this journal does not, oldest first.

        A damaged one is passed over, with its fault. Raises GristmillError when the store does not answer.
        """
        with explained(self._path):
            self._reopen_lost()
            self._close_segments()
            known = {name for (name,) in self._database.execute("SELECT name FROM segments")}
        names = sorted(head.key.removeprefix(PREFIX) for head in self._store.list(PREFIX))
        answers, refused, taken = 0, [], 0
        for name in (name for name in names if is_segment(name) and name not in known):
            try:
                answers += self._take_in(name)
                taken += 1
            except DamagedSegment as fault:
                refused.append(fault)
        return Fetched(taken, answers, tuple(refused))

    def push(self) -> int:
        """Closes what was recorded since the last time, and uploads what the store lacks; how many segments that was.

        Raises GristmillError when the store or the disk does not take them: they are tried again next time.
        """
        with explained(self._path):
            self._reopen_lost()
            self._close_segments()
            waiting = self._database.execute("SELECT name FROM segments WHERE NOT stored ORDER BY name").fetchall()
            for (name,) in waiting:
                path = self._folder / name
                if self._store.head(PREFIX + name) is None:
                    self._store.put_file(path, PREFIX + name, sha256_in(name))
                self._database.execute("UPDATE segments SET stored = 1 WHERE name = ?", (name,))
                path.unlink()
        return len(waiting)

    def close(self) -> None:
        """Lets go of the journal."""
        self._database.close()

    def _close_segments(self) -> None:
        (closed,) = self._database.execute(_CLOSED_UP_TO).fetchone()
        for last, rows in _stretches(self._database, closed):
            try:
                path = write_segment(self._folder, rows)
            except (OSError, pa.ArrowException) as error:
                raise _unwritable(self._folder, error) from None
            self._note(path.name, len(rows), path.stat().st_size, last, stored=False)

    def _reopen_lost(self) -> None:
        """Forgets segments whose file somebody removed before the store had it: their answers are closed again."""
        waiting = self._database.execute("SELECT name, last_id FROM segments WHERE NOT stored").fetchall()
        lost = [last for name, last in waiting if not (self._folder / name).exists()]
        if lost:
            self._database.execute("DELETE FROM segments WHERE last_id >= ?", (min(lost),))

    def _take_in(self, name: str) -> int:
        path = self._folder / name
        self._store.download(PREFIX + name, path)
        new = rows = 0
        size = path.stat().st_size
        try:
            with explained(self._path), _transaction(self._database):
                for part in read_segment(path):
                    new += self._database.executemany(INSERT, part).rowcount
                    rows += len(part)
                (last,) = self._database.execute("SELECT coalesce(max(id), 0) FROM answers").fetchone()
                self._note(name, rows, size, last, stored=True)
        finally:
            path.unlink(missing_ok=True)
        return new

    def _note(self, name: str, answers: int, size: int, last: int, *, stored: bool) -> None:
        self._database.execute(
            "INSERT OR IGNORE INTO segments VALUES (?, ?, ?, ?, ?)", (name, answers, size, last, stored)
        )


@contextmanager
def mirrored(journal: Journal, connect_store: Callable[[], Store], seconds: float) -> Iterator[None]:
    """Fetches before the body, uploads every `seconds` during it and once more after it, however it ended.

    Raises GristmillError when the store does not answer at the start.
    """
    mirror = Mirror(journal.path, connect_store())
    tell(mirror.fetch())
    ended = threading.Event()
    turns = threading.Thread(target=_take_turns, args=(mirror, ended, seconds), name="journal-mirror", daemon=True)
    turns.start()
    try:
        yield
        journal.flush()
    finally:
        ended.set()
        turns.join(_END_SECONDS)
        if turns.is_alive():
            log.warning(
                "journal: the store takes too long; what is left is uploaded by the next run, or by"
                " `gristmill journal sync`"
            )


def tell(fetched: Fetched) -> None:
    """Says what came in, and what was refused."""
    if fetched.segments:
        log.info("journal: %s answers from %s segments of the store", fetched.answers, fetched.segments)
    for fault in fetched.refused:
        log.warning("journal: %s", fault)


def _take_turns(mirror: Mirror, ended: threading.Event, seconds: float) -> None:
    """The thread: a turn each `seconds`, and a last one."""
    told = ""
    last = False
    while not last:
        last = ended.wait(seconds)
        try:
            mirror.push()
        except GristmillError as fault:
            if last or str(fault) != told:
                log.warning("journal: not uploaded, will be tried again: %s", fault)
            told = str(fault)
    mirror.close()


def _stretches(database: sqlite3.Connection, after: int) -> Iterator[tuple[int, list[Row]]]:
    """The answers recorded after the one with that id, in stretches of a segment's size, each with its last id."""
    while True:
        rows: list[Row] = []
        size = 0
        for row in database.execute(_OPEN, (after,)):
            after = row[0]
            rows.append(row[1:])
            size += len(row[2]) + len(row[3])
            if size >= SEGMENT_BYTES:
                break
        if not rows:
            return
        yield after, rows


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _unwritable(folder: Path, error: Exception) -> GristmillError:
    return GristmillError(
        f"a segment of the journal could not be written: {error}",
        where=str(folder),
        expected="room on the disk",
        do="free some room: the answers are in the journal, and the next turn tries again",
    )
