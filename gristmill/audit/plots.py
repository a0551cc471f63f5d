"""The audit's figures as small CSV files, for `dvc plots` and for the report: a header, then one line per point."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from gristmill.audit.funnel import Funnel
from gristmill.audit.measure import share
from gristmill.audit.tally import BINS, MEAN, MEAN_STEP, SCORES, Tally

_TOP_OPENINGS = 20
_MEANS = tuple(step * MEAN_STEP for step in range(round(1 / MEAN_STEP), round(5 / MEAN_STEP) + 1))


def write_plots(folder: Path, funnel: Funnel, tally: Tally) -> None:
    """Writes lengths.csv, funnel.csv, scores.csv and openings.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    lengths = ((low, tally.prompt_bins[low], tally.response_bins[low]) for low in _used_bins(tally))
    _write(folder / "lengths.csv", ("words", "prompts", "responses"), lengths)
    _write(folder / "funnel.csv", ("step", "rows"), _funnel(funnel))
    _write(folder / "scores.csv", ("criterion", "score", "rows"), _scores(tally))
    top = sorted(tally.openings.items(), key=lambda entry: (-entry[1], entry[0]))[:_TOP_OPENINGS]
    _write(folder / "openings.csv", ("opening", "rows", "share"), ((o, n, share(n, tally.rows)) for o, n in top))


def _used_bins(tally: Tally) -> Sequence[int]:
    """All bins up to the last one in use: a gap in the middle must be seen as one."""
    last = max([*tally.prompt_bins, *tally.response_bins, 0])
    return [low for low in BINS if low <= last]


def _funnel(funnel: Funnel) -> list[tuple[str, int]]:
    requested = [("requested", funnel.requested)]
    return requested + [(step.stage, step.out) for step in funnel.steps if step.unit == "samples"]


def _scores(tally: Tally) -> Iterable[tuple[str, str, int]]:
    """Every score from 1 to 5, so that one which was never given shows as such, and any other that was."""
    for criterion in sorted({criterion for criterion, _ in tally.scores}):
        found = {score for name, score in tally.scores if name == criterion}
        for score in sorted(found.union(_MEANS if criterion == MEAN else SCORES)):
            yield criterion, f"{score:g}", tally.scores[criterion, score]


def _write(path: Path, header: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)
