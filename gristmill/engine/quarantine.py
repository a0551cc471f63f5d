"""Requests that killed the engine, and are not asked again: a file of JSON lines beside the journal.

A request stands here only after its guilt was proven (see `restarting`). What it asked is kept whole: whoever mends
the engine needs it. The file is private to its owner, as the journal is.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import orjson

from gristmill.errors import GristmillError
from gristmill.recipes.request import Request, decode_content, request_key

FILE = "quarantine.jsonl"


@dataclass(frozen=True)
class Quarantined:
    """A request that is not asked again."""

    key: str
    """Its key in the journal (hexadecimal), where it has no answer."""
    asked: dict[str, Any]
    """What was asked, by name."""
    engine: str
    """Which engine it killed, as `name/version`."""
    at: float
    """Seconds since 1970."""


class Convicts(Protocol):
    """Who is not asked again, wherever that is kept."""

    def holds(self, request: Request, model_id: str) -> bool:
        """Whether the request is one of them."""

    def add(self, request: Request, model_id: str, engine: str) -> None:
        """Makes it one."""


class Quarantine:
    """The requests of one workspace that are not asked again."""

    def __init__(self, journal: Path) -> None:
        self.path = journal.with_name(FILE)
        self._keys = {each.key for each in self.entries()}

    def holds(self, request: Request, model_id: str) -> bool:
        """Whether the request stands in it."""
        return bool(self._keys) and request_key(request.content(model_id)).hex() in self._keys

    def add(self, request: Request, model_id: str, engine: str) -> None:
        """Puts the request into it, on the disk before this returns."""
        content = request.content(model_id)
        entry = Quarantined(request_key(content).hex(), decode_content(content), engine, round(time.time(), 3))
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        try:
            os.write(file, orjson.dumps(entry) + b"\n")
            os.fsync(file)
        finally:
            os.close(file)
        self._keys.add(entry.key)

    def keys(self) -> frozenset[str]:
        """Keys of all that stand in it (hexadecimal)."""
        return frozenset(self._keys)

    def entries(self) -> list[Quarantined]:
        """All that stand in it, the oldest first. Raises GristmillError when the file is damaged."""
        if not self.path.exists():
            return []
        try:
            return [Quarantined(**orjson.loads(line)) for line in self.path.read_bytes().splitlines()]
        except (orjson.JSONDecodeError, TypeError) as error:
            raise GristmillError(
                f"the quarantine is damaged: {error}",
                where=str(self.path),
                expected="one JSON object on each line, as Gristmill writes it",
                do="mend the line, or delete the file: then those requests are asked again",
            ) from None

    def clear(self) -> int:
        """Lets all of them be asked again; gives how many there were."""
        count = len(self._keys)
        self.path.unlink(missing_ok=True)
        self._keys.clear()
        return count
