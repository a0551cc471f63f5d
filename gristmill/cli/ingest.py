"""`gristmill ingest`: seeds from any file, folder, glob or S3 prefix, no workspace needed."""

import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from gristmill.cli.graph import parse_settings
from gristmill.cli.output import AsJson, out, show_json, show_rows
from gristmill.errors import InputError
from gristmill.frame.stage import BOOKS_FILE, stage_run
from gristmill.layout import Layout, Stage
from gristmill.params.ingest import IngestParams
from gristmill.params.load import parse
from gristmill.params.publish import StoreParams
from gristmill.seeds.pinned import pinned_sources
from gristmill.seeds.sources import lock_sources
from gristmill.stages.ingest import take_sources
from gristmill.store.client import Store, connect


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("ingest")(ingest_source)


def ingest_source(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file, folder, glob, or s3://bucket/prefix.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder for kept/ and rejected/.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="PATH=VALUE as under `ingest` in params.yaml (`source.NAME` for the source's own)."),
    ] = None,
    endpoint: Annotated[str, typer.Option(help="Where s3:// leads: aws, embedded, or an address.")] = "aws",
    as_json: AsJson = False,
) -> None:
    """Seeds from any source: passages to OUT/kept, what was refused to OUT/rejected with its reasons."""
    ingest = _parameters(source, parse_settings(set_ or []))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError("there is something already", where=str(target), expected="a new or empty folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        books = _ingest(ingest, Layout(Path(folder)), endpoint)
        _place(Path(folder), target, books)
    _show(books, target, as_json=as_json)


def _parameters(source: str, settings: dict[str, Any]) -> IngestParams:
    """The parameters with the settings; a path is absolute, so that it may lie anywhere."""
    own = {key.removeprefix("source."): value for key, value in settings.items() if key.startswith("source.")}
    rest = {key: value for key, value in settings.items() if not key.startswith("source.")}
    path = source if "://" in source else str(Path.cwd() / source)
    return parse(
        IngestParams, {"sources": [{"name": "source", "path": path, **_nested(own)}], **_nested(rest)}, "--set"
    )


def _nested(settings: dict[str, Any]) -> dict[str, Any]:
    """Dotted paths as sections in sections."""
    content: dict[str, Any] = {}
    for path, value in settings.items():
        *sections, last = path.split(".")
        inside = content
        for section in sections:
            inside = inside.setdefault(section, {})
        inside[last] = value
    return content


def _ingest(ingest: IngestParams, layout: Layout, endpoint: str) -> dict[str, Any]:
    """Runs the stage in a folder of its own; gives its books."""

    @cache
    def store() -> Store:
        address = str(ingest.sources[0].path)
        bucket = address.split("/", 3)[2]
        return connect(parse(StoreParams, {"endpoint": endpoint, "url": f"s3://{bucket}"}, "--endpoint"))

    lock = lock_sources(ingest, layout, store)
    with stage_run(Stage.INGEST, layout) as stage:
        take_sources(pinned_sources(lock, ingest, "SOURCE"), ingest, layout, store, stage, None)
    books: dict[str, Any] = json.loads((layout.data(Stage.INGEST) / BOOKS_FILE).read_text())
    return books


def _place(folder: Path, target: Path, books: dict[str, Any]) -> None:
    """OUT appears with everything in it."""
    data, ready = Layout(folder).data(Stage.INGEST), folder / "out"
    ready.mkdir()
    (data / BOOKS_FILE).unlink()
    if (data / "rejected").exists():
        (data / "rejected").rename(ready / "rejected")
    data.rename(ready / "kept")
    (ready / "summary.json").write_text(json.dumps(books, indent=1) + "\n")
    if target.exists():
        target.rmdir()
    shutil.move(ready, target)


def _show(books: dict[str, Any], target: Path, *, as_json: bool) -> None:
    if as_json:
        show_json({**books, "out": str(target)})
        return
    reasons = [
        {"unit": ledger["unit"], "outcome": outcome, "reason": reason, "count": count}
        for ledger in books["books"]
        for outcome in ("rejected", "failed")
        for reason, count in ledger[outcome].items()
    ]
    show_rows(reasons, as_json=False, title="refused")
    ways = ", ".join(f"{ledger['in']:,} {ledger['unit']}: {ledger['out']:,} kept" for ledger in books["books"])
    out.print(f"{ways}; seeds in {target}/kept", markup=False)
