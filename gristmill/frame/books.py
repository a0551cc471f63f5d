"""The conservation law: in = out + rejected + failed, in each ledger's own unit.

A stage that turns one unit into another (documents -> passages) keeps a ledger for each side.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gristmill.errors import BooksError


@dataclass
class Ledger:
    """What came in, in `unit`s, and what became of it."""

    unit: str
    entered: int = 0
    out: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """The ledger as it stands in `_stage.json`."""
        return {
            "unit": self.unit,
            "in": self.entered,
            "out": self.out,
            "rejected": dict(sorted(self.rejected.items())),
            "failed": dict(sorted(self.failed.items())),
        }

    def check(self, stage: str) -> None:
        """Raises BooksError unless the ledger balances."""
        accounted = self.out + self.rejected.total() + self.failed.total()
        if self.entered != accounted:
            raise BooksError(
                f"{self.entered} {self.unit} came in, {self.out} went out, {self.rejected.total()} were rejected"
                f" and {self.failed.total()} failed: {self.entered - accounted:+d} unaccounted for",
                where=f"stage {stage}",
                expected="in = out + rejected + failed",
                do="nothing was written; this is a bug of Gristmill's, please report it with this message",
            )


class Books:
    """A stage's ledgers, made at first use, in that order."""

    def __init__(self) -> None:
        self._ledgers: dict[str, Ledger] = {}

    def ledger(self, unit: str) -> Ledger:
        """The ledger kept in `unit`s."""
        return self._ledgers.setdefault(unit, Ledger(unit))

    def check(self, stage: str) -> None:
        """Raises BooksError unless every ledger balances."""
        for ledger in self._ledgers.values():
            ledger.check(stage)

    def as_list(self) -> list[dict[str, Any]]:
        """All ledgers, as they stand in `_stage.json`."""
        return [ledger.as_dict() for ledger in self._ledgers.values()]
