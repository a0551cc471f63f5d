"""`gristmill label`: a person says of judged rows whether they are good, and learns what the judge is worth."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from gristmill.audit.labels import Calibration, Label, calibrate_judge, read_labels, write_label
from gristmill.cli.output import AsJson, err, out, show_json
from gristmill.frame.parquet import read_rows
from gristmill.identity import text_hash
from gristmill.layout import Stage, find_workspace
from gristmill.validation import load_params

FILE = Path("labels") / "judge.jsonl"
KEEP_FROM = 3.5
"""What a judge's mean must reach, where compose.min_judge_mean sets no bound."""
_SHOWN = ("sample_id", "prompt", "response", "evidence")
_KEYS = {"g": Label.GOOD, "b": Label.BAD}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(label)


def label(
    rows: Annotated[int, typer.Option("-n", "--rows", min=0, help="Rows to show; 0 only calibrates.")] = 20,
    keep_from: Annotated[
        float | None, typer.Option("--keep-from", min=1, max=5, help="Mean score from which a row counts as kept.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Collects good/bad labels in labels/judge.jsonl (commit it) and says how far the judge can be trusted."""
    layout = find_workspace()
    path = layout.root / FILE
    bound = keep_from or load_params(layout).compose.min_judge_mean or KEEP_FROM
    judged = layout.data(Stage.JUDGE)
    if rows:
        _ask(path, _unlabelled(judged, path, rows))
    scores = ((row["sample_id"], row["judge_mean"]) for row in read_rows(judged, ("sample_id", "judge_mean")))
    found = calibrate_judge(read_labels(path), scores, bound)
    if as_json:
        show_json({**asdict(found), "wrong": found.wrong, "no_better_than_chance": found.no_better_than_chance})
    else:
        out.print(told(found), markup=False)
    if found.no_better_than_chance:
        err.print(_WARNING, markup=False, style="bold red")


_WARNING = (
    "THIS JUDGE IS NO BETTER THAN CHANCE on the labelled rows: it keeps bad rows as readily as good ones."
    " Leave compose.min_judge_mean unset, or take another model or rubric"
)


def told(found: Calibration) -> str:
    """The calibration in words."""
    head = (
        f"{found.good} good and {found.bad} bad rows labelled; a mean of {found.keep_from:g} or more counts as kept\n"
    )
    if found.phi is None or found.psi is None:
        return f"{head}unmeasured: needs {found.needs}"
    rates = f"phi (good rows kept) {found.phi:.2f}, psi (bad rows kept) {found.psi:.2f}"
    if found.tolerable is None:
        return f"{head}{rates}: the judge keeps no good row"
    distance = found.tolerable - found.wrong
    verdict = "training on what it keeps works" if distance > 0 else "training on what it keeps teaches what is wrong"
    return f"{head}{rates}\np* {found.tolerable:.2f}, bad rows {found.wrong:.2f}, distance {distance:+.2f}: {verdict}"


def _unlabelled(judged: Path, path: Path, count: int) -> list[dict[str, Any]]:
    """Rows without a label, drawn by hash: a uniform sample, whatever the order."""
    done = read_labels(path)
    ids = (row["sample_id"] for row in read_rows(judged, ("sample_id",)) if row["sample_id"] not in done)
    wanted = set(sorted(ids, key=lambda identity: text_hash(f"label:{identity}"))[:count])
    return [row for row in read_rows(judged, _SHOWN) if row["sample_id"] in wanted]


def _ask(path: Path, rows: list[dict[str, Any]]) -> None:
    """Shows each row and takes down the answer; `q` ends, what was answered is kept."""
    for row, answer in _answers(rows):
        if answer == "q":
            return
        if answer in _KEYS:
            write_label(path, row, _KEYS[answer])


def _answers(rows: list[dict[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str]]:
    for number, row in enumerate(rows, start=1):
        evidence = f"\n[dim]evidence[/dim] {escape(row['evidence'])}" if row["evidence"] else ""
        out.print(f"\n{number} of {len(rows)}\n[dim]prompt  [/dim] {escape(row['prompt'])}")
        out.print(f"[dim]response[/dim] {escape(row['response'])}{evidence}")
        answer = ""
        while answer not in (*_KEYS, "s", "q"):
            answer = typer.prompt("g good, b bad, s skip, q quit").strip().lower()[:1]
        yield row, answer
