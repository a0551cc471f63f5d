"""How many generated rows a mix takes: a share of the whole, real rows never dropped for it.

With R real rows (or tokens) a share of at most s generated ones is S <= R s / (1 - s). The parent release's rows
are all kept, so the new ones get what is left. Which of them stay is drawn by the hash of their identity: a choice by
score would narrow what is kept. Where there are too few generated rows the share is lower, and the books say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.filters.verdict import Finding
from gristmill.identity import text_hash
from gristmill.params.compose import MixParams, MixUnit
from gristmill.text import estimate_tokens


@dataclass
class Room:
    """Counts both sides, then says which new rows there is room for. Memory: about 100 bytes for each new row."""

    mix: MixParams
    real: int = 0
    generated: int = 0
    _offered: list[tuple[int, int]] = field(default_factory=list)
    _edge: int | None = None

    def keep(self, row: Mapping[str, Any]) -> None:
        """Counts a row that stays: of the parent release, or real."""
        if row["depth"] == 0:
            self.real += self.size(row)
        else:
            self.generated += self.size(row)

    def offer(self, row: Mapping[str, Any]) -> None:
        """Counts a new generated row that has passed everything else."""
        self._offered.append((_rank(row["sample_id"]), self.size(row)))

    def refuse(self, row: Mapping[str, Any]) -> Finding | None:
        """Why there is no room for a row that was offered, or None. To be asked once all rows were counted."""
        if self._edge is None:
            self._edge = self._cut()
        if _rank(row["sample_id"]) < self._edge:
            return None
        return Finding("over_synthetic_share", f"share {self.share():.3f}", f"at most {self.mix.synthetic_share:g}")

    def share(self) -> float:
        """Share of generated rows if all were taken."""
        generated = self.generated + sum(size for _, size in self._offered)
        return generated / max(1, generated + self.real)

    def size(self, row: Mapping[str, Any]) -> int:
        """A row's weight in the share."""
        if self.mix.by is MixUnit.ROWS:
            return 1
        return estimate_tokens(row["prompt"]) + estimate_tokens(row["response"])

    def _cut(self) -> int:
        """The hash from which on there is no room."""
        share = self.mix.synthetic_share
        left = self.real * share / (1 - share) - self.generated + 1e-9
        for rank, size in sorted(self._offered):
            left -= size
            if left < 0:
                return rank
        return 1 << 128


def _rank(identity: str) -> int:
    return int(text_hash(f"mix:{identity}"), 16)
