"""Everything that can be wrong before a run, found at once and without loading anything heavy."""

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gristmill.compose.real import lock_real_rows
from gristmill.compose.retract import read_tombstones
from gristmill.engine.build import assert_can_ask
from gristmill.engine.endpoint.faults import api_key
from gristmill.engine.model import locate_model
from gristmill.engine.openai import OpenAIEngine
from gristmill.engine.scripted import DEFAULT_SCRIPT, load_script
from gristmill.errors import GristmillError, InputError, Problem, ProblemsError
from gristmill.filters.build import recipe_changes
from gristmill.layout import Layout
from gristmill.lineage.fetch import fetch
from gristmill.lineage.ground import has, tracked_parameters
from gristmill.params.filters import changed_for_recipe
from gristmill.params.generate import EngineKind
from gristmill.params.load import parse, read_yaml
from gristmill.params.root import Params
from gristmill.recipes.compile import generate_program, rubric_program
from gristmill.seeds.sources import lock_sources
from gristmill.store.client import connect


def load_params(layout: Layout) -> Params:
    """params.yaml as a model. Raises ProblemsError with all that is wrong in it."""
    return parse(Params, read_yaml(layout.params), "params.yaml:")


def problems(layout: Layout) -> list[Problem]:
    """Problems of the parameters; when these are sound, of the recipes, sources, model and engine they name."""
    try:
        params = load_params(layout)
    except GristmillError as error:
        return _told(error)
    checks: list[Callable[[], object]] = [
        lambda: _check_tracked(layout, params),
        lambda: _check_recipe(layout, params),
        lambda: rubric_program(layout.recipes, params.judge.rubric, params.judge.attempts),
        lambda: lock_sources(params.ingest, layout, lambda: connect(params.store), fetch),
        lambda: lock_real_rows(params.compose.mix, layout.root),
        lambda: layout.retracted.exists() and read_tombstones(layout.retracted),
        lambda: _check_engine(layout, params),
        lambda: _check_actors(params),
    ]
    return [problem for check in checks for problem in _problems_of(check)]


def _check_tracked(layout: Layout, params: Params) -> None:
    """Raises ProblemsError when params.yaml leaves out what DVC tracks: DVC knows no defaults."""
    written, defaults = read_yaml(layout.params), params.model_dump(mode="json")
    missing = [path for path in tracked_parameters(layout) if not has(written, path)]
    if missing:
        raise ProblemsError([_missing(path, defaults) for path in missing])


def _missing(path: str, defaults: dict[str, Any]) -> Problem:
    section, _, name = path.partition(".")
    line = f"{name}: {json.dumps(defaults[section][name])}" if name else f"{section}: {{}}"
    do = f"write `{line}`" + (f" in the section `{section}`" if name else "") + ", which is the default"
    return Problem(f"params.yaml: {path}", "missing", "a value in the file: DVC tracks it, and knows no defaults", do)


def _check_recipe(layout: Layout, params: Params) -> None:
    """Raises when something is wrong in the recipe; when it is sound, in what it changes of the filters."""
    name = params.generate.recipe
    assert_can_ask(params.engine, generate_program(layout.recipes, params.generate, params.execution))
    changed_for_recipe(params.filter, recipe_changes(layout.recipes, [name])[name], f"recipes/{name}.yaml")


def _check_engine(layout: Layout, params: Params) -> None:
    """Raises InputError when the engine or its model cannot be had."""
    if params.engine.kind is EngineKind.SCRIPTED:
        load_script(params.engine.script or DEFAULT_SCRIPT, layout.root)
        return
    if params.engine.kind is EngineKind.OPENAI:
        api_key()
        OpenAIEngine(params.engine, params.model)
        return
    if importlib.util.find_spec("vllm") is None:
        raise InputError("vllm is not installed", where="params.yaml: engine.kind", do="run `make setup`")
    locate_model(params.model, layout.root)


def _check_actors(params: Params) -> None:
    """Raises InputError when the actors cannot be had: where this machine is the whole cluster, it must have room."""
    wanted = params.engine.distribute
    if wanted is None:
        return
    if importlib.util.find_spec("ray") is None:
        raise InputError("Ray is not installed", where="params.yaml: engine.distribute", do="run `make setup`")
    limits = params.budget.model_dump(exclude={"days"}, exclude_none=True)
    if limits:
        raise InputError(
            f"{', '.join(limits)} limited, and engine.distribute set: a budget cannot be kept over several actors",
            where="params.yaml: budget",
            expected="one of the two",
            do="set engine.distribute to null, or the limits of the budget",
        )
    if wanted.address is not None:
        return
    there = {"CPUs": os.cpu_count() or 1, "GPUs": len(list(Path("/proc/driver/nvidia/gpus").glob("*")))}
    for kind, count, setting in (("CPUs", wanted.cpus, "cpus_per_actor"), ("GPUs", wanted.gpus, "gpus_per_actor")):
        if count > there[kind]:
            raise InputError(
                f"{wanted.actors} actors with {getattr(wanted, setting):g} {kind} each need {count}",
                where=f"params.yaml: engine.distribute.{setting}",
                expected=f"at most the {there[kind]} of this machine",
                do="lower it, or actors, or name a cluster's address",
            )


def _problems_of(check: Callable[[], object]) -> list[Problem]:
    try:
        check()
    except GristmillError as error:
        return _told(error)
    return []


def _told(error: GristmillError) -> list[Problem]:
    return list(error.problems) if isinstance(error, ProblemsError) else [error.problem]
