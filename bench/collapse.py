"""The collapse laboratory: a language model trained on what it wrote, again and again, and the closed forms.

    python -m bench.collapse            5 seeds, 10 generations, false alarms over 100 splits: some minutes
    python -m bench.collapse --quick    2 seeds, 10 generations, 20 splits: too few to judge the false alarms by
    python -m bench.collapse --plot     also draws docs/img/collapse.svg

The model is the interpolated trigram model, the text the distinct sentences of the language reference that ships
with Python: 80% to train on, the rest to test on. Prints a table, then one JSON object as its last line:
per arm cross-entropy (bits per word of the test text) at the first and last generation with the deviation over
seeds, tail coverage (rare words of the real training text in what the model writes), and the first generation at which
the two-set gate trips on the pool and on what is new in it; `order_ok`, `sizes_ok`, `closed_forms_ok`,
`false_alarm_rate`.
"""

import argparse
import json
import math
import statistics
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench.lines import Line, draw
from gristmill.health import closed_forms
from gristmill.health.calibrate import Verdict, compare
from gristmill.health.laboratory import MILDEST_FIRST, Corpus, Run, corpus_of, rise, run, summary, tail
from gristmill.health.recursion import Arm, generations
from gristmill.seeds.python_docs import documents

PLOT = Path(__file__).parents[1] / "docs" / "img" / "collapse.svg"
LAST = 10
RISES = {Arm.REPLACE: 2.99, Arm.REAL_10: 1.68, Arm.REAL_50: 0.57, Arm.ACCUMULATE: 0.30}
"""Rise after ten generations, in bits per word, that an earlier experiment of the same design found."""
TAILS = {Arm.REPLACE: 0.158, Arm.REAL_10: 0.319, Arm.REAL_50: 0.510, Arm.ACCUMULATE: 0.581}
"""Tail coverage then, in that experiment."""
_TOLERANCE = 0.25
"""Share by which a figure may differ from that."""


def main() -> None:
    """Runs everything and prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer seeds and splits")
    parser.add_argument("--plot", action="store_true", help="draw docs/img/collapse.svg")
    arguments = parser.parse_args()
    start = time.monotonic()
    corpus, seeds = load(), range(2 if arguments.quick else 5)
    runs = {arm: [run(corpus, arm, seed, LAST) for seed in seeds] for arm in Arm}
    if arguments.plot:
        PLOT.parent.mkdir(exist_ok=True)
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
    """The sentences of the language reference."""
    return corpus_of(document.text for document in documents())


def gate(corpus: Corpus, arm: Arm, seed: int = 0) -> dict[str, float | None]:
    """What the two-set gate says of the arm's pools, and of what is new in them, against real text it never saw.

    `gate_trips_at` is the first generation whose pool it refuses, `part_trips_at` the first whose new part it refuses,
    None for none; `gate_deviation_G` and `part_deviation_G` the largest deviations at generation G, None where too few
    words are left to measure. A third of the sentences begins the arm, two thirds are the reference.
    """
    order = np.random.default_rng(seed).permutation(len(corpus.encoded))
    third = len(order) // 3
    reference = corpus.written(corpus.encoded.take(order[third:]))
    rng = np.random.default_rng(seed)
    trips: dict[str, float | None] = {"gate_trips_at": None, "part_trips_at": None}
    found: dict[str, float | None] = {}
    for generation in generations(corpus.encoded.take(order[:third]), corpus.size, arm, LAST, rng):
        for name, texts in (("gate", generation.pool), ("part", generation.part)):
            if trips[f"{name}_trips_at"] is None or generation.number == LAST:
                judgement = compare(reference, corpus.written(texts), seed=seed, report=False)
                largest = round(judgement.largest, 1) if judgement.readings else None
                found[f"{name}_deviation_{generation.number}"] = largest
                if trips[f"{name}_trips_at"] is None and judgement.verdict is Verdict.TRIP:
                    trips[f"{name}_trips_at"] = generation.number
    return {**trips, **found}


def false_alarm_rate(corpus: Corpus, splits: int) -> float:
    """Share of real-against-real comparisons that trip: a third of the sentences against the other two."""
    return statistics.mean(_false_alarm(corpus, seed) for seed in range(splits))


def _false_alarm(corpus: Corpus, seed: int) -> bool:
    order = np.random.default_rng([seed, 1]).permutation(len(corpus.encoded))
    third = len(order) // 3
    texts = corpus.written(corpus.encoded.take(order))
    return compare(texts[third:], texts[:third], seed=seed, report=False).verdict is Verdict.TRIP


def order_ok(runs: dict[Arm, list[Run]]) -> bool:
    """Whether cross-entropy rises and the tail goes in the order that the papers predict, strictly."""
    rises, tails = ([figure(runs[arm]) for arm in MILDEST_FIRST] for figure in (rise, tail))
    steeper = all(a < b for a, b in pairwise(rises))
    return steeper and all(a > b for a, b in pairwise(tails)) and rises[0] > 0


def sizes_ok(runs: dict[Arm, list[Run]]) -> bool:
    """Whether rises and tails are near what the earlier experiment found; choosing the likeliest is worse than any."""
    near = all(
        math.isclose(figure(runs[arm]), value, rel_tol=_TOLERANCE)
        for figure, expected in ((rise, RISES), (tail, TAILS))
        for arm, value in expected.items()
    )
    return near and rise(runs[Arm.LIKELIEST]) > 2 * RISES[Arm.REPLACE] and tail(runs[Arm.LIKELIEST]) < 0.05


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
        for arm in reversed(MILDEST_FIRST)
    ]
    return draw(lines, title="Held-out cross-entropy, bits per word", across="generation")


if __name__ == "__main__":
    main()
