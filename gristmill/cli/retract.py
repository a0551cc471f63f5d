"""`gristmill retract`: what must not stand in any later release."""

from typing import Annotated

import typer

from gristmill.cli.output import AsJson, out, show_json
from gristmill.compose.retract import Retraction, Tombstone, Tombstones, set_tombstone
from gristmill.errors import InputError
from gristmill.frame.parquet import read_rows
from gristmill.layout import Layout, Stage, find_workspace
from gristmill.params.load import parse


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(retract)


def retract(
    source: Annotated[str | None, typer.Option(help="All rows that were written from this source.")] = None,
    seed: Annotated[str | None, typer.Option(help="All rows that were written from this seed: its id.")] = None,
    licence: Annotated[str | None, typer.Option(help="All rows with a seed under this licence.")] = None,
    why: Annotated[str, typer.Option(help="Who asked for it, and when; for the file.")] = "",
    as_json: AsJson = False,
) -> None:
    """Leave rows out of every later release: the earlier releases' too. `gc --retracted` removes their bytes."""
    given = {kind: value for kind, value in (("source", source), ("seed", seed), ("licence", licence)) if value}
    if len(given) != 1:
        raise InputError(f"found {' and '.join(given) or 'nothing'} to retract", expected="one of the three options")
    layout = find_workspace()
    content = {"tombstones": [{**given, "why": why}]}
    (tombstone,) = parse(Tombstones, content, "gristmill retract:").tombstones
    new = set_tombstone(layout.retracted, tombstone)
    rows = _rows_here(layout, tombstone)
    if as_json:
        show_json({"retracted": tombstone.name, "new": new, "rows_in_present_data_set": rows})
        return
    told = "is retracted" if new else "was retracted before"
    out.print(f"{tombstone.name} {told}; {rows:,} rows of the present data set are of it", markup=False)
    out.print("inputs/retracted.yaml: commit it. `gristmill run` releases without these rows", markup=False)


def _rows_here(layout: Layout, tombstone: Tombstone) -> int:
    """Rows of data/compose that it hits."""
    folder = layout.data(Stage.COMPOSE)
    if not folder.is_dir():
        return 0
    retraction = Retraction([tombstone])
    return sum(retraction.refuse(row) is not None for row in read_rows(folder, ("origins", "seed_ids")))
