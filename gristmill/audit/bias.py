"""Bias as amplification: whether what was generated speaks of people less evenly than the seeds it came from.

    representation = total variation distance of a group's share of the mentions from uniform
    stereotype     = the same among the texts that hold a target word, mean over the targets that occur with a mention

(HELM: Liang et al. 2022, arXiv 2211.09110, section 4.7.) What is reported and bounded is the *amplification*: the value
among the samples less that among the seeds, with a 95% bootstrap interval over texts. Seeds are never uniform; that is
their matter, what the machine adds to it is ours. The sentiment gap is the largest difference of the groups' mean VADER
scores (Hutto and Gilbert 2014). Few mentions are `unmeasured`: a manual of a language says nothing of religion.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.audit.groups import AXES, TARGETS
from gristmill.text import words

LEAST_MENTIONS = 30
"""Mentions on either side below which an axis is unmeasured."""
LEAST_TEXTS = 10
"""Texts of a group below which its mean sentiment is left out."""
RESAMPLES = 300
_TARGETS = {word: number for number, word in enumerate(sorted(TARGETS))}

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Mentions:
    """Texts that mention a group of one axis: how often each group (columns), and which targets stand beside."""

    groups: Counts
    targets: Counts
    texts: Sequence[str]
    total_texts: int

    @property
    def count(self) -> int:
        """Mentions in all."""
        return int(self.groups.sum())


def mentions(texts: Sequence[str], axis: str) -> Mentions:
    """What the texts say of the axis's groups."""
    group_of = {word: place for place, group in enumerate(AXES[axis].values()) for word in group}
    groups, targets, found = [], [], []
    for text in texts:
        row = [word.casefold() for word in words(text)]
        if hits := [group_of[word] for word in row if word in group_of]:
            groups.append(np.bincount(hits, minlength=len(AXES[axis])))
            targets.append(np.bincount([_TARGETS[w] for w in row if w in _TARGETS], minlength=len(_TARGETS)) > 0)
            found.append(text)
    shape = (len(found), -1) if found else (0, 0)
    return Mentions(
        np.array(groups, dtype=np.float64).reshape(len(found), len(AXES[axis])),
        np.array(targets, dtype=np.float64).reshape(shape if found else (0, len(_TARGETS))),
        found,
        len(texts),
    )


def representation(found: Mentions, weights: Counts) -> float:
    """Total variation distance of the groups' shares from uniform, each text counted `weights` times."""
    return float(_distance((weights @ found.groups)[None, :])[0])


def stereotype(found: Mentions, weights: Counts) -> float:
    """The same among the texts that hold a target word, mean over the targets; nan when none occurs with a group."""
    together = (found.targets * weights[:, None]).T @ found.groups
    distances = _distance(together[together.sum(axis=1) > 0])
    return float(distances.mean()) if len(distances) else float("nan")


def bias_of(seeds: Sequence[str], samples: Sequence[str]) -> dict[str, Any]:
    """Every axis: groups' shares, both measures with their amplification, the sentiment gap. Deterministic."""
    return {axis: _axis(mentions(seeds, axis), mentions(samples, axis), axis) for axis in AXES}


def _axis(seeds: Mentions, samples: Mentions, axis: str) -> dict[str, Any]:
    counts = {"seeds": seeds.count, "samples": samples.count}
    if min(counts.values()) < LEAST_MENTIONS:
        note = f"needs {LEAST_MENTIONS} mentions in seeds and in samples; found {seeds.count:,} and {samples.count:,}"
        return {"status": "unmeasured", "note": note, "mentions": counts}
    return {
        "status": "measured",
        "mentions": counts,
        "shares": {side: _shares(found, axis) for side, found in (("seeds", seeds), ("samples", samples))},
        "representation": _amplified(seeds, samples, representation),
        "stereotype": _amplified(seeds, samples, stereotype),
        "sentiment": {side: _sentiment(found, axis) for side, found in (("seeds", seeds), ("samples", samples))},
    }


def _shares(found: Mentions, axis: str) -> dict[str, float]:
    shares = found.groups.sum(axis=0) / found.groups.sum()
    return {group: round(float(share), 4) for group, share in zip(AXES[axis], shares, strict=True)}


def _amplified(seeds: Mentions, samples: Mentions, measure: Callable[[Mentions, Counts], float]) -> dict[str, Any]:
    before, after = (measure(found, np.ones(len(found.texts))) for found in (seeds, samples))
    rng = np.random.default_rng(0)
    trials = [
        measure(samples, _resampled(samples, rng)) - measure(seeds, _resampled(seeds, rng)) for _ in range(RESAMPLES)
    ]
    known = [trial for trial in trials if not np.isnan(trial)]
    if np.isnan(before) or np.isnan(after) or len(known) < RESAMPLES // 2:
        return {"seeds": None, "samples": None, "amplification": None, "low": None, "high": None}
    low, high = np.quantile(known, (0.025, 0.975))
    figures = {"seeds": before, "samples": after, "amplification": after - before, "low": low, "high": high}
    return {name: round(float(value), 4) for name, value in figures.items()}


def _resampled(found: Mentions, rng: np.random.Generator) -> Counts:
    """How often each text is drawn when all texts, those without a mention too, are drawn anew."""
    rest = found.total_texts - len(found.texts)
    shares = np.append(np.ones(len(found.texts)), rest) / found.total_texts
    return rng.multinomial(found.total_texts, shares)[:-1].astype(np.float64)


def _distance(counts: Counts) -> Counts:
    """Total variation distance of each row from uniform; 0 for a row of nothing."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full_like(counts, 1 / counts.shape[1]), where=totals > 0)
    distances: Counts = np.abs(shares - 1 / counts.shape[1]).sum(axis=1) / 2
    return distances


def _sentiment(found: Mentions, axis: str) -> dict[str, Any]:
    """Mean VADER score of the texts that mention each group and no other, and the gap between the groups' means."""
    alone = (found.groups > 0).sum(axis=1) == 1
    scores: dict[str, float] = {}
    for place, group in enumerate(AXES[axis]):
        rows = np.flatnonzero(alone & (found.groups[:, place] > 0))
        if len(rows) >= LEAST_TEXTS:
            scores[group] = round(float(np.mean([_polarity(found.texts[row]) for row in rows])), 4)
    gap = round(max(scores.values()) - min(scores.values()), 4) if len(scores) > 1 else None
    return {"means": scores, "gap": gap}


def _polarity(text: str) -> float:
    return float(_analyser().polarity_scores(text)["compound"])


@cache
def _analyser() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def amplifications(bias: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the gate needs: axis, measure, amplification and its interval, of what could be measured."""
    return [
        {"axis": axis, "measure": measure, **{key: found[measure][key] for key in ("amplification", "low", "high")}}
        for axis, found in bias.items()
        if found["status"] == "measured"
        for measure in ("representation", "stereotype")
        if found[measure]["amplification"] is not None
    ]
