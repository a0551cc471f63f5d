"""The measures by name: which way each moves under collapse, whether the verdict rests on it, and all of them at once.

Sets are compared at equal numbers of rows, of lengths that were made alike beforehand (`prepare`), and,
where words are counted, at exactly the same number of words.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gristmill.health.encoded import Encoded
from gristmill.health.frequencies import tail_coverage, tail_mass, types, unigram_kl
from gristmill.health.mauve import mauve
from gristmill.health.neighbours import prdc
from gristmill.health.ngram import train
from gristmill.health.prepare import Prepared
from gristmill.health.surface import compression_ratio, distinct_n, duplicate_rate, length_divergence, self_bleu
from gristmill.health.vendi import vendi

MAX_WORDS = 200_000
"""Words of each set that are counted at most."""
MAX_VECTORS = 1_000
"""Rows of each set that are compared as vectors at most: distances grow with the square."""
_BLEU_ROWS = 100
_DISTINCT = 3


class Name(StrEnum):
    """What is measured of a candidate against real text."""

    CROSS_ENTROPY = "held_out_cross_entropy"
    KL = "unigram_kl"
    TAIL_COVERAGE = "tail_coverage"
    TYPES = "types_ratio"
    RECALL = "recall"
    COVERAGE = "coverage"
    VENDI = "vendi_ratio"
    MAUVE = "mauve"
    PRECISION = "precision"
    DENSITY = "density"
    TAIL_MASS = "tail_mass"
    DISTINCT = "distinct_3"
    DUPLICATES = "duplicate_rate"
    SELF_BLEU = "self_bleu"
    COMPRESSION = "compression_ratio"
    LENGTHS = "length_divergence"


@dataclass(frozen=True)
class Kind:
    """`worse` is +1 where collapse raises the measure, -1 where it lowers it."""

    worse: int
    gates: bool
    meaning: str


KINDS = {
    Name.CROSS_ENTROPY: Kind(+1, True, "bits per word of held-out real text, trigram model of the candidate"),
    Name.KL: Kind(+1, True, "bits, word frequencies of real text against the candidate's"),
    Name.TAIL_COVERAGE: Kind(-1, True, "share of the real set's rare words that the candidate has"),
    Name.TYPES: Kind(-1, True, "distinct words over the real set's, same number of words"),
    Name.RECALL: Kind(-1, True, "share of real texts near some candidate, by the candidate's spread"),
    Name.COVERAGE: Kind(-1, True, "share of real texts with a candidate near, by the real spread"),
    Name.VENDI: Kind(-1, True, "effective number of different texts over the real set's"),
    Name.MAUVE: Kind(-1, True, "area under the divergence curve"),
    Name.PRECISION: Kind(-1, False, "share of candidates near some real text; up or flat under collapse"),
    Name.DENSITY: Kind(-1, False, "real texts round a candidate; up or flat under collapse"),
    Name.TAIL_MASS: Kind(-1, False, "share of words that occur at most twice; blind to collapse"),
    Name.DISTINCT: Kind(-1, False, "distinct over all trigrams; often inverted"),
    Name.DUPLICATES: Kind(+1, False, "share of texts that repeat another word for word"),
    Name.SELF_BLEU: Kind(+1, False, f"mean BLEU-4 of {_BLEU_ROWS} texts against each other"),
    Name.COMPRESSION: Kind(+1, False, "bytes over compressed bytes; weak"),
    Name.LENGTHS: Kind(+1, False, "Jensen-Shannon divergence of the lengths in words, before they are made alike"),
}
GATING = tuple(name for name, kind in KINDS.items() if kind.gates)

Values = dict[Name, float]


def gating(real: Prepared, candidate: Prepared, size: int, rng: np.random.Generator) -> Values:
    """`candidate` against `real`, of equal size and in random order: what the verdict rests on.

    Precision and density, which come with recall and coverage, are among them, but are only read.
    """
    a, b = same_words(real.words, candidate.words)
    x, y = real.vectors[:MAX_VECTORS], candidate.vectors[:MAX_VECTORS]
    near = prdc(x, y)
    return {
        Name.CROSS_ENTROPY: train(b, size).cross_entropy(a),
        Name.KL: unigram_kl(a, b),
        Name.TAIL_COVERAGE: tail_coverage(a, b),
        Name.TYPES: types(b) / types(a),
        Name.RECALL: near.recall,
        Name.COVERAGE: near.coverage,
        Name.VENDI: vendi(y) / vendi(x),
        Name.MAUVE: mauve(x, y, rng),
        Name.PRECISION: near.precision,
        Name.DENSITY: near.density,
    }


def reported(real: Prepared, candidate: Prepared) -> Values:
    """The measures that are only read, of the same sets."""
    _, words = same_words(real.words, candidate.words)
    return {
        Name.TAIL_MASS: tail_mass(words),
        Name.DISTINCT: distinct_n(words, _DISTINCT),
        Name.DUPLICATES: duplicate_rate(candidate.texts),
        Name.SELF_BLEU: self_bleu(candidate.words.take(np.arange(min(_BLEU_ROWS, len(candidate))))),
        Name.COMPRESSION: compression_ratio(candidate.texts[:MAX_VECTORS]),
        Name.LENGTHS: length_divergence(real.lengths, candidate.lengths),
    }


def same_words(real: Encoded, candidate: Encoded) -> tuple[Encoded, Encoded]:
    """Both sets up to the same number of words: the smaller set's, `MAX_WORDS` at most."""
    budget = min(len(real.ids), len(candidate.ids), MAX_WORDS)
    return _up_to(real, budget), _up_to(candidate, budget)


def _up_to(texts: Encoded, budget: int) -> Encoded:
    bounds = np.minimum(texts.bounds, budget)
    return Encoded(texts.ids[:budget], bounds)
