"""File locks that end with their process: `flock`, so that a kill never leaves one behind."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gristmill.errors import GristmillError


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Holds the lock at `path` during the body. Raises GristmillError at once when somebody else holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise GristmillError(
                f"{what} is in use by process {file.read().strip() or 'unknown'}",
                where=str(path),
                do="wait until that process has ended, or end it, and run this again",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
