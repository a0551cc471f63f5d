"""Drift: how far one recipe's rows have moved from those of the parent release, in the direction of collapse.

Generated text is of another genre than its seeds, so a distance to the seeds says little; that it
*grew* since the parent says much. With anchors (one real sentence for each row) a set's value is its measure against
its own anchors, and the drift the difference of two values. Without them the parent's rows are the reference, as
real text is in the gate on two sets.

Calibration: the parent's rows are parted in two at random, whole documents on one side, again and again, and one part
taken for a new release. Rows of one document resemble each other; parting single rows would
call every new document a drift. (Where one document holds more than a fifth, whole seeds are kept
together; where one seed does, single rows.) The largest deviation of all gating measures in each of these trials is
kept: a release trips when its own largest lies a stated number of their standard deviations above their mean.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from gristmill.embed import NoVector
from gristmill.health.encoded import Floats, Ints
from gristmill.health.measures import GATING, KINDS, Name, Values, gating
from gristmill.health.prepare import Prepared, prepare_all
from gristmill.health.rows import Row
from gristmill.health.surface import length_divergence

MAX_ROWS = 500
"""Rows in each compared set, at most: seconds, not minutes, whatever a release holds."""
SAMPLED_ROWS = 1_250
"""Rows of a recipe that are looked at on either side: `PARTED` of them are `MAX_ROWS`."""
PARTED = 0.4
"""Share of the parent's rows that each of two parts is sure to reach."""
LARGEST_GROUP = 0.2
WORDS_PER_ROW = 4
"""Fewer words in a row, lengths made alike, and there is nothing to measure."""
TRIALS, DRAWS = 40, 6
VECTORS = "a vector for every text; the embedding model gave none for some"
LEAST_MOVE = 0.005
"""A standard deviation counts as at least so much, and this share of the value: in large sets trifles are sure."""


@dataclass(frozen=True)
class Move:
    """One measure, in the parent release and now. `deviation` is positive for worse."""

    measure: Name
    before: float
    after: float
    spread: float
    """Standard deviation of the difference between parts of the parent."""
    deviation: float


@dataclass(frozen=True)
class Drift:
    """What moved. Unmeasured, it has no moves, and `needs` says what is missing."""

    rows: int
    """Rows in each compared set."""
    unit: str = ""
    """What stayed together when the parent was parted: documents, seeds or rows."""
    anchored: bool = False
    moves: Sequence[Move] = ()
    trials: Sequence[float] = ()
    """Largest deviation of each trial, parent against parent."""
    length_divergence: float | None = None
    needs: str = ""

    @property
    def largest(self) -> float:
        """The largest deviation among the measures."""
        return max(move.deviation for move in self.moves)


@dataclass(frozen=True)
class Sides:
    """Parent and candidates made comparable: lengths alike, words numbered, vectors of all."""

    texts: Sequence[Prepared]
    """The parent's, then each candidate's."""
    anchors: Sequence[Prepared] | None
    size: int

    def value(self, side: int, rows: Ints, reference: Ints, rng: np.random.Generator) -> Values:
        """The measures of these rows of a side: against their own anchors, else against the parent's `reference`."""
        real = self.anchors[side].take(rows) if self.anchors else self.texts[0].take(reference)
        found = gating(real, self.texts[side].take(rows), self.size, rng)
        return {name: found[name] for name in GATING}


def drifts(parent: Sequence[Row], candidates: Sequence[Sequence[Row]], min_rows: int, *, seed: int = 0) -> list[Drift]:
    """The drift of each candidate from the parent, all measured alike. Equal inputs give equal answers.

    Candidates with fewer than `min_rows` rows are unmeasured, and all of them when the parent has too few to be
    parted or a text gets no vector.
    """
    wanted = min_rows / PARTED
    measurable = [rows for rows in candidates if len(rows) >= min_rows]
    if len(parent) < wanted or not measurable:
        return [_too_few(len(parent), len(rows), min_rows) for rows in candidates]
    try:
        sides = compared([parent, *measurable])
    except NoVector:
        return [Drift(len(rows), needs=VECTORS) for rows in candidates]
    rows = min(MAX_ROWS, int(PARTED * len(parent)), *map(len, measurable))
    if len(sides.texts[0].words.ids) < WORDS_PER_ROW * len(parent):
        return [_too_short(rows) for _ in candidates]
    unit, groups = grouping(parent)
    rng = np.random.default_rng(seed)
    with threadpool_limits(1):
        trials = _trials(sides, groups, rows, rng)
        found = iter([_drift(sides, place, rows, trials, unit, rng) for place in range(1, len(sides.texts))])
    return [next(found) if len(one) >= min_rows else _too_few(len(parent), len(one), min_rows) for one in candidates]


def compared(sets: Sequence[Sequence[Row]]) -> Sides:
    """Sets of rows made comparable; anchored when every row has an anchor. Raises NoVector."""
    texts = [[row.text for row in rows] for rows in sets]
    anchors = [[row.anchor for row in rows if row.anchor] for rows in sets]
    anchored = all(len(own) == len(rows) for own, rows in zip(anchors, sets, strict=True))
    prepared, size = prepare_all([*texts, *anchors] if anchored else texts)
    return Sides(prepared[: len(sets)], prepared[len(sets) :] if anchored else None, size)


def grouping(rows: Sequence[Row]) -> tuple[str, Ints]:
    """What is to stay together, and each row's group: the coarsest unit of which none holds too many rows."""
    for unit, names in (("documents", [row.document for row in rows]), ("seeds", [row.seed for row in rows])):
        if max(Counter(names).values()) <= LARGEST_GROUP * len(rows):
            numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
            return unit, np.array([numbers[name] for name in names])
    return "rows", np.arange(len(rows))


def parted(groups: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """The rows in two parts of about equal size, each in random order: every group goes to the smaller one so far."""
    sizes = np.bincount(groups)
    side, filled = np.zeros(len(sizes), dtype=np.int64), [0, 0]
    for group in rng.permutation(len(sizes)):
        side[group] = int(filled[1] < filled[0])
        filled[side[group]] += int(sizes[group])
    order = rng.permutation(len(groups))
    of_row = side[groups[order]]
    return order[of_row == 0], order[of_row == 1]


def difference(
    sides: Sides, place: int, rows: int, rng: np.random.Generator, draws: int = DRAWS
) -> tuple[Values, Values]:
    """Means over draws of the parent's values and of a candidate's, of `rows` rows each."""
    before, after = [], []
    for _ in range(draws):
        own = rng.permutation(len(sides.texts[place]))[:rows]
        order = rng.permutation(len(sides.texts[0]))
        after.append(sides.value(place, own, order[:rows], rng))
        before.append(sides.value(0, order[:rows], order[-rows:], rng))
    return _mean(before), _mean(after)


@dataclass(frozen=True)
class _Trials:
    means: Values
    spreads: Values
    largest: Floats


def _trials(sides: Sides, groups: Ints, rows: int, rng: np.random.Generator) -> _Trials:
    """The parent against itself: with anchors one part's value less the other's, else one part against the other."""
    found, levels = [], []
    for _ in range(TRIALS):
        one, other = (part[:rows] for part in parted(groups, rng))
        value = sides.value(0, one, other, rng)
        base = sides.value(0, other, one, rng) if sides.anchors else dict.fromkeys(value, 0.0)
        found.append({name: value[name] - base[name] for name in value})
        levels.append(value)
    level = _mean(levels)
    table = {name: np.array([values[name] for values in found]) for name in GATING}
    means = {name: 0.0 if sides.anchors else float(column.mean()) for name, column in table.items()}
    spreads = {
        name: max(float(column.std(ddof=1)), LEAST_MOVE, LEAST_MOVE * abs(level[name]))
        for name, column in table.items()
    }
    largest = np.max([KINDS[n].worse * (table[n] - means[n]) / spreads[n] for n in GATING], axis=0)
    return _Trials(means, spreads, largest)


def _drift(sides: Sides, place: int, rows: int, trials: _Trials, unit: str, rng: np.random.Generator) -> Drift:
    before, after = difference(sides, place, rows, rng)
    moves = [_move(name, before[name], after[name], trials, anchored=sides.anchors is not None) for name in GATING]
    return Drift(
        rows,
        unit,
        sides.anchors is not None,
        moves,
        [float(value) for value in trials.largest],
        length_divergence(sides.texts[0].lengths, sides.texts[place].lengths),
    )


def _move(name: Name, before: float, after: float, trials: _Trials, *, anchored: bool) -> Move:
    start = before if anchored else trials.means[name]
    deviation = KINDS[name].worse * (after - start) / trials.spreads[name]
    return Move(name, start, after, trials.spreads[name], deviation)


def _mean(draws: Sequence[Values]) -> Values:
    return {name: float(np.mean([values[name] for values in draws])) for name in draws[0]}


def _too_few(parent: int, candidate: int, min_rows: int) -> Drift:
    enough = int(np.ceil(min_rows / PARTED))
    needs = f"{min_rows:,} rows, and {enough:,} in the parent release; found {candidate:,} and {parent:,}"
    return Drift(min(candidate, parent), needs=needs)


def _too_short(rows: int) -> Drift:
    return Drift(rows, needs=f"{WORDS_PER_ROW} words in a row, lengths made alike; these rows have fewer")
