"""`gristmill`: every command in one place; errors become messages and exit codes here."""

import logging
import os
import sys
from typing import NoReturn

import typer

from gristmill import __version__
from gristmill.cli import (
    audit,
    doctor,
    explain,
    export,
    filter,  # noqa: A004
    graph,
    ingest,
    journal,
    lab,
    label,
    plan,
    preview,
    quarantine,
    recipes,
    releases,
    report,
    retract,
    store,
)
from gristmill.cli.output import err, out
from gristmill.errors import GristmillError
from gristmill.frame.unexpected import explain_unexpected
from gristmill.layout import find_workspace

app = typer.Typer(
    name="gristmill",
    help="Seeds in, versioned training data out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for group in (
    graph,
    preview,
    plan,
    ingest,
    filter,
    explain,
    export,
    quarantine,
    report,
    audit,
    lab,
    label,
    releases,
    retract,
    doctor,
):
    group.register(app)
app.add_typer(journal.app, name="journal")
app.add_typer(recipes.app, name="recipes")
app.add_typer(store.app, name="store")


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Seeds in, versioned training data out."""
    if version:
        out.print(__version__)
        raise typer.Exit


def main() -> None:
    """The entry point: a fault that the user can mend is a message and an exit code, never a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for noisy in ("httpx", "botocore", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        app()
    except GristmillError as error:
        _fail(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader, `head` perhaps, has seen enough
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the last place before the user, where a bug becomes a message
        _fail(explain_unexpected(error, _what(), find_workspace()))


def _fail(error: GristmillError) -> NoReturn:
    err.print(f"error: {error}", markup=False)
    sys.exit(error.exit_code)


def _what() -> str:
    """The command's name, for a message and for a file's name."""
    return " ".join(["gristmill", *(word for word in sys.argv[1:2] if word.isalpha())])
