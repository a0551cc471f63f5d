"""Exact duplicates within a run: the same prompt and response after `gristmill.text.normalised`.

The first of them is kept. What was seen is remembered as digests of 16 bytes, which with Python's
set around them come to 85 bytes a row: 85 MB for a million rows.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from gristmill.filters.verdict import Rule, Verdicts, first_failing
from gristmill.text import normalised


@dataclass(frozen=True)
class Duplicates:
    """Refuses what it has seen before; the measured value is the common digest."""

    seen: set[bytes] = field(default_factory=set)

    name = "duplicates"

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row, remembering the new ones."""
        pairs = zip(batch["prompt"].to_pylist(), batch["response"].to_pylist(), strict=True)
        digests = [row_digest(*pair) for pair in pairs]
        fresh: npt.NDArray[np.bool_] = np.array([self._is_new(digest) for digest in digests], dtype=np.bool_)
        shown = np.array([digest.hex() for digest in digests], dtype=np.str_)
        return first_failing(Rule("duplicate", shown, fresh, "first of its kind in this run"))

    def _is_new(self, digest: bytes) -> bool:
        before = len(self.seen)
        self.seen.add(digest)
        return len(self.seen) > before


def row_digest(prompt: str, response: str) -> bytes:
    """Identity of a row's text (xxh3-128): its hexadecimal form is the column `text_hash`."""
    return bytes(xxhash.xxh3_128_digest(f"{normalised(prompt)}\n{normalised(response)}".encode()))
