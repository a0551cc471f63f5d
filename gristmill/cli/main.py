"""`gristmill`: every command in one place; errors become messages and exit codes here."""

import logging
import sys

import typer

from gristmill import __version__
from gristmill.cli import doctor, explain, graph, plan, preview, report, store
from gristmill.cli.output import err, out
from gristmill.errors import GristmillError

app = typer.Typer(
    name="gristmill",
    help="Seeds in, versioned training data out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for group in (graph, preview, plan, explain, report, doctor):
    group.register(app)
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
        err.print(f"error: {error}", markup=False)
        sys.exit(error.exit_code)
