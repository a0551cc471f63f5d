"""Commands that move the graph: `run`, `stage`, `sync`, `release`, `validate`."""

import json
import os
import signal
import subprocess
import sys
from typing import Annotated, Any

import typer
import yaml

from gristmill.cli.output import AsJson, err, out, show_json, show_rows
from gristmill.errors import InputError, ProblemsError
from gristmill.frame.supervise import supervise, worker_command
from gristmill.layout import Layout, Stage, find_workspace
from gristmill.lineage.git import open_repository
from gristmill.lineage.ground import ground, require_unmoved
from gristmill.lineage.inputs import sync as sync_inputs
from gristmill.lineage.release import release as release_version
from gristmill.params.edit import changed_parameters
from gristmill.validation import load_params, problems


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (run, validate, stage, sync, release):
        app.command()(command)


def run(
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="PATH=VALUE, written to params.yaml first; may be repeated.")
    ] = None,
    no_release: Annotated[bool, typer.Option("--no-release", help="Compute the data set, publish nothing.")] = False,
) -> None:
    """The main job: sync, every stale stage, release; as a Prefect flow."""
    layout = find_workspace()
    if found := problems(layout):
        raise ProblemsError(found)
    open_repository(layout.root)
    changes = parse_settings(set_ or [])
    changed_parameters(layout.params, changes)
    arguments = {"parameters": changes, "release": not no_release}
    status = _run_flow(layout, arguments)
    if status == 0 and not no_release:
        _show_results(layout)
    raise typer.Exit(status)


def validate(as_json: AsJson = False) -> None:
    """Everything that is wrong with the parameters, recipes and sources, all at once."""
    found = problems(find_workspace())
    if as_json:
        show_json([vars(problem) for problem in found])
    elif found:
        err.print("\n".join(str(problem) for problem in found), markup=False)
    else:
        out.print("params.yaml, recipes and sources are fine")
    raise typer.Exit(ProblemsError.exit_code if found else 0)


def stage(name: Annotated[Stage, typer.Argument(help="The stage; DVC calls this.")]) -> None:
    """Run one stage of the graph, with what it needs already there."""
    layout = find_workspace()
    load_params(layout)
    before = ground(layout, name)
    status = supervise(name, layout, worker_command(name))
    if status == 0:
        require_unmoved(name, before, ground(layout, name))
    raise typer.Exit(status)


def sync(as_json: AsJson = False) -> None:
    """Look at the sources and write inputs/*.lock: what the next run stands on."""
    layout = find_workspace()
    result = sync_inputs(layout, load_params(layout))
    if as_json:
        show_json({"changed": result.changed, "lines": result.lines()})
        return
    for line in result.lines():
        out.print(line, markup=False)


def release(as_json: AsJson = False) -> None:
    """Publish what the graph made: S3, DVC remote, `datasets` branch and tag. Safe to repeat."""
    layout = find_workspace()
    version = release_version(layout, load_params(layout))
    record = {
        "version": version.version,
        "tag": version.tag,
        "rows": version.rows,
        "url": version.url,
        "new": version.new,
    }
    show_rows([record], as_json=as_json, title="release")


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """`PATH=VALUE` strings as a mapping; values are read as YAML. Raises InputError on anything else."""
    changes = {}
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not path.strip():
            raise InputError(f"found --set {setting!r}", expected="PATH=VALUE, such as gate.min_rows=10")
        changes[path.strip()] = _value(setting, value)
    return changes


def _value(setting: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InputError(
            f"found --set {setting!r}: {getattr(error, 'problem', None) or error}",
            expected="a value as it would stand in params.yaml",
        ) from None


def flow_environment(layout: Layout) -> dict[str, str]:
    """The environment of a flow run: Prefect's files in the clone, unless the user says otherwise."""
    ours = {
        "PREFECT_HOME": str(layout.root / ".prefect"),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "gristmill",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    return {**ours, **os.environ}


def _run_flow(layout: Layout, arguments: dict[str, Any]) -> int:
    """The flow in a process of its own: the library knows nothing of Prefect.

    It leads a process group, so that a Ctrl-C reaches it through us alone: Prefect's server, its
    child, would end at once, and the flow wait for it in vain.
    """
    command = [sys.executable, "-m", "flows.pipeline", json.dumps(arguments)]
    with subprocess.Popen(command, cwd=layout.root, env=flow_environment(layout), process_group=0) as flow:
        signal.signal(signal.SIGINT, lambda *_: flow.send_signal(signal.SIGINT))
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: flow.terminate())
        status = flow.wait()
    return status if status >= 0 else 128 - status  # ended by a signal: the number that a shell would give


def _show_results(layout: Layout) -> None:
    record = json.loads(layout.release_record.read_text())
    out.print(
        f"\n{record['rows']:,} rows, version {record['version']} ({record['tag']})\n"
        f"  on S3      {record['url']}\n"
        f"  here       data/export/ (shards, data card, manifest)\n"
        f"  look       gristmill report        a page with the funnel, measures and samples\n"
        f'  read       eval "$(gristmill store env)", then DuckDB, Polars, pandas or datasets',
        markup=False,
    )
