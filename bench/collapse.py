"""The collapse laboratory: a language model trained on what it wrote, again and again, and the closed forms.

    python -m bench.collapse            5 seeds, 10 generations, false alarms over 100 splits: some minutes
    python -m bench.collapse --quick    2 seeds, 10 generations, 20 splits: too few to judge the false alarms by
    python -m bench.collapse --plot     also draws docs/collapse.svg

The model is the interpolated trigram model, the text the distinct sentences of the language reference that ships
with Python: 80% to train on, the rest to test on. Prints a table, then one JSON object as its last line:
per arm cross-entropy (bits per word of the test text) at the first and last generation with the deviation over
seeds, tail coverage, and the first generation at which the two-set gate trips; `order_ok`, `sizes_ok`,
`closed_forms_ok`, `false_alarm_rate`.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.lines import Line, draw
from gristmill.health import closed_forms
from gristmill.health.calibrate import Verdict, compare
from gristmill.health.encoded import Dictionary, Encoded, Ints, words_of
from gristmill.health.frequencies import tail_coverage
from gristmill.health.ngram import train
from gristmill.health.recursion import Arm, generations
from gristmill.seeds.python_docs import documents
from gristmill.text import sentences

END = "</s>"
PLOT = Path(__file__).parents[1] / "docs" / "collapse.svg"
LAST = 10
_MIN_SENTENCE = 3
_TRAIN_SHARE = 0.8
ORDER = (Arm.ACCUMULATE, Arm.REAL_50, Arm.REAL_10, Arm.REPLACE, Arm.LIKELIEST)
"""From the mildest rise of cross-entropy to the steepest, as the papers predict it."""
RISES = {Arm.REPLACE: 2.99, Arm.REAL_10: 1.68, Arm.REAL_50: 0.57, Arm.ACCUMULATE: 0.30}
"""Rise after ten generations, in bits per word, that an earlier experiment of the same design found."""
_TOLERANCE = 0.3
"""Share by which a rise may differ from that."""


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


@dataclass(frozen=True)
class Run:
    """One arm with one seed: figures at each generation."""

    cross_entropy: list[float]
    tail: list[float]


def main() -> None:
    """Runs everything and prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer seeds and splits")
    parser.add_argument("--plot", action="store_true", help="draw docs/collapse.svg")
    arguments = parser.parse_args()
    start = time.monotonic()
    corpus, seeds = load(), range(2 if arguments.quick else 5)
    runs = {arm: [run(corpus, arm, seed) for seed in seeds] for arm in Arm}
    if arguments.plot:
        PLOT.write_text(plot(runs))
    arms = {arm.value: {**summary(found), **gate(corpus, arm)} for arm, found in runs.items()}
    result = {
        "arms": arms,
        "order_ok": order_ok(runs),
        "sizes_ok": sizes_ok(runs),
        "closed_forms_ok": closed_forms_ok(),
        "false_alarm_rate": false_alarm_rate(corpus, 20 if arguments.quick else 100),
        "seeds": len(seeds),
        "seconds": round(time.monotonic() - start, 1),
    }
    for name, figures in arms.items():
        print(f"{name:28}", "  ".join(f"{what} {value}" for what, value in figures.items()))
    print(json.dumps(result))


def load() -> Corpus:
    """The distinct sentences of at least three words."""
    found = (sentence for document in documents() for sentence in sentences(document.text))
    distinct = [text for text in dict.fromkeys(found) if len(words_of(text)) >= _MIN_SENTENCE]
    dictionary = Dictionary()
    encoded = dictionary.encode([*words_of(text), END] for text in distinct)
    return Corpus(encoded, dictionary.size, dictionary.words())


def run(corpus: Corpus, arm: Arm, seed: int) -> Run:
    """The arm from real text to the last generation, measured on text that no generation saw."""
    training, held_out = corpus.split(seed)
    real, test = corpus.encoded.take(training), corpus.encoded.take(held_out)
    rng = np.random.default_rng([seed, list(Arm).index(arm)])
    found = Run([], [])
    for generation in generations(real, corpus.size, arm, LAST, rng):
        pool = generation.pool.take(rng.permutation(len(generation.pool)))
        budget = min(len(pool.ids), len(real.ids))
        found.cross_entropy.append(train(pool, corpus.size).cross_entropy(test))
        found.tail.append(tail_coverage(test, Encoded(pool.ids[:budget], np.minimum(pool.bounds, budget))))
    return found


def summary(runs: Sequence[Run]) -> dict[str, float]:
    """Means over seeds at both ends, and the standard deviation of the last cross-entropy."""
    last = [found.cross_entropy[-1] for found in runs]
    return {
        "cross_entropy_0": round(statistics.mean(found.cross_entropy[0] for found in runs), 3),
        "cross_entropy_10": round(statistics.mean(last), 3),
        "seed_deviation": round(statistics.stdev(last), 3),
        "tail_coverage_0": round(statistics.mean(found.tail[0] for found in runs), 3),
        "tail_coverage_10": round(statistics.mean(found.tail[-1] for found in runs), 3),
    }


def gate(corpus: Corpus, arm: Arm, seed: int = 0) -> dict[str, float | None]:
    """What the gate says of the arm's pools against real text that the arm never saw.

    `gate_trips_at` is the first generation that it refuses, None for none; `gate_deviation_G` the largest deviation
    at generation G, None where too few words are left to measure. A third of the sentences begins the arm, two
    thirds are the reference. Generation 0 is real text.
    """
    order = np.random.default_rng(seed).permutation(len(corpus.encoded))
    third = len(order) // 3
    reference = written(corpus, corpus.encoded.take(order[third:]))
    rng = np.random.default_rng(seed)
    trip: int | None = None
    found: dict[str, float | None] = {}
    for generation in generations(corpus.encoded.take(order[:third]), corpus.size, arm, LAST, rng):
        if trip is None or generation.number == LAST:
            judgement = compare(reference, written(corpus, generation.pool), seed=seed, report=False)
            largest = round(judgement.largest, 1) if judgement.readings else None
            found[f"gate_deviation_{generation.number}"] = largest
            if trip is None and judgement.verdict is Verdict.TRIP:
                trip = generation.number
    return {"gate_trips_at": trip, **found}


def written(corpus: Corpus, pool: Encoded) -> list[str]:
    """The pool as texts, without their ends; empty ones left out."""
    rows = zip(pool.bounds[:-1], pool.bounds[1:] - 1, strict=True)
    return [" ".join(corpus.names[number] for number in pool.ids[a:b]) for a, b in rows if b > a]


def false_alarm_rate(corpus: Corpus, splits: int) -> float:
    """Share of real-against-real comparisons that trip: a third of the sentences against the other two."""
    return statistics.mean(_false_alarm(corpus, seed) for seed in range(splits))


def _false_alarm(corpus: Corpus, seed: int) -> bool:
    order = np.random.default_rng([seed, 1]).permutation(len(corpus.encoded))
    third = len(order) // 3
    texts = written(corpus, corpus.encoded.take(order))
    return compare(texts[third:], texts[:third], seed=seed, report=False).verdict is Verdict.TRIP


def order_ok(runs: dict[Arm, list[Run]]) -> bool:
    """Whether the arms rise in the order that the papers predict, and the tail goes in the same.

    At an equal number of words no paper says whether half real text or accumulation keeps more of the tail.
    """
    rises = [_rise(runs[arm]) for arm in ORDER]
    tails = [statistics.mean(found.tail[-1] for found in runs[arm]) for arm in ORDER]
    kept = [min(tails[:2]), *tails[2:]]
    return rises == sorted(rises) and kept == sorted(kept, reverse=True) and rises[0] > 0


def sizes_ok(runs: dict[Arm, list[Run]]) -> bool:
    """Whether each rise is near what the earlier experiment found; choosing the likeliest is worse than any."""
    near = all(math.isclose(_rise(runs[arm]), rise, rel_tol=_TOLERANCE) for arm, rise in RISES.items())
    return near and _rise(runs[Arm.LIKELIEST]) > 2 * RISES[Arm.REPLACE]


def _rise(runs: Sequence[Run]) -> float:
    return statistics.mean(found.cross_entropy[-1] - found.cross_entropy[0] for found in runs)


def closed_forms_ok() -> bool:
    """Whether simulations give what the three formulas say."""
    return _regression_ok() and _concentration_ok() and _majority_ok()


def _regression_ok() -> bool:
    """Ten fits, 100 samples, 20 dimensions, noise 1; 200 runs: within 10% where replacing, bounded where not."""
    rng, case = np.random.default_rng(0), (10, 100, 20, 1.0)
    replaced, accumulated = (
        statistics.mean(closed_forms.simulate_regression(*case, rng, accumulate=keep) for _ in range(200))
        for keep in (False, True)
    )
    bound = closed_forms.regression_error(*case, accumulate=True)
    right = math.isclose(replaced, closed_forms.regression_error(*case, accumulate=False), rel_tol=0.1)
    return right and accumulated <= bound <= math.pi**2 / 6 * closed_forms.regression_error(
        1, *case[1:], accumulate=False
    )


def _concentration_ok() -> bool:
    """50 words of equal probability, 100 drawn per generation, 200 generations; 400 runs: within 0.02 all along."""
    rng, start = np.random.default_rng(0), np.full(50, 0.02)
    mean = np.mean([closed_forms.simulate_concentration(200, 100, start, rng) for _ in range(400)], axis=0)
    expected = np.array([closed_forms.concentration(m, 100, 0.02) for m in range(201)])
    return bool(np.abs(mean - expected).max() < 0.02)


def _majority_ok() -> bool:
    """What a judge keeps turns from mostly right to mostly wrong at p*, whatever its rates."""
    rng = np.random.default_rng(0)
    for phi, psi, expected in ((1.0, 1.0, 0.5), (0.9, 0.3, 0.75), (0.7, 0.05, 0.9333)):
        bound = closed_forms.tolerable_wrong(phi, psi)
        below, above = (closed_forms.simulate_majority(bound + step, phi, psi, 200_000, rng) for step in (-0.02, 0.02))
        if not (math.isclose(bound, expected, abs_tol=1e-4) and below > 0.5 > above):
            return False
    return True


def plot(runs: dict[Arm, list[Run]]) -> str:
    """Cross-entropy by generation, one line for each arm, as SVG."""
    lines = [
        Line(arm.value, [statistics.mean(each) for each in zip(*(f.cross_entropy for f in runs[arm]), strict=True)])
        for arm in reversed(ORDER)
    ]
    return draw(lines, title="Held-out cross-entropy, bits per word", across="generation")


if __name__ == "__main__":
    main()
