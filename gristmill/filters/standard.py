"""The four published filters as one link of the chain: one view of a column's texts serves all of them.

A batch is taken in slices of about two megabytes: memory is bounded by the longest
single text (55 to 110 bytes for each of its bytes), not by the batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters.statistics import Texts
from gristmill.filters.verdict import Finding, Judging, Rule, Verdicts, first_failing
from gristmill.filters.vocabulary import Vocabulary

SLICE_BYTES = 2 << 20


class TextFilter(Protocol):
    """A check on texts alone."""

    @property
    def name(self) -> str:
        """The filter's name in params.yaml and in reports."""
        ...

    def text_rules(self, texts: Texts) -> Sequence[Rule]:
        """What is measured of each text."""
        ...


@dataclass(frozen=True)
class Standard(Judging):
    """Several filters on one text column; the first that refuses a row gives the reason, and its name."""

    checks: Sequence[TextFilter]
    column: str
    vocabulary: Vocabulary = field(default_factory=Vocabulary, compare=False)

    @property
    def name(self) -> str:
        """The names of the filters."""
        return "+".join(check.name for check in self.checks)

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row, by the text in the column."""
        refused: dict[int, Finding] = {}
        for check, verdicts in zip(self.checks, self.judge_each(batch[self.column]), strict=True):
            for row, finding in verdicts.refused.items():
                refused.setdefault(row, replace(finding, filter=check.name))
        return Verdicts(batch.num_rows, refused)

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What all of them measure of every row."""
        return [rule for _, rules in self.rules_each(batch) for rule in rules]

    def rules_each(self, batch: pa.RecordBatch) -> Iterator[tuple[str, Sequence[Rule]]]:
        """What each filter measures of every row, with its name. The batch is taken as one slice."""
        view = Texts(batch[self.column], self.vocabulary)
        for check in self.checks:
            yield check.name, check.text_rules(view)

    def judge_each(self, texts: pa.Array) -> list[Verdicts]:
        """What each filter says of every text, whatever the others say."""
        refused: list[dict[int, Finding]] = [{} for _ in self.checks]
        for offset, part in slices(texts):
            view = Texts(part, self.vocabulary)
            for findings, check in zip(refused, self.checks, strict=True):
                found = first_failing(*check.text_rules(view)).refused
                findings.update({offset + row: finding for row, finding in found.items()})
        return [Verdicts(len(texts), findings) for findings in refused]


def slices(texts: pa.Array) -> Iterator[tuple[int, pa.Array]]:
    """The texts in runs of about `SLICE_BYTES`, each with the number of its first text."""
    sizes = pc.fill_null(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    number = np.cumsum(sizes) // SLICE_BYTES
    border = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(texts)]
    for start, end in pairwise(border):
        if end > start:
            yield start, texts.slice(start, end - start)
