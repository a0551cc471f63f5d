"""`gristmill quarantine`: the requests that killed the engine and are not asked again."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from gristmill.cli.output import AsJson, out, show_json, show_rows
from gristmill.engine.quarantine import Quarantine, Quarantined
from gristmill.layout import find_workspace

_SHOWN = 80


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(quarantine)


def quarantine(
    clear: Annotated[bool, typer.Option("--clear", help="Let all of them be asked again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Requests that killed the engine, also when asked alone: they fail without being asked, until cleared.

    Their samples stand among the rejected rows of their stage, with the reason `..._kills_engine`. After `--clear`,
    `dvc repro --force generate` asks for them again.
    """
    held = Quarantine(find_workspace().journal)
    if clear:
        out.print(f"{held.clear()} requests can be asked again: `dvc repro --force` the stage that asks them")
    elif as_json:
        show_json(held.entries())
    else:
        show_rows([_row(each) for each in held.entries()], as_json=False, title="requests that kill the engine")


def _row(entry: Quarantined) -> dict[str, str]:
    asked = entry.asked["asked"]
    text = asked if isinstance(asked, str) else " ".join(turn.get("content", "") for turn in asked)
    return {
        "request": entry.key,
        "step": entry.asked["step"],
        "engine": entry.engine,
        "since": datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "asked": " ".join(text.split())[-_SHOWN:],
    }
