"""Contamination: rows that hold items of a benchmark.

Source: Abdin et al. 2024 (Phi-4, arXiv 2412.08905), appendix B. First, a 13-gram that prompt or response shares with an
item, and that is not common, settles it. Else the shared 7-grams, over the smaller of the two numbers of them, must not
be above a threshold (not published; 0.35 here, 0.2 for a note). Texts of fewer than seven words cannot be compared.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.benchmarks import LONG, SHORT, Benchmarks
from gristmill.filters.grams import Worded
from gristmill.filters.verdict import Finding, Judging, Measures, Rule, Verdicts, at_most, first_failing
from gristmill.params.contamination import ContaminationParams
from gristmill.stretches import Ints

_COLUMNS = ("prompt", "response")


@dataclass(frozen=True)
class _Hits:
    """By row: the first item with a shared 13-gram (-1: none), the largest overlap of 7-grams and its item."""

    long: Ints
    overlap: Measures
    item: Ints


@dataclass(frozen=True)
class Contamination(Judging):
    """Compares prompts and responses with all items at once."""

    params: ContaminationParams
    benchmarks: Benchmarks
    counts: Counter[str] = field(default_factory=Counter)

    name = "contamination"

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row; the value names the item."""
        hits = self._hits(batch)
        verdicts = first_failing(*self._rules(hits))
        noted = (hits.overlap > self.params.note) & verdicts.kept
        self.counts.update({"noted": int(noted.sum())} if noted.any() else {})
        refused = {row: self._named(finding, hits, row) for row, finding in verdicts.refused.items()}
        self.counts.update(finding.value.split(" item ")[0].split()[-1] for finding in refused.values())
        return Verdicts(batch.num_rows, refused)

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """The item with a shared 13-gram, and the largest overlap of 7-grams."""
        return self._rules(self._hits(batch))

    def facts(self) -> Mapping[str, int]:
        """Rows refused by benchmark, and rows noted."""
        return self.counts

    def _rules(self, hits: _Hits) -> tuple[Rule, Rule]:
        named: npt.NDArray[np.object_] = np.array([self._item(item) for item in hits.long.tolist()], dtype=np.object_)
        return (
            Rule("contaminated_13gram", named, hits.long < 0, "no 13-gram of a benchmark"),
            at_most("contaminated_7grams", hits.overlap, self.params.drop),
        )

    def _item(self, item: int) -> str:
        return "none" if item < 0 else self.benchmarks.names[item]

    def _named(self, finding: Finding, hits: _Hits, row: int) -> Finding:
        if finding.reason == "contaminated_13gram":
            return finding
        value = f"{finding.value} of the 7-grams, {self._item(int(hits.item[row]))}"
        return Finding(finding.reason, value, finding.threshold)

    def _hits(self, batch: pa.RecordBatch) -> _Hits:
        rows = batch.num_rows
        found = _Hits(np.full(rows, -1), np.zeros(rows), np.full(rows, -1))
        for column in _COLUMNS:
            worded = Worded(batch[column])
            self._long(worded, found)
            self._short(worded, found)
        return found

    def _long(self, worded: Worded, found: _Hits) -> None:
        grams = worded.grams(LONG)
        place, item = self.benchmarks.long.pairs(grams.hashes)
        rows = grams.text[place]
        first = np.full(len(found.long), len(self.benchmarks.names))
        np.minimum.at(first, rows, item)
        hit = (first < len(self.benchmarks.names)) & (found.long < 0)
        found.long[hit] = first[hit]

    def _short(self, worded: Worded, found: _Hits) -> None:
        grams = worded.grams(SHORT)
        distinct = np.unique(np.stack([grams.text.astype(np.uint64), grams.hashes]), axis=1)
        texts, count = distinct[0].astype(np.int64), max(1, len(self.benchmarks.names))
        own = np.bincount(texts, minlength=len(found.long))
        place, item = self.benchmarks.short.pairs(distinct[1])
        pairs, shared = np.unique(texts[place] * count + item, return_counts=True)
        rows, items = pairs // count, pairs % count
        overlap = shared / np.minimum(own[rows], self.benchmarks.short_counts[items])
        for row, value, which in sorted(zip(rows.tolist(), overlap.tolist(), items.tolist(), strict=True)):
            if value > found.overlap[row]:
                found.overlap[row], found.item[row] = value, which
