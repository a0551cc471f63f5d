"""`gristmill store`: the embedded S3 store, and how other programs reach whichever store params name."""

import shlex
from dataclasses import asdict

import typer

from gristmill.cli.output import AsJson, out, show_json, show_rows
from gristmill.layout import find_workspace
from gristmill.lineage.dvc import configure_remote
from gristmill.store import embedded
from gristmill.store.client import connect, store_environment
from gristmill.validation import load_params

app = typer.Typer(help="The embedded S3 store.", no_args_is_help=True)


@app.command()
def start(as_json: AsJson = False) -> None:
    """Start the embedded store, unless it runs already, and point this clone's DVC remote at it."""
    params = load_params(find_workspace())
    connection = embedded.ensure_running()
    if params.store.endpoint == "embedded":
        configure_remote(find_workspace(), connect(params.store))
    show_rows([{"endpoint": connection.endpoint, "running": True}], as_json=as_json, title="store")


@app.command()
def stop() -> None:
    """Stop the embedded store; what it holds stays on disk."""
    out.print("stopped" if embedded.stop() else "was not running")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Whether the embedded store runs, where, and where its files lie."""
    show_rows([asdict(embedded.status())], as_json=as_json, title="store")


@app.command()
def env(as_json: AsJson = False) -> None:
    """Lines for the shell's `eval`: AWS's standard variables for the store that params name."""
    variables = store_environment(load_params(find_workspace()).store)
    if as_json:
        show_json(variables)
        return
    for name, value in variables.items():
        out.out(f"export {name}={shlex.quote(value)}")
