"""Diversity at an equal budget of words, so that a longer text does not look richer.

* types: V(N), the number of distinct words among the first N. The type-token ratio falls with the
  length of a text (Tweedie and Baayen 1998, Computers and the Humanities 32:323), therefore both
  sides get the same N. Collapse makes it fall (Guo et al. 2023, arXiv 2311.09807).
* distinct-2: distinct bigrams / bigrams among the same N words (Li et al. 2016, arXiv 1510.03055).
  Bigrams across two texts are not counted. Blind or inverted under collapse: reported, no more.

The N words come from short texts in the order of a hash of their identity: a sample of the whole
that does not depend on the order of rows. Seeds go in sentence by sentence, samples row by row,
since one long passage repeats its words more than many short texts do.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gristmill.audit.measure import Measure, measured, unmeasured
from gristmill.identity import text_hash
from gristmill.text import words


@dataclass
class WordSample:
    """Keeps the texts with the smallest hashes, just enough of them for `budget` words: memory is bounded by it."""

    budget: int
    total: int = 0
    _kept: list[tuple[int, list[str]]] = field(default_factory=list)
    _kept_words: int = 0

    def add(self, identity: str, text: str) -> None:
        """Offers a text."""
        found = [word.casefold() for word in words(text)]
        if not found:
            return
        self.total += len(found)
        rank = int(text_hash(identity), 16)
        heapq.heappush(self._kept, (-rank, found))
        self._kept_words += len(found)
        while self._kept_words - len(self._kept[0][1]) >= self.budget:
            self._kept_words -= len(heapq.heappop(self._kept)[1])

    def texts(self) -> list[list[str]]:
        """The sample, cut to exactly `budget` words (fewer if there are no more)."""
        room, cut = self.budget, []
        for _, found in sorted(self._kept, key=lambda entry: -entry[0]):
            cut.append(found[:room])
            room -= len(cut[-1])
        return [found for found in cut if found]


def types_at(sample: WordSample) -> Measure:
    """Distinct words among `budget` words."""
    if sample.total < sample.budget:
        return _too_few(sample)
    return measured(count_types(sample.texts()), f"distinct words among {sample.budget}")


def distinct_2(sample: WordSample) -> Measure:
    """Share of distinct bigrams among the bigrams of `budget` words."""
    if sample.total < sample.budget:
        return _too_few(sample)
    pairs = list(bigrams(sample.texts()))
    if not pairs:
        return unmeasured("needs texts of two words or more")
    return measured(len(set(pairs)) / len(pairs), f"distinct bigrams / bigrams among {sample.budget} words")


def ratio(part: Measure, reference: Measure) -> Measure:
    """How `part` stands to `reference`; unmeasured when either is."""
    if part.value is None or reference.value is None:
        return unmeasured(part.note if part.value is None else reference.note)
    return measured(part.value / reference.value, "samples / seeds")


def count_types(texts: Iterable[Sequence[str]]) -> int:
    """Distinct words in all texts together."""
    return len({word for text in texts for word in text})


def bigrams(texts: Iterable[Sequence[str]]) -> Iterable[tuple[str, str]]:
    """Neighbouring words within each text."""
    for text in texts:
        yield from pairwise(text)


def _too_few(sample: WordSample) -> Measure:
    return unmeasured(f"needs {sample.budget} words, found {sample.total}")
