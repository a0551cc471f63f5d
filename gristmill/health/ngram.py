"""The interpolated trigram model: how well some texts prepare a reader for others.

    p(w | u, v) = 0.5 c(u v w) / c(u v) + 0.35 c(v w) / c(v) + 0.149 c(w) / N + 0.001 / V

Linear interpolation as Jelinek and Mercer 1980 proposed it, with fixed weights. The uniform share
is there for scoring only, so that no word has probability zero. Where a context was never seen, its
weight goes to the next shorter one, so that the probabilities always add up to one.
"""

from dataclasses import dataclass

import numpy as np

from gristmill.health.encoded import Encoded, Floats, Ints

TRIGRAM, BIGRAM, UNIGRAM, UNIFORM = 0.5, 0.35, 0.149, 0.001


@dataclass(frozen=True)
class Counts:
    """How often each key occurs."""

    keys: Ints
    counts: Ints

    def of(self, keys: Ints) -> Ints:
        """The counts of these keys, 0 for those never seen."""
        if not len(self.keys):
            return np.zeros(len(keys), dtype=np.int64)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, self.counts[place], 0)


@dataclass(frozen=True)
class Trigrams:
    """A trained model. `size` is V + 1: the dictionary's size, which holds training and test words."""

    size: int
    unigrams: Ints
    bigrams: Counts
    trigrams: Counts
    contexts: Counts
    """Counts of pairs as contexts: each has a following word."""
    context_words: Ints
    """Counts of single words as contexts."""

    def probabilities(self, texts: Encoded) -> Floats:
        """Probability of each word of the texts, given the two before it in its text."""
        last, first = texts.before(1), texts.before(2)
        pair = first * self.size + last
        p1 = self.unigrams[texts.ids] / max(1, self.unigrams.sum())
        p2 = _share(self.bigrams.of(last * self.size + texts.ids), self.context_words[last], p1)
        p3 = _share(self.trigrams.of(pair * self.size + texts.ids), self.contexts.of(pair), p2)
        mixed: Floats = TRIGRAM * p3 + BIGRAM * p2 + UNIGRAM * p1 + UNIFORM / (self.size - 1)
        return mixed

    def cross_entropy(self, texts: Encoded) -> float:
        """Bits per word that the texts cost under this model: -mean log2 p."""
        return float(-np.log2(self.probabilities(texts)).mean())


def train(texts: Encoded, size: int) -> Trigrams:
    """The model of these texts. `size` at most 2,000,000, so that three words fit one key."""
    last, first = texts.before(1), texts.before(2)
    pair = first * size + last
    return Trigrams(
        size=size,
        unigrams=np.bincount(texts.ids, minlength=size),
        bigrams=_count(last * size + texts.ids),
        trigrams=_count(pair * size + texts.ids),
        contexts=_count(pair),
        context_words=np.bincount(last, minlength=size),
    )


def _count(keys: Ints) -> Counts:
    return Counts(*np.unique(keys, return_counts=True))


def _share(part: Ints, whole: Ints, fallback: Floats) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), fallback)
