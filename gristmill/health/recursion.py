"""A model trained on what models wrote, generation after generation: the trigram model writes its successor's texts.

Each generation trains the trigram model on a pool of texts and writes as many texts as there were
real ones. The arms differ in what the next pool is. `REPLACE` collapses and `ACCUMULATE` does not: Gerstgrasser et al.
2024, arXiv 2404.01413; a kept share of real text slows it: Shumailov et al. 2024, Nature 631:755;
choosing what the model itself finds likely (`LIKELIEST`) hastens it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gristmill.health.encoded import BEFORE, Encoded, Ints
from gristmill.health.ngram import BIGRAM, TRIGRAM, UNIGRAM, train

MAX_WORDS = 60
"""A text that has not ended by then is cut."""


class Arm(StrEnum):
    """What the next generation is trained on."""

    REPLACE = "replace"
    REAL_10 = "10% real"
    REAL_50 = "50% real"
    ACCUMULATE = "accumulate"
    LIKELIEST = "likelihood filter + replace"


@dataclass(frozen=True)
class Generation:
    """Number 0 is the real text."""

    number: int
    pool: Encoded
    """What a model of this generation is trained on."""
    part: Encoded
    """What was newly written for it."""


def generations(real: Encoded, size: int, arm: Arm, last: int, rng: np.random.Generator) -> Iterator[Generation]:
    """The pools of generations 0 to `last`. Texts end in a word of their own that stands for the end."""
    pool = real
    yield Generation(0, pool, pool)
    for number in range(1, last + 1):
        pool, part = _next(real, pool, size, arm, rng)
        yield Generation(number, pool, part)


def write(pool: Encoded, rows: int, rng: np.random.Generator) -> Encoded:
    """`rows` texts from the trigram model of the pool, all written at once, word by word.

    A word is drawn by drawing a place in the pool where the context occurs and taking what stands there: the
    model's own distribution, without building it. The uniform share is for scoring and not written.
    """
    end = int(pool.ids[pool.bounds[1] - 1])
    last, first = pool.before(1), pool.before(2)
    base = int(pool.ids.max()) + 1
    by_pair, by_word = _Places.of(first * base + last), _Places.of(last)
    written = np.full((rows, MAX_WORDS + 2), BEFORE, dtype=np.int64)
    open_ = np.arange(rows)
    for column in range(2, MAX_WORDS + 2):
        pair = written[open_, column - 2] * base + written[open_, column - 1]
        order = rng.random(len(open_)) * (TRIGRAM + BIGRAM + UNIGRAM)
        place = rng.integers(len(pool.ids), size=len(open_))
        place = np.where(order < TRIGRAM + BIGRAM, by_word.draw(written[open_, column - 1], place, rng), place)
        place = np.where(order < TRIGRAM, by_pair.draw(pair, place, rng), place)
        written[open_, column] = pool.ids[place]
        open_ = open_[written[open_, column] != end]
        if not len(open_):
            break
    written[open_, -1] = end
    return _gathered(written[:, 2:], end)


@dataclass(frozen=True)
class _Places:
    """Where in the pool each context occurs."""

    order: Ints
    keys: Ints
    starts: Ints
    counts: Ints

    @classmethod
    def of(cls, contexts: Ints) -> "_Places":
        order = np.argsort(contexts, kind="stable")
        return cls(order, *np.unique(contexts[order], return_index=True, return_counts=True))

    def draw(self, contexts: Ints, otherwise: Ints, rng: np.random.Generator) -> Ints:
        """A place of each context, each as likely as any other; `otherwise` where it never occurs."""
        found = np.minimum(np.searchsorted(self.keys, contexts), len(self.keys) - 1)
        offset = (rng.random(len(contexts)) * self.counts[found]).astype(np.int64)
        return np.where(self.keys[found] == contexts, self.order[self.starts[found] + offset], otherwise)


def _gathered(written: Ints, end: int) -> Encoded:
    """The rows up to and with their first end."""
    lengths = np.argmax(written == end, axis=1) + 1
    inside = np.arange(written.shape[1]) < lengths[:, None]
    return Encoded(written[inside], np.concatenate([[0], np.cumsum(lengths)]))


def joined(*parts: Encoded) -> Encoded:
    """All texts of all parts."""
    lengths = np.concatenate([part.lengths for part in parts])
    return Encoded(np.concatenate([part.ids for part in parts]), np.concatenate([[0], np.cumsum(lengths)]))


def _next(real: Encoded, pool: Encoded, size: int, arm: Arm, rng: np.random.Generator) -> tuple[Encoded, Encoded]:
    """The next pool, and what of it is new."""
    rows = len(real)
    if arm in (Arm.REAL_10, Arm.REAL_50):
        kept = round(rows * (0.1 if arm is Arm.REAL_10 else 0.5))
        still_real = real.take(rng.permutation(rows)[:kept])
        part = write(pool, rows - kept, rng)
        return joined(still_real, part), part
    if arm is Arm.LIKELIEST:
        part = likeliest(write(pool, 3 * rows, rng), rows, pool, size)
        return part, part
    part = write(pool, rows, rng)
    return (joined(pool, part) if arm is Arm.ACCUMULATE else part), part


def likeliest(texts: Encoded, rows: int, pool: Encoded, size: int) -> Encoded:
    """The `rows` texts with the highest mean log-probability per word under the model of the pool."""
    logs = np.log2(train(pool, size).probabilities(texts))
    score = np.add.reduceat(logs, texts.bounds[:-1]) / texts.lengths
    return texts.take(np.sort(np.argsort(-score, kind="stable")[:rows]))
