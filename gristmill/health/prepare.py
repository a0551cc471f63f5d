"""Sets of texts made comparable: cut so that their lengths are distributed alike, then numbered and embedded.

Nearly every measure moves with length, so length is taken out first. The text at each rank of one
set's lengths is cut to the length at the same rank of the others' where one is shorter: all sets
then have the lowest of the length distributions, and their row counts stay as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gristmill.embed import embed
from gristmill.health.encoded import Dictionary, Encoded, Ints, words_of
from gristmill.health.neighbours import Vectors
from gristmill.text import words

Embedder = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True)
class Prepared:
    """A set's texts after the cut, as text, words and vectors; `lengths` in words are from before it."""

    texts: Sequence[str]
    words: Encoded
    vectors: Vectors
    lengths: Ints

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Ints) -> "Prepared":
        """The named rows, in the order named."""
        texts = [self.texts[row] for row in rows]
        return Prepared(texts, self.words.take(rows), self.vectors[rows], self.lengths[rows])


def prepare(
    real: Sequence[str], candidate: Sequence[str], embedder: Embedder = embed
) -> tuple[Prepared, Prepared, int]:
    """Both sets, and the size of the dictionary that they share. Each text has at least one word."""
    (first, second), size = prepare_all([real, candidate], embedder)
    return first, second, size


def prepare_all(sets: Sequence[Sequence[str]], embedder: Embedder = embed) -> tuple[list[Prepared], int]:
    """Any number of sets, all with the lowest of their length distributions, and the size of their dictionary."""
    dictionary = Dictionary()
    encoded = [dictionary.encode(map(words_of, texts)) for texts in sets]
    lengths = [found.lengths for found in encoded]
    limits = [np.min([_at_ranks(own, other) for other in lengths], axis=0) for own in lengths]
    prepared = [
        _prepared(texts, found, limit, embedder) for texts, found, limit in zip(sets, encoded, limits, strict=True)
    ]
    return prepared, dictionary.size


def _prepared(texts: Sequence[str], encoded: Encoded, limits: Ints, embedder: Embedder) -> Prepared:
    kept = np.minimum(encoded.lengths, limits)
    cut = [
        first_words(text, int(limit)) if shorter else text
        for text, limit, shorter in zip(texts, kept, kept < encoded.lengths, strict=True)
    ]
    return Prepared(cut, encoded.cut(np.arange(len(texts)), kept), embedder(cut), encoded.lengths)


def first_words(text: str, count: int) -> str:
    """The text up to the end of its `count`-th word."""
    end = 0
    for word in words(text)[:count]:
        end = text.index(word, end) + len(word)
    return text[:end]


def _at_ranks(own: Ints, other: Ints) -> Ints:
    """For each text of `own` the length that stands at its rank among the lengths of `other`."""
    ranks = np.empty(len(own), dtype=np.int64)
    ranks[np.argsort(own, kind="stable")] = np.arange(len(own))
    places = (ranks + 0.5) / len(own) * len(other)
    return np.sort(other)[places.astype(np.int64)]
