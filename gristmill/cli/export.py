"""`gristmill export`: a data set in the shape that a trainer reads."""

from pathlib import Path
from typing import Annotated

import typer

from gristmill.cli.output import AsJson, out, show_json
from gristmill.compose.parent import Pin, fetch_shards, open_parent
from gristmill.errors import InputError
from gristmill.layout import Layout, Stage, find_workspace
from gristmill.lineage.releases import releases
from gristmill.store.client import connect
from gristmill.tables.view_files import SplitFile, exported_files, write_view
from gristmill.tables.views import View
from gristmill.validation import load_params


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(export)


def export(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder; each split gets a folder in it.")],
    view: Annotated[View, typer.Option("--as", help="Shape of the records.")] = View.MESSAGES,
    release: Annotated[str | None, typer.Option(help="A release's tag or version; by default data/export.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the exported data set, or a release, as Parquet that trainers read (TRL, Axolotl, LLaMA-Factory ...)."""
    layout = find_workspace()
    files = _released(layout, release) if release else exported_files(layout.data(Stage.EXPORT))
    written = write_view(files, view, target)
    if as_json:
        show_json({"rows": written.rows, "left_out": written.left_out, "records": written.records, "out": str(target)})
        return
    told = ", ".join(f"{count:,} in {split}" for split, count in written.records.items())
    out.print(f"{written.rows:,} rows: {told}; {written.left_out:,} have no place in {view}", markup=False)


def _released(layout: Layout, name: str) -> list[SplitFile]:
    """Local copies of a release's shards. Raises InputError when there is no such release."""
    params = load_params(layout)
    known = releases(layout, params.release.git_remote)
    found = next((each for each in known if name in (each.tag, each.version)), None)
    if found is None:
        expected = f"one of {', '.join(each.tag for each in known) or 'none yet'}"
        raise InputError(f"there is no release {name}", where="--release", expected=expected)
    read = connect(params.store).read_address
    parent = open_parent(Pin(found.tag, found.version, found.manifest, found.manifest_sha256), read)
    paths = fetch_shards(parent, read, layout.state / "cache" / "shards")
    return [SplitFile(shard.split, path) for shard, path in zip(parent.shards, paths, strict=True)]
