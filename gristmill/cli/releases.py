"""`gristmill releases`, `verify`, `diff` and `gc`: the releases in the store that params name."""

import time
from typing import Annotated, Any

import typer

from gristmill.cli.output import AsJson, err, out, show_json, show_rows
from gristmill.compose.retract import read_tombstones
from gristmill.errors import InputError
from gristmill.layout import find_workspace
from gristmill.lineage.diff import compare
from gristmill.lineage.published import find_release, published_releases, withdrawn_versions
from gristmill.lineage.sweep import Garbage, find_garbage, remove
from gristmill.lineage.verify import faults
from gristmill.lineage.withdraw import find_withdrawals, withdraw
from gristmill.store.client import Store, connect
from gristmill.validation import load_params

Name = Annotated[str, typer.Argument(metavar="RELEASE", help="latest, v0.3.0, or a release's s3:// address.")]
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (releases, verify, diff, gc):
        app.command()(command)


def releases(as_json: AsJson = False) -> None:
    """The releases in the store, oldest first."""
    store = _store()
    withdrawn = withdrawn_versions(store)
    rows = [
        {
            "version": found.version,
            "rows": found.manifest["rows"],
            "created": found.manifest["created"],
            "parent": (found.manifest.get("parent") or {}).get("version"),
            "gate": "passed" if found.manifest["gate"].get("passed") else "warned",
            "withdrawn": found.version in withdrawn,
            "address": found.address,
        }
        for found in published_releases(store)
    ]
    show_rows(rows, as_json=as_json, title="releases")


def verify(name: Name = "latest", as_json: AsJson = False) -> None:
    """Check a release in the store against its manifest: every byte, row and column. Exit code 1 when it differs."""
    store = _store()
    release = find_release(name, store)
    found = list(faults(release, store))
    if as_json:
        show_json({"release": release.address, "files": len(release.files) + len(release.index), "faults": found})
    elif not found:
        files = f"{len(release.files)} shards, {len(release.index)} files of the index"
        out.print(f"{release.version}: {files}, {release.manifest['rows']:,} rows, all as stated")
    else:
        err.print("\n".join(found), markup=False)
        err.print(f"{release.version}: `gristmill release` in a clone that holds it brings back what is missing")
    raise typer.Exit(1 if found else 0)


def diff(
    old: Annotated[str, typer.Argument(metavar="A", help="latest, v0.3.0, or a release's s3:// address.")],
    new: Annotated[str, typer.Argument(metavar="B", help="The one to hold against it.")] = "latest",
    as_json: AsJson = False,
) -> None:
    """What two releases differ in: rows, sources, recipes, parameters, health, code."""
    layout, store = find_workspace(), _store()
    cache = layout.state / "cache" / "shards"
    found = compare(find_release(old, store), find_release(new, store), store, cache)
    if as_json:
        show_json(found)
        return
    for title, part in found.items():
        if part:
            out.print(f"\n[bold]{title}[/]")
            for path, value in part.items():
                told = f"{_short(value[0])} -> {_short(value[1])}" if isinstance(value, list) else str(value)
                out.print(f"  {path}: {told}", markup=False)


def gc(
    keep: Annotated[int | None, typer.Option(min=1, help="Newest releases to keep; all where not given.")] = None,
    older_than: Annotated[str, typer.Option(help="Leave alone what is younger, such as 24h or 7d.")] = "24h",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    retracted: Annotated[
        bool, typer.Option("--retracted", help="Instead: withdraw releases that hold retracted rows, and their bytes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove from the store what no kept release needs: shards, index parts, unfinished uploads."""
    store = _store()
    if retracted:
        if keep is not None:
            raise InputError("found --keep beside --retracted", expected="one of them")
        _withdraw(store, dry_run, as_json)
        return
    garbage = find_garbage(store, keep, time.time(), _seconds(older_than))
    if not dry_run:
        remove(store, garbage)
    _show_garbage(garbage, "would go" if dry_run else "removed", as_json)


def _withdraw(store: Store, dry_run: bool, as_json: bool) -> None:
    tombstones = read_tombstones(find_workspace().retracted)
    found = find_withdrawals(store, tombstones)
    if not dry_run:
        for withdrawal in found:
            withdraw(store, withdrawal)
    rows = [
        {"version": each.version, "retracted_rows": each.rows, "shards": len(each.shards)}
        | {"done": "would go" if dry_run else "withdrawn"}
        for each in found
    ]
    show_rows(rows, as_json=as_json, title="releases that hold retracted rows")


def _show_garbage(garbage: Garbage, what: str, as_json: bool) -> None:
    if as_json:
        objects = [head.address for head in garbage.objects]
        show_json({what.replace(" ", "_"): objects, "bytes": garbage.bytes, "versions": garbage.versions})
        return
    for head in garbage.objects:
        out.print(f"{head.address}  {head.size:,} bytes", markup=False)
    out.print(
        f"{what}: {len(garbage.objects)} objects, {garbage.bytes:,} bytes, {len(garbage.uploads)} unfinished uploads;"
        f" releases: {', '.join(garbage.versions) or 'none'}"
    )


def _seconds(text: str) -> float:
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdigit():
        raise InputError(f"found --older-than {text!r}", expected="a number with s, m, h or d, such as 24h")
    return float(number) * _UNITS[unit]


def _store() -> Store:
    return connect(load_params(find_workspace()).store)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
