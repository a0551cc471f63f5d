"""Exact duplicates within a run: the same prompt and response after `gristmill.text.normalised`.

The first of them is kept. What was seen is remembered as digests of 16 bytes, which with Python's
set around them come to 85 bytes a row: 85 MB for a million rows. Rows of earlier releases are refused where the
data set is composed (`in_parent`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from gristmill.filters.verdict import Judging, Rule, Verdicts, first_failing, texts_of
from gristmill.text import normalised


@dataclass(frozen=True)
class ExactDedup(Judging):
    """Refuses what it has seen before; the measured value is the common digest."""

    seen: set[bytes] = field(default_factory=set)

    name = "exact_dedup"

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row, remembering the new ones."""
        digests = _digests(batch)
        fresh: npt.NDArray[np.bool_] = np.array([self._is_new(digest) for digest in digests], dtype=np.bool_)
        return first_failing(_rule(digests, fresh))

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """The rows' digests; they hold, since what was seen is not asked."""
        digests = _digests(batch)
        return (_rule(digests, np.ones(len(digests), dtype=np.bool_)),)

    def _is_new(self, digest: bytes) -> bool:
        before = len(self.seen)
        self.seen.add(digest)
        return len(self.seen) > before


def row_digest(prompt: str, response: str) -> bytes:
    """Identity of a row's text (xxh3-128): its hexadecimal form is the column `text_hash`."""
    return bytes(xxhash.xxh3_128_digest(f"{normalised(prompt)}\n{normalised(response)}".encode()))


def _digests(batch: pa.RecordBatch) -> list[bytes]:
    pairs = zip(texts_of(batch, "prompt"), texts_of(batch, "response"), strict=True)
    return [row_digest(*pair) for pair in pairs]


def _rule(digests: list[bytes], fresh: npt.NDArray[np.bool_]) -> Rule:
    shown = np.array([digest.hex() for digest in digests], dtype=np.str_)
    return Rule("duplicate", shown, fresh, "first of its kind in this run")
