"""Boilerplate: refusals, self-descriptions and talk about the task, found as whole words, whatever the case."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.verdict import Judging, Rule, texts_of
from gristmill.params.content import BoilerplateParams


@dataclass(frozen=True)
class Boilerplate(Judging):
    """Refuses rows with one of the phrases in prompt or response; the measured value is the phrase."""

    params: BoilerplateParams

    name = "boilerplate"

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What is measured of each row."""
        pairs = zip(texts_of(batch, "prompt"), texts_of(batch, "response"), strict=True)
        found: npt.NDArray[np.object_] = np.array([self.first_phrase(*pair) for pair in pairs], dtype=np.object_)
        return (Rule("boilerplate", found, found == "", "none of the phrases"),)

    def first_phrase(self, *texts: str) -> str:
        """The first phrase that stands in one of the texts, or an empty string."""
        if not self.params.phrases:
            return ""
        for text in texts:
            if match := self._shape.search(" ".join(text.replace("\u2019", "'").split())):
                return match.group().lower()
        return ""

    @cached_property
    def _shape(self) -> re.Pattern[str]:
        phrases = (re.escape(" ".join(phrase.replace("\u2019", "'").split())) for phrase in self.params.phrases)
        return re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)", re.IGNORECASE)
