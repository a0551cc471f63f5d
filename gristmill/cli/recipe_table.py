"""The table of recipes in docs/recipes.md, written from the recipes themselves (`make reference`).

    python -m gristmill.cli.recipe_table docs/recipes.md

The rows that it shows were written by the default model: `python -m bench.recipes --write` puts them into
docs/recipe-rows.json.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gristmill.errors import InputError
from gristmill.layout import find_workspace
from gristmill.recipes.catalogue import Entry, entries

BEGIN, END = "<!-- recipes: written by `make reference` -->", "<!-- end of recipes -->"
ROWS = "recipe-rows.json"
_SHOWN = 240


def with_table(page: str, folder: Path, rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The page with the table between its two marks. Raises InputError when they are not there."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError("the place of the table is missing", where="docs/recipes.md", expected=f"{BEGIN} ... {END}")
    return f"{before}{BEGIN}\n\n{_table(entries(folder), rows)}\n{END}{after}"


def _table(found: list[Entry], rows: Mapping[str, Mapping[str, Any]]) -> str:
    head = "| recipe | makes | source | asks for each sample | parameters |\n|---|---|---|---|---|\n"
    lines = "".join(_line(each) for each in found)
    return head + lines + "\n" + "".join(_example(each.spec.name, rows.get(each.spec.name)) for each in found)


def _line(entry: Entry) -> str:
    story = entry.story()
    asks = "<br>".join(_cell(ask) for ask in story["asks"]) or "nothing"
    parameters = "<br>".join(f"`{key}`: {_cell(value)}" for key, value in entry.parameters.items())
    source = f"{_cell(entry.spec.source)} ({entry.spec.provenance.value})"
    name = f"**`{entry.spec.name}`**<br>{_cell(entry.spec.summary)}"
    return f"| {name} | {entry.program.type} | {source} | {asks} | {parameters} |\n"


def _example(name: str, row: Mapping[str, Any] | None) -> str:
    """One row as the default model wrote it, or why there is none."""
    if row is None:
        return ""
    if "row" not in row:
        return f"* `{name}`: none of {row['samples']} passed its checks ({row['refused']}).\n"
    shown = " → ".join(f"“{_cut(row['row'][key])}”" for key in ("prompt", "response") if row["row"].get(key))
    return f"* `{name}`: {shown}\n"


def _cut(text: str) -> str:
    line = _cell(" ".join(text.split()))
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN].rstrip()} …"


def _cell(value: Any) -> str:
    """Text that a Markdown table, and the page around it, take literally."""
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("`", "'")
    return " ".join(text.split())


def main() -> None:
    """Writes the table into the page that the command line names."""
    path = Path(sys.argv[1])
    rows = json.loads((path.parent / ROWS).read_text(encoding="utf-8"))
    page = with_table(path.read_text(encoding="utf-8"), find_workspace().recipes, rows)
    path.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
