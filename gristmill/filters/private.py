"""The common part of the filters `pii` and `secrets`: look at every text of a row, redact it or refuse the row.

What was found is never repeated: verdicts and facts give kinds and numbers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from gristmill.filters.verdict import Finding, Judging, Rule, Verdicts
from gristmill.privacy.redact import in_json
from gristmill.privacy.treat import Treated, Treatments

COLUMNS = ("prompt", "response", "evidence", "context", "fields")
"""Where texts of a row stand; `fields` is JSON."""


@dataclass(frozen=True)
class Private(Judging):
    """Redacts texts in place, or refuses rows; counts what it found by kind."""

    treatments: Treatments
    name: str
    found: Counter[str] = field(default_factory=Counter)

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row, with the columns in which something was redacted."""
        counts, refused, changed = self._look(batch)
        for kinds in counts:
            self.found.update(kinds)
        return Verdicts(batch.num_rows, refused, changed)

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """How much was found in each row."""
        counts, refused, _ = self._look(batch)
        holds = np.array([row not in refused for row in range(batch.num_rows)], dtype=np.bool_)
        total = np.array([sum(kinds.values()) for kinds in counts], dtype=np.int64)
        return (Rule(self.name, total, holds, f"none of: {', '.join(sorted(self.treatments.reject)) or 'nothing'}"),)

    def facts(self) -> Mapping[str, int]:
        """How often each kind was found."""
        return self.found

    def _look(self, batch: pa.RecordBatch) -> tuple[list[Counter[str]], dict[int, Finding], dict[str, pa.Array]]:
        counts: list[Counter[str]] = [Counter() for _ in range(batch.num_rows)]
        refused: dict[int, Finding] = {}
        changed: dict[str, pa.Array] = {}
        for column in (name for name in COLUMNS if name in batch.schema.names):
            texts = batch[column].to_pylist()
            treated = {row: self._treat(column, text) for row, text in enumerate(texts) if text}
            for row, result in treated.items():
                counts[row].update(result.found)
                if result.refused and row not in refused:
                    number = sum(result.found[kind] for kind in result.refused)
                    refused[row] = Finding(f"{self.name}_{result.refused[0]}", f"{number} in {column}", "none")
            if any(result.found for result in treated.values()):
                new = [treated[row].text if row in treated else text for row, text in enumerate(texts)]
                changed[column] = pa.array(new, batch[column].type)
        return counts, refused, changed

    def _treat(self, column: str, text: str) -> Treated:
        treated = self.treatments.apply(text)
        if column != "fields" or not treated.found:
            return treated
        inside = in_json(text, lambda value: self.treatments.apply(value).text)
        return Treated(inside, treated.found, treated.refused)
