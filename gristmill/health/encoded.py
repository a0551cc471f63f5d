"""Texts as numbers: the words of many texts in one array, where each text ends, and a dictionary shared by all sets.

Everything that counts words works on these arrays, so that ten thousand texts take milliseconds.
Word numbers begin at 1; 0 stands for "before the text begins".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gristmill.text import words

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BEFORE = 0


@dataclass
class Dictionary:
    """Numbers the words in the order in which they are first seen; `size` counts them, `BEFORE` included."""

    _numbers: dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """One more than the largest number."""
        return len(self._numbers) + 1

    def words(self) -> list[str]:
        """The words by number; that of `BEFORE` is empty."""
        return ["", *self._numbers]

    def encode(self, texts: Iterable[Sequence[str]]) -> "Encoded":
        """The texts (each a list of words) as numbers; new words are added."""
        numbers, get = self._numbers, self._numbers.setdefault
        rows = [[get(word, len(numbers) + 1) for word in text] for text in texts]
        ends = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
        flat = np.fromiter((number for row in rows for number in row), dtype=np.int64, count=int(ends[-1]))
        return Encoded(flat, ends)


@dataclass(frozen=True)
class Encoded:
    """Texts as word numbers: text i is `ids[bounds[i]:bounds[i + 1]]`."""

    ids: Ints
    bounds: Ints

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def lengths(self) -> Ints:
        """Words in each text."""
        return np.diff(self.bounds)

    def take(self, rows: Ints) -> "Encoded":
        """The named texts, in the order named."""
        return self.cut(rows, self.lengths[rows])

    def cut(self, rows: Ints, lengths: Ints) -> "Encoded":
        """The first `lengths[i]` words of each named text."""
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        inside = np.arange(bounds[-1]) - np.repeat(bounds[:-1], lengths)
        return Encoded(self.ids[np.repeat(self.bounds[rows], lengths) + inside], bounds)

    def before(self, back: int) -> Ints:
        """For each word the word `back` places earlier in its text; `BEFORE` where the text begins."""
        earlier = np.full(len(self.ids), BEFORE, dtype=np.int64)
        if back < len(self.ids):
            earlier[back:] = self.ids[:-back]
        inside = np.arange(len(self.ids)) - np.repeat(self.bounds[:-1], self.lengths)
        earlier[inside < back] = BEFORE
        return earlier


def words_of(text: str) -> list[str]:
    """The text's words, casefolded: what all measures count."""
    return [word.casefold() for word in words(text)]
