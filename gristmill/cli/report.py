"""`gristmill report` and `gristmill schema`: a page for people, a JSON Schema for editors."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gristmill.cli.output import AsJson, out, show_json
from gristmill.layout import find_workspace
from gristmill.params.root import Params
from gristmill.recipes.json_schema import recipe_schema


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(report)
    app.command()(schema)


def report(
    path: Annotated[Path | None, typer.Option("--out", help="Where to write the page.")] = None, as_json: AsJson = False
) -> None:
    """One self-contained HTML page: verdict, funnel with reasons, health, bias, cost, a map, rows and rejects."""
    from gristmill.report.page import write_report  # Altair and Vega take a second to load

    layout = find_workspace()
    written = write_report(layout, path or layout.root / "report.html")
    if as_json:
        show_json({"path": str(written)})
    else:
        out.print(f"written: {written}")


class Described(StrEnum):
    """A kind of file that has a JSON Schema."""

    PARAMS = "params"
    RECIPE = "recipe"


def schema(of: Annotated[Described, typer.Argument(help="Kind of file.")] = Described.PARAMS) -> None:
    """The JSON Schema of params.yaml or of a recipe, by which editors complete them (*.schema.json)."""
    show_json(recipe_schema() if of is Described.RECIPE else Params.model_json_schema())
