"""The recursion: what a trigram model writes, and what each arm trains on next."""

import numpy as np

from gristmill.health.encoded import Dictionary
from gristmill.health.recursion import Arm, generations, likeliest, write

END = "</s>"


def encoded(*texts):
    dictionary = Dictionary()
    return dictionary.encode([*text.split(), END] for text in texts), dictionary


def test_writing_from_a_single_text_gives_that_text():
    pool, dictionary = encoded("to be or what")

    found = write(pool, 50, np.random.default_rng(0))

    assert len(found) == 50
    assert set(found.ids.tolist()) <= set(range(1, dictionary.size))
    assert all(found.ids[found.bounds[1:] - 1] == dictionary.words().index(END))


def test_writing_follows_the_frequencies_of_what_it_learnt():
    pool, dictionary = encoded(*["heads up"] * 3, "tails up")

    found = write(pool, 8000, np.random.default_rng(0))

    heads = np.mean(found.ids[found.bounds[:-1]] == dictionary.words().index("heads"))
    # 0.5 + 0.35 of 0.999 by what begins a text, the rest by how often any word occurs (3 of 12)
    expected = (0.85 * 0.75 + 0.149 * 0.25) / 0.999
    assert abs(heads - expected) < 0.02


def test_pools_hold_what_the_arm_says(corpus):
    real = corpus.encoded.take(np.arange(400))

    def sizes(arm):
        return [len(g.pool) for g in generations(real, corpus.size, arm, 2, np.random.default_rng(0))]

    assert sizes(Arm.REPLACE) == sizes(Arm.REAL_10) == sizes(Arm.LIKELIEST) == [400, 400, 400]
    assert sizes(Arm.ACCUMULATE) == [400, 800, 1200]


def test_pool_with_half_real_keeps_real_texts_word_for_word(corpus):
    real = corpus.encoded.take(np.arange(400))
    *_, last = generations(real, corpus.size, Arm.REAL_50, 3, np.random.default_rng(0))

    def rows(pool):
        return [tuple(pool.ids[a:b]) for a, b in zip(pool.bounds[:-1], pool.bounds[1:], strict=True)]

    assert set(rows(last.pool)[:200]) <= set(rows(real))


def test_likeliest_keeps_what_the_model_knows_best():
    pool, dictionary = encoded("a b c", "a b c", "a b c", "x y z")

    found = likeliest(pool, 3, pool, dictionary.size)

    assert dictionary.words().index("x") not in found.ids
