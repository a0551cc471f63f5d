"""`gristmill audit`: is a set of texts as rich as real text of its kind? Any two sets, in or out of a workspace."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from gristmill.cli.output import AsJson, out, show_json, show_rows
from gristmill.errors import GateRefused, InputError, Problem, ProblemsError
from gristmill.health.calibrate import DEVIATIONS, MAX_ROWS, Judgement, Reading, Verdict, compare
from gristmill.health.fitness import check_fitness, identities
from gristmill.health.measures import KINDS
from gristmill.health.sets import TextSet, read_set


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(audit)


def audit(
    candidate: Annotated[
        Path, typer.Argument(metavar="CANDIDATE", help="Generated texts, Parquet or JSONL, a file or folder.")
    ],
    reference: Annotated[Path, typer.Option("--reference", help="Real texts of the same genre, none of them in it.")],
    text_column: Annotated[str, typer.Option("--text-column", help="Column that holds the text.")] = "text",
    reference_column: Annotated[
        str | None, typer.Option("--reference-column", help="The same in the reference, where it differs.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measures a set for collapse against real text; exit code 3 when it trips, 2 when it cannot be measured."""
    made, real = _read(candidate, text_column, reference, reference_column or text_column)
    check_fitness(made, real)
    judgement = compare(real.texts, made.texts)
    if as_json:
        show_json(_as_dict(judgement, made, real))
    else:
        _show(judgement)
    _leave(judgement, candidate)


def _read(candidate: Path, column: str, reference: Path, reference_column: str) -> tuple[TextSet, TextSet]:
    """Both sets; what is wrong with either is said at once."""
    problems: list[Problem] = []
    sets: list[TextSet] = []
    for path, name, limit in ((candidate, column, MAX_ROWS), (reference, reference_column, 2 * MAX_ROWS)):
        try:
            watched = identities(sets[0].texts) if sets else frozenset()
            sets.append(read_set(path, name, limit, watched=watched))
        except InputError as error:
            problems.append(error.problem)
    if problems:
        raise ProblemsError(problems)
    return sets[0], sets[1]


def _show(judgement: Judgement) -> None:
    if judgement.verdict is Verdict.UNMEASURED:
        return
    show_rows(
        [
            {
                "measure": reading.measure.value,
                "gates": reading.gates,
                "candidate": f"{reading.value:.4f}",
                "real": f"{reading.real_mean:.4f} ± {reading.real_deviation:.4f}",
                "deviation": f"{reading.deviation:+.1f}{' moved' if reading.moved else ''}",
            }
            for reading in judgement.readings
        ],
        as_json=False,
    )
    out.print(
        f"{judgement.verdict}: largest deviation {judgement.largest:+.1f}, bound {judgement.bound:.1f}"
        f" (deviation: standard deviations towards collapse;"
        f" {judgement.splits} real-against-real splits of {judgement.rows:,} rows)"
    )


def _as_dict(judgement: Judgement, candidate: TextSet, reference: TextSet) -> dict[str, Any]:
    return {
        "verdict": judgement.verdict.value,
        "candidate": {"path": str(candidate.path), "rows": candidate.rows},
        "reference": {"path": str(reference.path), "rows": reference.rows},
        "compared": {"rows": judgement.rows, "words": judgement.words},
        "calibration": {"splits": judgement.splits, "deviations": DEVIATIONS, "bound": judgement.bound},
        "largest_deviation": judgement.largest if judgement.readings else None,
        "moved": [reading.measure.value for reading in judgement.moved],
        "measures": [{**asdict(reading), "meaning": KINDS[reading.measure].meaning} for reading in judgement.readings],
        "needs": judgement.needs,
    }


def _leave(judgement: Judgement, candidate: Path) -> None:
    """The exit code: nothing but a pass is 0."""
    if judgement.verdict is Verdict.UNMEASURED:
        raise InputError("unmeasured: too little text", where=str(candidate), expected=judgement.needs, do="add rows")
    if judgement.verdict is Verdict.TRIP:
        raise GateRefused(
            "the candidate is poorer than real text of its kind: " + "; ".join(map(_moved, judgement.moved)),
            where=str(candidate),
            expected=f"a largest deviation of at most {judgement.bound:.1f}",
            do="mix in real text, keep what earlier generations were trained on, or loosen the filter that narrowed it",
        )


def _moved(reading: Reading) -> str:
    return f"{reading.measure} {reading.value:.4g} against {reading.real_mean:.4g} ({reading.deviation:+.1f} sd)"
