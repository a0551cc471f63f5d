"""Boilerplate balanced by proportion: phrases that may stay, but only in a share of the rows.

Which rows stay is decided by a hash of their text: the same rows give the same choice. A set filter;
in memory are 16 bytes for each row with a phrase.

Source of the idea: Grattafiori et al. 2024 (Llama 3, arXiv 2407.21783, section 4.2.3), where overused phrases such as
"I'm sorry" are balanced by proportion, not banned.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from gristmill.filters.boilerplate import Boilerplate
from gristmill.filters.verdict import Finding, Verdicts, texts_of
from gristmill.params.content import BoilerplateParams


@dataclass
class _Group:
    """The rows with a phrase of one group: hash and number of each."""

    hashes: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    kept: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


class BalancedBoilerplate:
    """Refuses rows with a banned phrase, and those with a balanced one beyond its share of the rows kept here."""

    name = "boilerplate"

    def __init__(self, params: BoilerplateParams) -> None:
        self._params = params
        self._banned = Boilerplate(params)
        self._shapes = [Boilerplate(params.model_copy(update={"phrases": each.phrases})) for each in params.balanced]
        self._groups = [_Group() for _ in params.balanced]
        self._plain = self._added = self._judged = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Notes which rows have a phrase."""
        banned = self._banned.judge(batch).refused
        for row, texts in enumerate(_texts(batch)):
            found = [] if row in banned else self._found(texts)
            for group, _ in found:
                self._groups[group].hashes.append(xxhash.xxh3_64_intdigest("\n".join(texts).encode()))
                self._groups[group].numbers.append(self._added + row)
            self._plain += row not in banned and not found
        self._added += batch.num_rows

    def resolve(self) -> None:
        """Chooses: k rows stay, with k / (k + rows without any such phrase) at most the share."""
        for group, params in zip(self._groups, self._params.balanced, strict=True):
            most = int(params.max_share * self._plain / (1 - params.max_share) + 1e-9)
            order = np.lexsort((np.array(group.numbers), np.array(group.hashes, dtype=np.uint64)))[:most]
            group.kept = np.sort(np.array(group.numbers, dtype=np.int64)[order])

    def judge(self, batch: pa.RecordBatch) -> Verdicts:
        """Verdicts for each row."""
        refused = dict(self._banned.judge(batch).refused)
        for row, texts in enumerate(_texts(batch)):
            for group, phrase in self._found(texts) if row not in refused else ():
                if not np.isin(self._judged + row, self._groups[group].kept):
                    share = self._params.balanced[group].max_share
                    refused[row] = Finding("boilerplate_share", phrase, f"at most {share:g} of the rows")
                    break
        self._judged += batch.num_rows
        return Verdicts(batch.num_rows, refused)

    def facts(self) -> Mapping[str, int]:
        """Nothing: what was refused is in the books."""
        return {}

    def _found(self, texts: tuple[str, str]) -> list[tuple[int, str]]:
        """The groups of which the row has a phrase, and the phrase."""
        phrases = [(group, shape.first_phrase(*texts)) for group, shape in enumerate(self._shapes)]
        return [(group, phrase) for group, phrase in phrases if phrase]


def _texts(batch: pa.RecordBatch) -> list[tuple[str, str]]:
    return list(zip(texts_of(batch, "prompt"), texts_of(batch, "response"), strict=True))
