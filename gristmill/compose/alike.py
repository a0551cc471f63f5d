"""Rows that resemble each other, by the names under which the splits join them: so that no near-duplicate leaks.

A judged row and the rows of its component (`gristmill.dedup.near`, Jaccard similarity from 0.72 on) share one name, and
so do a row and the released row that it resembles. Real rows mixed in are not looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from gristmill.dedup.near import NearDuplicates
from gristmill.dedup.release import ReleaseIndex
from gristmill.dedup.rows import row_texts

COLUMNS = ("sample_id", "prompt", "response")


@dataclass(frozen=True)
class Alike:
    """The names of rows that have company; all others have none."""

    new: dict[int, list[str]]
    """By the number of a judged row."""
    released: frozenset[str]
    """Ids of released rows that a judged one resembles."""

    def names(self, row: int) -> list[str]:
        """Names of a judged row."""
        return self.new.get(row, [])

    def names_of_released(self, sample_id: str) -> list[str]:
        """Names of a released row."""
        return [_name(sample_id)] if sample_id in self.released else []


def find_alike(batches: Iterator[pa.RecordBatch], release: ReleaseIndex | None, folder: Path) -> Alike:
    """Which rows have company; `folder` is private to this."""
    rows = NearDuplicates(folder)
    for batch in batches:
        rows.add(row_texts(batch), batch["sample_id"], np.zeros(batch.num_rows))
    found = rows.resolve(release)
    new: dict[int, list[str]] = {}
    for row in np.flatnonzero(~found.kept).tolist():
        best = int(found.best[row])
        for member in {row, best}:
            names = new.setdefault(member, [])
            if (name := _name(rows.id(best))) not in names:
                names.append(name)
        if row in found.released:
            new[row].append(_name(found.released[row]))
    return Alike(new, frozenset(found.released.values()))


def _name(sample_id: str) -> str:
    """Sorts behind every document's id: a document, not a likeness, decides the side of those that are free."""
    return f"~{sample_id}"
