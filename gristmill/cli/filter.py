"""`gristmill filter`: the filters on any Parquet or JSONL with a text column, no pipeline needed."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gristmill.cli.graph import parse_settings
from gristmill.cli.output import AsJson, out, show_json, show_rows
from gristmill.errors import InputError
from gristmill.filters.build import Surroundings, build_chain
from gristmill.params.filters import FilterParams, FilterSpec, default_filter, with_settings
from gristmill.tables.columns import PARTS, Columns
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
        typer.Option("--set", help="FILTER.PARAMETER=VALUE, as in the filter's entry in params.yaml; may be repeated."),
    ] = None,
    text_column: Annotated[str, typer.Option(help="The column to look at; filters see it as the response.")] = "text",
    prompt_column: Annotated[str | None, typer.Option(help="The column that holds what was asked, if any.")] = None,
    evidence_column: Annotated[str | None, typer.Option(help="The column with the supporting span, if any.")] = None,
    context_column: Annotated[str | None, typer.Option(help="The column with the passage, if any.")] = None,
    as_json: AsJson = False,
) -> None:
    """Filter any table by a text column: kept rows to OUT/kept, the others to OUT/rejected with their reasons."""
    given = {"response": text_column, "prompt": prompt_column, "evidence": evidence_column, "context": context_column}
    columns = Columns({part: name for part, name in given.items() if name})
    specs = _specs(filters, parse_settings(set_ or []), columns)
    result = sift(
        open_table(source),
        lambda folder: build_chain(FilterParams(filters=specs), Surroundings(Path.cwd(), folder, pinned=False)),
        columns,
        target,
    ).as_dict()
    if as_json:
        show_json({**result, "filters": [spec.name for spec in specs], "out": str(target)})
        return
    show_rows(result["reasons"], as_json=False, title="rejected")
    kept, rejected = f"{result['kept']:,} in {target}/kept", f"{result['rejected']:,} in {target}/rejected"
    out.print(f"{result['rows']:,} rows: {kept}, {rejected}", markup=False)


def _specs(filters: str, settings: dict[str, Any], columns: Columns) -> list[FilterSpec]:
    """The filters asked for, with the settings. Raises InputError for one that is none, or has not what it needs."""
    names = [name.strip() for name in filters.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise InputError(f"found --filters {filters!r}", expected="names of filters, each once, separated by commas")
    by_name: dict[str, dict[str, Any]] = {name: {} for name in names}
    for path, value in settings.items():
        name, _, parameter = path.partition(".")
        if name not in names or not parameter:
            raise InputError(f"found --set {path}", expected=f"FILTER.PARAMETER=VALUE for one of {', '.join(names)}")
        by_name[name][parameter] = value
    specs = [with_settings(default_filter(name), given, f"--set {name}") for name, given in by_name.items()]
    for spec in specs:
        _check_parts(spec, columns)
    return specs


def _check_parts(spec: FilterSpec, columns: Columns) -> None:
    missing = [part for part in spec.needs if part not in columns.named]
    if missing:
        raise InputError(
            f"the filter {spec.name} needs more than a text: {', '.join(missing)}",
            do=f"name the column: {', '.join(f'{PARTS[part]} NAME' for part in missing)}",
        )
