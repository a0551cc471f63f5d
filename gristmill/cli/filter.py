"""`gristmill filter`: the filters on any Parquet or JSONL with a text column, no pipeline needed."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gristmill.cli.graph import parse_settings
from gristmill.cli.output import AsJson, out, show_json, show_rows
from gristmill.errors import InputError
from gristmill.filters.chain import build_text_chain
from gristmill.params.load import parse
from gristmill.params.select import FilterParams
from gristmill.tables.read import open_table
from gristmill.tables.sift import sift

_STANDARD = "gopher_quality,gopher_repetition,c4,fineweb"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("filter")(filter_table)


def filter_table(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Parquet (a file or folder) or JSONL, also .gz or .zst.")
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder for kept/ and rejected/.")],
    filters: Annotated[str, typer.Option(help="Names of filters, in the order to apply them.")] = _STANDARD,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="FILTER.PARAMETER=VALUE, as under `filter` in params.yaml; may be repeated."),
    ] = None,
    text_column: Annotated[str, typer.Option(help="The column to look at.")] = "text",
    as_json: AsJson = False,
) -> None:
    """Filter any table by a text column: kept rows to OUT/kept, the others to OUT/rejected with their reasons."""
    names = [name.strip() for name in filters.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise InputError(f"found --filters {filters!r}", expected="names of filters, each once, separated by commas")
    chain = build_text_chain(names, _parameters(names, parse_settings(set_ or [])), text_column)
    result = sift(open_table(source), chain, text_column, target).as_dict()
    if as_json:
        show_json({**result, "filters": names, "out": str(target)})
        return
    show_rows(result["reasons"], as_json=False, title="rejected")
    kept, rejected = f"{result['kept']:,} in {target}/kept", f"{result['rejected']:,} in {target}/rejected"
    out.print(f"{result['rows']:,} rows: {kept}, {rejected}", markup=False)


def _parameters(names: list[str], settings: dict[str, Any]) -> FilterParams:
    """The filters' parameters with the settings. Raises InputError for a setting of a filter that is not applied."""
    content: dict[str, dict[str, Any]] = {}
    for path, value in settings.items():
        name, _, parameter = path.partition(".")
        if name not in names or not parameter:
            raise InputError(f"found --set {path}", expected=f"FILTER.PARAMETER=VALUE for one of {', '.join(names)}")
        content.setdefault(name, {})[parameter] = value
    return parse(FilterParams, content, "--set")
