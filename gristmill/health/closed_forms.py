"""Three results on recursion that can be written down: what a simulation has to reproduce.

Collapse of a linear model (Gerstgrasser et al. 2024), of a distribution over words (Seddik et al.
2024), and the share of wrong answers that a judge can bear (Feng et al. 2024).
"""

import numpy as np

from gristmill.health.encoded import Floats


def regression_error(rounds: int, samples: int, dimensions: int, noise: float, *, accumulate: bool) -> float:
    """Expected test error of least squares after `rounds` fits, each to the labels of the one before.

    Replacing: noise^2 d / (T - d - 1) for each fit, without end. Accumulating: the i-th fit adds 1 / i^2
    of that, so that the sum stays under pi^2 / 6 of one fit: an upper bound, not an equality. Gerstgrasser
    et al. 2024, arXiv 2404.01413, theorems 1 and 2.
    """
    once = noise**2 * dimensions / (samples - dimensions - 1)
    return once * (sum(1 / i**2 for i in range(1, rounds + 1)) if accumulate else rounds)


def simulate_regression(
    rounds: int, samples: int, dimensions: int, noise: float, rng: np.random.Generator, *, accumulate: bool
) -> float:
    """One run of the same: squared distance from the true weights (which are 0) after `rounds` fits."""
    weights = np.zeros(dimensions)
    inputs, labels = np.empty((0, dimensions)), np.empty(0)
    for _ in range(rounds):
        x = rng.standard_normal((samples, dimensions))
        y = x @ weights + noise * rng.standard_normal(samples)
        inputs = np.vstack([inputs, x]) if accumulate else x
        labels = np.concatenate([labels, y]) if accumulate else y
        weights = np.asarray(np.linalg.lstsq(inputs, labels, rcond=None)[0], dtype=np.float64)
    return float(weights @ weights)


def concentration(generation: int, samples: int, start: float) -> float:
    """S_m = 1 - (1 - 1/n)^m (1 - S_0): expected sum of squared word probabilities after m generations of n words.

    1 means that one word is left. Seddik et al. 2024, arXiv 2404.05090.
    """
    return float(1 - (1 - 1 / samples) ** generation * (1 - start))


def simulate_concentration(generations: int, samples: int, start: Floats, rng: np.random.Generator) -> Floats:
    """One run of the same: the sum of squares at each generation, each drawn from the frequencies of the last."""
    shares, sums = start.astype(np.float64), [float(start @ start)]
    for _ in range(generations):
        shares = rng.multinomial(samples, shares) / samples
        sums.append(float(shares @ shares))
    return np.array(sums)


def tolerable_wrong(kept_right: float, kept_wrong: float) -> float:
    """p* = 1 / (1 + psi / phi): training on what a judge kept works while fewer answers than this are wrong.

    `kept_right` is phi, the share of right answers it keeps; `kept_wrong` psi, that of wrong ones. Feng et
    al. 2024, arXiv 2406.07515. Raises ValueError unless phi is above 0.
    """
    if kept_right <= 0:
        raise ValueError("a judge that keeps no right answer has no such bound")
    return 1 / (1 + kept_wrong / kept_right)


def simulate_majority(
    wrong: float, kept_right: float, kept_wrong: float, answers: int, rng: np.random.Generator
) -> float:
    """Share of right answers among those that the judge keeps: above 1/2 the majority teaches the truth."""
    is_wrong = rng.random(answers) < wrong
    kept = rng.random(answers) < np.where(is_wrong, kept_wrong, kept_right)
    return float((~is_wrong[kept]).mean()) if kept.any() else 0.0
