"""Which judged rows go into the data set: not retracted, new to the parent, good enough where a bound is set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.compose.retract import Retraction
from gristmill.filters.exact_dedup import row_digest
from gristmill.filters.verdict import Finding


@dataclass
class Known:
    """Rows of the parent release, by identity and by text: 16 bytes for each, 170 with Python's sets around them."""

    ids: set[bytes] = field(default_factory=set)
    texts: set[bytes] = field(default_factory=set)

    def add(self, sample_id: str, text_hash: str) -> None:
        """Remembers a parent row."""
        self.ids.add(bytes.fromhex(sample_id))
        self.texts.add(bytes.fromhex(text_hash))

    def holds(self, sample_id: str, text_digest: bytes) -> bool:
        """Whether the parent has that sample, or that text from another."""
        return bytes.fromhex(sample_id) in self.ids or text_digest in self.texts


@dataclass(frozen=True)
class Selection:
    """The rules, applied to one row at a time; the same row always gets the same answer."""

    min_judge_mean: float | None
    max_depth: int | None
    known: Known
    retraction: Retraction

    def refuse(self, row: Mapping[str, Any]) -> Finding | None:
        """Why the row is not taken, or None."""
        if finding := self.retraction.refuse(row):
            return finding
        if self.known.holds(row["sample_id"], row_digest(row["prompt"], row["response"])):
            return Finding("in_parent", "released before", "new to the parent release")
        if self.max_depth is not None and row["depth"] > self.max_depth:
            return Finding("too_deep", f"depth {row['depth']}", f"at most {self.max_depth}")
        return self._by_judge(row["judge_mean"])

    def _by_judge(self, mean: float | None) -> Finding | None:
        if self.min_judge_mean is None:
            return None
        threshold = f"mean at least {self.min_judge_mean}"
        if mean is None:
            return Finding("judge_unparsed", "no scores", threshold)
        exact = round(mean, 6)  # it comes from 32 bits, in which 3.6 is a little less than 3.6
        return None if exact >= self.min_judge_mean else Finding("judge_mean", f"{mean:.3f}", threshold)


def documents_of(row: Mapping[str, Any]) -> list[str]:
    """The documents that a row was written from; a row written from none stands alone."""
    documents = sorted({origin["document_id"] for origin in row["origins"]})
    return documents or [f"sample:{row['sample_id']}"]
