"""The verdict on two sets: whether the candidate is further from real text than real text is from itself.

Calibration: the reference is split in halves at random, again and again, and one half measured
against the other. That gives each measure a mean and a standard deviation, and with them the
deviation of each split; the *largest* deviation among the measures that gate is itself a number with
a mean and a standard deviation. The candidate trips when its largest deviation lies more than
`DEVIATIONS` of these standard deviations above that mean. One bound on the largest of all, instead of one
for each, keeps many measures from making many false alarms.

The halves are disjoint, so what is measured between them varies as it does between two
independent samples of their size. The candidate is measured on several draws, and their mean taken.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from threadpoolctl import threadpool_limits

from gristmill.health.encoded import Floats
from gristmill.health.measures import GATING, KINDS, Name, Values, gating, reported
from gristmill.health.prepare import Prepared, prepare

DEVIATIONS = 3.0
MIN_ROWS = 200
"""Rows in each compared set. A half of the reference is one, so that it needs twice as many."""
MIN_WORDS = 2_000
"""Words in each compared set, after lengths were made alike."""
MAX_ROWS = 5_000
SPLITS, DRAWS = 40, 8
_LEAST_DEVIATION = 1e-6


class Verdict(StrEnum):
    """`UNMEASURED` is never a pass."""

    PASS = "pass"  # noqa: S105 (not a password)
    TRIP = "trip"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True)
class Reading:
    """One measure of the candidate, and what real text gives against real text. `deviation` is positive for worse."""

    measure: Name
    gates: bool
    value: float
    real_mean: float
    real_deviation: float
    deviation: float
    moved: bool
    """Gates, and lies beyond the bound: one of the reasons of a trip."""


@dataclass(frozen=True)
class Judgement:
    """The verdict with what it rests on. Unmeasured, it has no readings, and `needs` says what is missing."""

    verdict: Verdict
    rows: int
    words: int
    """Rows and words of each compared set."""
    readings: Sequence[Reading] = ()
    largest: float = math.nan
    bound: float = math.nan
    splits: int = 0
    needs: str = ""

    @property
    def moved(self) -> Sequence[Reading]:
        """The measures beyond the bound, the furthest first."""
        return sorted((r for r in self.readings if r.moved), key=lambda reading: -reading.deviation)


@dataclass(frozen=True)
class Calibration:
    """What real text gives against real text of the same number of rows."""

    rows: int
    means: Values
    deviations: Values
    bound: float

    def deviation(self, name: Name, value: float) -> float:
        """Standard deviations from the mean of real text, positive in the direction of collapse."""
        return KINDS[name].worse * (value - self.means[name]) / self.deviations[name]


def compare(
    reference: Sequence[str],
    candidate: Sequence[str],
    *,
    seed: int = 0,
    splits: int = SPLITS,
    draws: int = DRAWS,
    report: bool = True,
) -> Judgement:
    """The candidate's texts judged against the reference's. The same inputs and seed give the same judgement.

    `report=False` leaves out the measures that do not gate and cost time. Each text has at least one word.
    """
    rows = min(len(candidate), len(reference) // 2, MAX_ROWS)
    if rows < MIN_ROWS:
        return _too_few_rows(len(reference), len(candidate), rows)
    real, written, size = prepare(reference, candidate)
    per_row = min(len(real.words.ids) / len(real), len(written.words.ids) / len(written))
    if rows * per_row < MIN_WORDS:
        return _too_few_words(rows, per_row)
    rng = np.random.default_rng(seed)
    with threadpool_limits(1):
        calibration = calibrate(real, rows, size, splits, rng, report=report)
        values = _mean([_one(*_draw(real, written, rows, rng), size, rng, report) for _ in range(draws)])
    return _judged(calibration, values, splits, int(rows * per_row))


def calibrate(
    real: Prepared, rows: int, size: int, splits: int, rng: np.random.Generator, *, report: bool = True
) -> Calibration:
    """Real against real: `splits` times two disjoint random sets of `rows` rows each."""
    found = []
    for _ in range(splits):
        order = rng.permutation(len(real))
        found.append(_one(real.take(order[:rows]), real.take(order[rows : 2 * rows]), size, rng, report))
    table = {name: np.array([values[name] for values in found]) for name in found[0]}
    means = {name: float(column.mean()) for name, column in table.items()}
    spread = {name: max(float(column.std(ddof=1)), _LEAST_DEVIATION) for name, column in table.items()}
    largest = np.max([KINDS[n].worse * (table[n] - means[n]) / spread[n] for n in GATING], axis=0)
    return Calibration(rows, means, spread, _bound(largest))


def _bound(largest: Floats) -> float:
    return float(largest.mean() + DEVIATIONS * largest.std(ddof=1))


def _one(real: Prepared, candidate: Prepared, size: int, rng: np.random.Generator, report: bool) -> Values:
    values = gating(real, candidate, size, rng)
    return {**values, **reported(real, candidate)} if report else values


def _draw(real: Prepared, written: Prepared, rows: int, rng: np.random.Generator) -> tuple[Prepared, Prepared]:
    return real.take(rng.permutation(len(real))[:rows]), written.take(rng.permutation(len(written))[:rows])


def _mean(draws: Sequence[Values]) -> Values:
    return {name: float(np.mean([values[name] for values in draws])) for name in draws[0]}


def _judged(calibration: Calibration, values: Values, splits: int, words: int) -> Judgement:
    readings = [_reading(calibration, name, value) for name, value in values.items()]
    readings.sort(key=lambda reading: list(KINDS).index(reading.measure))
    largest = max(reading.deviation for reading in readings if reading.gates)
    verdict = Verdict.TRIP if largest > calibration.bound else Verdict.PASS
    return Judgement(verdict, calibration.rows, words, readings, largest, calibration.bound, splits)


def _reading(calibration: Calibration, name: Name, value: float) -> Reading:
    deviation, gates = calibration.deviation(name, value), KINDS[name].gates
    moved = gates and deviation > calibration.bound
    return Reading(name, gates, value, calibration.means[name], calibration.deviations[name], deviation, moved)


def _too_few_rows(reference: int, candidate: int, rows: int) -> Judgement:
    found = f"found {candidate:,} and {reference:,}"
    needs = f"{MIN_ROWS:,} rows in the candidate and {2 * MIN_ROWS:,} in the reference; {found}"
    return Judgement(Verdict.UNMEASURED, rows, 0, needs=needs)


def _too_few_words(rows: int, per_row: float) -> Judgement:
    enough = int(np.ceil(MIN_WORDS / per_row))
    needs = (
        f"{MIN_WORDS:,} words in each compared set; at {per_row:.1f} words a row, lengths made alike, that is"
        f" {enough:,} rows in the candidate and {2 * enough:,} in the reference; {rows:,} could be compared"
    )
    return Judgement(Verdict.UNMEASURED, rows, int(rows * per_row), needs=needs)
