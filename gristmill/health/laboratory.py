"""The collapse laboratory: what training on what a model wrote, again and again, would do to a set of texts.

The texts' distinct sentences are split, 80% to train on and 20% to test on, and each arm of `recursion` runs on them.
Measured at each generation: the bits per word that the test text costs under its model, and the share of the real
training text's rare words that are left in what it writes.
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gristmill.errors import InputError
from gristmill.health.encoded import Dictionary, Encoded, Ints, words_of
from gristmill.health.frequencies import tail_coverage
from gristmill.health.ngram import train
from gristmill.health.recursion import Arm, generations, write
from gristmill.text import sentences

END = "</s>"
MIN_SENTENCES = 500
"""Distinct sentences; of fewer a trigram model learns next to nothing."""
MAX_SENTENCES = 20_000
_MIN_WORDS = 3
_TRAIN_SHARE = 0.8
MILDEST_FIRST = (Arm.ACCUMULATE, Arm.REAL_50, Arm.REAL_10, Arm.REPLACE, Arm.LIKELIEST)
"""From the mildest rise of cross-entropy to the steepest, as the papers predict it."""


@dataclass(frozen=True)
class Corpus:
    """Sentences as numbers, each with its end; `names` turns the numbers back into words."""

    encoded: Encoded
    size: int
    names: Sequence[str]

    def split(self, seed: int) -> tuple[Ints, Ints]:
        """Rows to train on and to test on."""
        order = np.random.default_rng(seed).permutation(len(self.encoded))
        cut = round(_TRAIN_SHARE * len(order))
        return order[:cut], order[cut:]

    def written(self, pool: Encoded) -> list[str]:
        """The pool as texts, without their ends; empty ones left out."""
        rows = zip(pool.bounds[:-1], pool.bounds[1:] - 1, strict=True)
        return [" ".join(self.names[number] for number in pool.ids[a:b]) for a, b in rows if b > a]


@dataclass(frozen=True)
class Run:
    """One arm with one seed: figures at each generation, from the model of the real text on."""

    cross_entropy: list[float]
    """Bits per word of text that no generation saw."""
    tail: list[float]
    """Share of the real training text's rare words in what this generation's model writes."""


def corpus_of(texts: Iterable[str]) -> Corpus:
    """The distinct sentences of at least three words, a sample of them when they are very many.

    Raises InputError when there are too few to learn from.
    """
    found = (sentence for text in texts for sentence in sentences(text))
    distinct = [text for text in dict.fromkeys(found) if len(words_of(text)) >= _MIN_WORDS]
    if len(distinct) < MIN_SENTENCES:
        raise InputError(
            f"{len(distinct):,} distinct sentences of three words or more",
            expected=f"at least {MIN_SENTENCES:,}: a model of fewer learns too little to be collapsed",
            do="name more text",
        )
    if len(distinct) > MAX_SENTENCES:
        kept = np.sort(np.random.default_rng(0).permutation(len(distinct))[:MAX_SENTENCES])
        distinct = [distinct[row] for row in kept]
    dictionary = Dictionary()
    encoded = dictionary.encode([*words_of(text), END] for text in distinct)
    return Corpus(encoded, dictionary.size, dictionary.words())


def run(corpus: Corpus, arm: Arm, seed: int, last: int) -> Run:
    """The arm from real text to generation `last`. The same seed gives the same run."""
    training, held_out = corpus.split(seed)
    real, test = corpus.encoded.take(training), corpus.encoded.take(held_out)
    rng = np.random.default_rng([seed, list(Arm).index(arm)])
    found = Run([], [])
    for generation in generations(real, corpus.size, arm, last, rng):
        text = write(generation.pool, len(real), rng)
        budget = min(len(text.ids), len(real.ids))
        found.cross_entropy.append(train(generation.pool, corpus.size).cross_entropy(test))
        found.tail.append(tail_coverage(real, Encoded(text.ids[:budget], np.minimum(text.bounds, budget))))
    return found


def summary(runs: Sequence[Run]) -> dict[str, float]:
    """Means over seeds at both ends, and the standard deviation of the last cross-entropy over seeds."""
    last = [found.cross_entropy[-1] for found in runs]
    generation = len(runs[0].cross_entropy) - 1
    return {
        "cross_entropy_0": round(statistics.mean(found.cross_entropy[0] for found in runs), 3),
        f"cross_entropy_{generation}": round(statistics.mean(last), 3),
        "seed_deviation": round(statistics.stdev(last), 3) if len(last) > 1 else 0.0,
        "tail_coverage_0": round(statistics.mean(found.tail[0] for found in runs), 3),
        f"tail_coverage_{generation}": round(statistics.mean(found.tail[-1] for found in runs), 3),
    }


def rise(runs: Sequence[Run]) -> float:
    """How much the cross-entropy rose from the first generation to the last, mean over seeds."""
    return statistics.mean(found.cross_entropy[-1] - found.cross_entropy[0] for found in runs)


def tail(runs: Sequence[Run]) -> float:
    """Tail coverage of the last generation, mean over seeds."""
    return statistics.mean(found.tail[-1] for found in runs)
