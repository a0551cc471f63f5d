"""Real sentences, and what a trigram model that learnt them writes, one generation after the other."""

import numpy as np
import pytest

from bench.collapse import load
from gristmill.health.recursion import Arm, generations


@pytest.fixture(scope="session")
def corpus():
    return load()


@pytest.fixture(scope="session")
def thirds(corpus):
    """The real texts in random order, in three equal parts."""
    order = np.random.default_rng(5).permutation(len(corpus.encoded))
    third = len(order) // 3
    return [corpus.written(corpus.encoded.take(order[i * third : (i + 1) * third])) for i in range(3)]


@pytest.fixture(scope="session")
def collapsing(corpus):
    """Texts of generations 0 to 6 where each replaces the one before."""
    order = np.random.default_rng(5).permutation(len(corpus.encoded))
    real = corpus.encoded.take(order[: len(order) // 3])
    found = generations(real, corpus.size, Arm.REPLACE, 6, np.random.default_rng(0))
    return [corpus.written(generation.pool) for generation in found]
