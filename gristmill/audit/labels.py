"""Labels that people gave to judged rows, and what they say of the judge.

A judge *keeps* a row whose mean score reaches a bound. Among the labelled rows phi is the share of the good ones that
it keeps, psi that of the bad ones. Training on what it keeps works while the share of bad rows among all stays below
p* = 1 / (1 + psi / phi) (Feng et al. 2024, arXiv 2406.07515). A judge whose phi is not above its psi is no judge.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gristmill.errors import InputError

LEAST = 10
"""Good rows, and bad ones, below which rates say nothing."""
_Z = 1.96


class Label(StrEnum):
    """What a person said of a row."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Calibration:
    """The judge against the labels. Rates are None while there are too few labels of either kind."""

    good: int
    bad: int
    keep_from: float
    phi: float | None = None
    psi: float | None = None
    advantage_low: float | None = None
    """Lower end of the 95% interval of phi - psi (Newcombe 1998, method 10)."""
    tolerable: float | None = None
    """p*: the largest share of bad rows that the judge can bear; None when it keeps no good row."""
    needs: str = ""

    @property
    def wrong(self) -> float:
        """Share of the labelled rows that are bad."""
        return self.bad / max(1, self.good + self.bad)

    @property
    def no_better_than_chance(self) -> bool:
        """Whether the judge may well keep bad rows as readily as good ones."""
        return self.advantage_low is not None and self.advantage_low <= 0


def read_labels(path: Path) -> dict[str, Label]:
    """Labels by sample id, the last one counts; none when there is no file. Raises InputError with the line."""
    if not path.exists():
        return {}
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            found[row["sample_id"]] = Label(row["label"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"not a label: {type(error).__name__}: {error}",
                where=f"{path}: line {number}",
                expected='{"sample_id": "...", "label": "good" or "bad", ...}',
                do="correct the line, or remove it",
            ) from None
    return found


def write_label(path: Path, row: Mapping[str, object], label: Label) -> None:
    """Appends a label, with the row's text, so that a reader of the file sees what was judged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = {"sample_id": row["sample_id"], "label": label.value, "prompt": row["prompt"], "response": row["response"]}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def calibrate_judge(
    labels: Mapping[str, Label], scores: Iterable[tuple[str, float | None]], keep_from: float
) -> Calibration:
    """The judge's rates on the labelled rows among `scores` (sample id, mean; None for a reply that did not parse)."""
    kept = dict.fromkeys(Label, 0)
    seen = dict.fromkeys(Label, 0)
    for identity, mean in scores:
        if label := labels.get(identity):
            seen[label] += 1
            kept[label] += mean is not None and round(mean, 6) >= keep_from
    good, bad = seen[Label.GOOD], seen[Label.BAD]
    if min(good, bad) < LEAST:
        needs = f"{LEAST} good and {LEAST} bad rows that the judge has seen; found {good} and {bad}"
        return Calibration(good, bad, keep_from, needs=needs)
    phi, psi = kept[Label.GOOD] / good, kept[Label.BAD] / bad
    low = phi - psi - math.hypot(phi - _wilson(phi, good)[0], _wilson(psi, bad)[1] - psi)
    tolerable = 1 / (1 + psi / phi) if phi else None
    return Calibration(good, bad, keep_from, phi, psi, low, tolerable)


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share among n."""
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return middle - half, middle + half
