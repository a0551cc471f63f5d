"""The journal: every answered request, keyed by its content, in one SQLite file outside DVC's outs.

Answers are committed in groups (at most `_COMMIT_ROWS` rows or `_COMMIT_SECONDS`) by a thread of
its own, so that the event loop never waits for the disk. A killed process loses at most the group
that was open; write-ahead logging keeps the file whole. One process writes at a time; a second one
is refused. The file holds whole prompts and so is private to its owner.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gristmill.engine.lookup import FORMAT, JournalReader, connect, explain, explained
from gristmill.errors import GristmillError
from gristmill.frame.lock import exclusive
from gristmill.recipes.request import Answer, Finish

_COMMIT_ROWS = 256
_COMMIT_SECONDS = 0.25
_BACKLOG_BYTES = 2 << 20
"""Text of answers and requests that may wait for a slow disk before the one who records them waits too. As much again
is being written meanwhile; the heap keeps the size that the longest backlog gave it, so this bounds a run's memory."""
_CREATE = f"""
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, content BLOB NOT NULL, text TEXT NOT NULL,
    finish_reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL, engine TEXT NOT NULL, engine_seconds REAL NOT NULL, gpu_seconds REAL NOT NULL,
    recipe TEXT NOT NULL, answered_at REAL NOT NULL
);
CREATE TRIGGER IF NOT EXISTS fits_by_now BEFORE INSERT ON answers WHEN NEW.finish_reason != '{Finish.PROMPT_TOO_LONG}'
BEGIN
    DELETE FROM answers WHERE key = NEW.key AND finish_reason = '{Finish.PROMPT_TOO_LONG}';
END;
CREATE TABLE IF NOT EXISTS spending (
    day INTEGER PRIMARY KEY, requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL, gpu_seconds REAL NOT NULL
);
CREATE TRIGGER IF NOT EXISTS spend AFTER INSERT ON answers WHEN NEW.finish_reason != '{Finish.PROMPT_TOO_LONG}'
BEGIN
    INSERT INTO spending VALUES
        (CAST(NEW.answered_at / 86400 AS INTEGER), 1, NEW.prompt_tokens, NEW.completion_tokens, NEW.gpu_seconds)
    ON CONFLICT (day) DO UPDATE SET
        requests = requests + 1, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
        completion_tokens = completion_tokens + excluded.completion_tokens,
        gpu_seconds = gpu_seconds + excluded.gpu_seconds;
END;
CREATE TABLE IF NOT EXISTS segments (
    name TEXT PRIMARY KEY, answers INTEGER NOT NULL, bytes INTEGER NOT NULL, last_id INTEGER NOT NULL,
    stored INTEGER NOT NULL
);
PRAGMA user_version = {FORMAT};
"""  # noqa: S608 - constants only
"""`spending` is by day (UTC) and outlives what is pruned: a budget is not refilled by forgetting. Of `segments`,
`last_id` is the newest answer that was there when it was closed or fetched, `stored` whether the store has it."""
_PAGE_BYTES = 16384
"""An answer with its prompt is a few kilobytes: on SQLite's pages of 4 KiB each would waste half of one."""

Row = tuple[bytes, bytes, str, str, int, int, int, str, float, float, str, float]
"""The columns after `id`."""
COLUMNS = (
    *("key", "content", "text", "finish_reason", "prompt_tokens", "completion_tokens", "cached_tokens", "engine"),
    *("engine_seconds", "gpu_seconds", "recipe", "answered_at"),
)
INSERT = f"INSERT OR IGNORE INTO answers ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
"""The first answer recorded under a key stays; one that says that the prompt was too long gives way to a real one."""


@contextmanager
def open_journal(path: Path, max_pages: int | None = None) -> Iterator["Journal"]:
    """The journal for the length of the body, for this process alone; all is committed at its end.

    `max_pages` bounds the file. Raises GristmillError when another run writes to it, when it is
    damaged, or when the disk is full.
    """
    _make_private(path)
    with exclusive(path.with_suffix(".lock"), "the journal"):
        journal = Journal(path, max_pages)
        try:
            yield journal
            journal.flush()
        finally:
            journal.close()


class Journal(JournalReader):
    """The writing side, made by `open_journal`. What it was given it finds at once; others once it is committed."""

    def __init__(self, path: Path, max_pages: int | None = None) -> None:
        self._writer = _open_writer(path, max_pages)
        super().__init__(path)
        self.path = path
        self._open: dict[bytes, Row] = {}
        self._open_bytes = 0
        self._committing: dict[bytes, Row] = {}
        self._fault: GristmillError | None = None
        self._hurry = False
        self._closing = False
        self._state = threading.Condition()
        self._thread = threading.Thread(target=self._commit_groups, name="journal", daemon=True)
        self._thread.start()

    def get(self, key: bytes) -> Answer | None:
        """The answer recorded under the key."""
        row = self._open.get(key) or self._committing.get(key)  # in this order: a group moves from left to right
        return Answer(*row[2:10]) if row else super().get(key)

    def append(
        self, key: bytes, content: bytes, answer: Answer, recipe: str = "", answered_at: float | None = None
    ) -> None:
        """Records an answer, given now or, by somebody else, at `answered_at`; `recipe` is who asked.

        Raises GristmillError when an earlier group could not be written.
        """
        row = (
            key,
            content,
            answer.text,
            answer.finish_reason,
            answer.prompt_tokens,
            answer.completion_tokens,
            answer.cached_tokens,
            answer.engine,
            answer.engine_seconds,
            answer.gpu_seconds,
            recipe,
            time.time() if answered_at is None else answered_at,
        )
        with self._state:
            self._raise_fault()
            self._open[key] = row
            self._open_bytes += len(content) + len(answer.text)
            if len(self._open) in (1, _COMMIT_ROWS):
                self._state.notify_all()
            if self._open_bytes >= _BACKLOG_BYTES:
                self._state.notify_all()
                self._state.wait_for(lambda: self._open_bytes < _BACKLOG_BYTES or self._fault is not None)

    def flush(self) -> None:
        """Returns when all that was recorded is committed. Raises GristmillError when it could not be."""
        with self._state:
            self._hurry = True
            self._state.notify_all()
            self._state.wait_for(lambda: self._fault is not None or not (self._open or self._committing))
            self._hurry = False
            self._raise_fault()

    def close(self) -> None:
        """Commits what is left, if it can, and lets go of the file. `flush` is where a fault is told."""
        with self._state:
            self._closing = True
            self._state.notify_all()
        self._thread.join()
        super().close()
        self._writer.close()

    def _commit_groups(self) -> None:
        """The thread: waits for a group to fill, or for its time to be up, and commits it."""
        while True:
            with self._state:
                self._state.wait_for(lambda: self._open or self._closing)
                if not self._open:
                    return
                self._state.wait_for(self._is_due, timeout=_COMMIT_SECONDS)
                self._committing, self._open, self._open_bytes = self._open, {}, 0
            fault = self._commit(list(self._committing.values()))
            with self._state:
                self._committing = {}
                self._fault = fault
                self._state.notify_all()
            if fault:
                return

    def _is_due(self) -> bool:
        full = len(self._open) >= _COMMIT_ROWS or self._open_bytes >= _BACKLOG_BYTES
        return full or self._hurry or self._closing

    def _commit(self, rows: list[Row]) -> GristmillError | None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.executemany(INSERT, rows)
            self._writer.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            self._roll_back()
            return explain(error, self._path)
        except Exception as error:  # noqa: BLE001 - whatever it is: with this thread dead the run would wait for ever
            self._roll_back()
            return GristmillError(
                f"an answer could not be recorded: {type(error).__name__}: {error}",
                where=str(self._path),
                expected="a text that can be written as UTF-8",
                do="mend the engine that gave it; what was committed before is kept",
            )
        return None

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault


def _make_private(path: Path) -> None:
    """The folder for its owner alone (0700), and the file too (0600): SQLite gives its side files the same mode."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)


def _open_writer(path: Path, max_pages: int | None) -> sqlite3.Connection:
    with explained(path):
        writer = connect(path)
        writer.execute(f"PRAGMA page_size = {_PAGE_BYTES:d}")
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA synchronous = NORMAL")  # whole after a crash; fsync at checkpoints, not at each commit
        writer.executescript(_CREATE)
        if max_pages is not None:
            writer.execute(f"PRAGMA max_page_count = {max_pages:d}")
    return writer
