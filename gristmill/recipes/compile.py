"""A specification -> a program. Everything that can be wrong in a recipe is found here, all of it at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gristmill.errors import InputError, Problem, ProblemsError
from gristmill.execution.place import require
from gristmill.identity import content_hash
from gristmill.params.execution import ExecutionParams
from gristmill.params.generate import GenerateParams
from gristmill.recipes.compile_steps import StepCompiler
from gristmill.recipes.format import RecipeSpec, RubricSpec
from gristmill.recipes.load import Source, load_recipe, load_rubric
from gristmill.recipes.outputs import Output
from gristmill.recipes.outputspec import FAULTS, ChatOutput, RecipeOutput, RubricOutput, ToolCallOutput
from gristmill.recipes.program import Program, SampleRecovery
from gristmill.recipes.sandbox import Evaluate, names_in
from gristmill.recipes.scope import Scope
from gristmill.recipes.steps import Check
from gristmill.recipes.stepspec import ModelSpec, SampleRecoverSpec, StepSpec, Turn


def generate_program(folder: Path, params: GenerateParams, execution: ExecutionParams) -> Program:
    """The program of `generate`, with its parameters and columns. Raises InputError or ProblemsError.

    GristmillError where it runs code that this machine cannot isolate as `execution` says.
    """
    program = recipe_program(
        folder,
        params.recipe,
        params.attempts,
        parameters=params.parameters,
        columns=params.inputs,
        execution=execution,
    )
    if program.runs:
        require(execution.isolation)
    return program


def recipe_program(
    folder: Path,
    name: str,
    attempts: int,
    *,
    parameters: Mapping[str, Any] | None = None,
    columns: Mapping[str, str] | None = None,
    execution: ExecutionParams | None = None,
) -> Program:
    """The recipe `name` of `folder`, ready to run. Raises InputError or ProblemsError: file, line, step.

    `parameters` stand in place of the recipe's own; `columns` say which seed column an input is, where names differ.
    `execution` is what programs that it runs may use.
    """
    spec, source = load_recipe(folder, name, parameters)
    return _program(spec, source, attempts, columns or {}, execution or ExecutionParams())


def rubric_program(folder: Path, name: str, attempts: int) -> Program:
    """The rubric `name` of `folder`, ready to run. Raises InputError or ProblemsError: file, line, step."""
    spec, source = load_rubric(folder, name)
    program = _program(spec, source, attempts, {}, ExecutionParams())
    if program.runs:
        raise InputError(
            f"the rubric runs programs: {', '.join(program.runs)}",
            where=f"recipes/{name}.yaml",
            expected="steps that ask or compute",
            do="run them in the recipe, where they are part of the sample",
        )
    return program


def _program(
    spec: RecipeSpec | RubricSpec,
    source: Source,
    attempts: int,
    columns: Mapping[str, str],
    execution: ExecutionParams,
) -> Program:
    scope = Scope(source)
    for name in spec.input_names():
        scope.declare(name, ["inputs"])
    for name in source.constants:
        scope.declare(name, ["parameters", name])
    compiler = StepCompiler(scope, attempts, execution)
    steps = compiler.block(spec.steps, ["steps"])
    checks, output = _output(spec, scope, compiler)
    recover = spec.recover if isinstance(spec, RecipeSpec) else None
    recovery = _sample_recovery(recover, spec.steps, scope, compiler)
    problems = [*scope.problems, *_unknown_columns(spec.input_names(), columns)]
    if problems:
        raise ProblemsError(problems)
    return Program(
        name=spec.name,
        hash=_hash(source, columns, execution if any(asked.runs for asked in compiler.asks) else None),
        type=output.type,
        inputs=spec.input_names(),
        steps=steps,
        checks=checks,
        output=output,
        defaults=spec.input_defaults(),
        columns=columns,
        constants=source.constants,
        recovery=recovery,
        asks=tuple(compiler.asks),
        filters=spec.filters if isinstance(spec, RecipeSpec) else {},
    )


def _hash(source: Source, columns: Mapping[str, str], execution: ExecutionParams | None) -> str:
    """The content's identity: what programs may use is part of it, where there are any."""
    more: list[Any] = [dict(columns)] if columns else []
    if execution is not None:
        more.append({"execution": execution.model_dump(mode="json")})
    return content_hash([source.hash, *more]) if more else source.hash


def _unknown_columns(inputs: tuple[str, ...], columns: Mapping[str, str]) -> list[Problem]:
    expected = f"one of {', '.join(inputs) or 'none'}"
    return [
        Problem(f"params.yaml: generate.inputs.{name}", f"the recipe has no input {name!r}", expected)
        for name in columns
        if name not in inputs
    ]


def _sample_recovery(
    spec: SampleRecoverSpec | None, steps: tuple[StepSpec, ...], scope: Scope, compiler: StepCompiler
) -> SampleRecovery | None:
    """The way back to a step. Keeps a problem where the step cannot take a critique."""
    if spec is None:
        return None
    asking = [step.name for step in steps if isinstance(step, ModelSpec) and step.takes_critique()]
    if spec.step not in asking:
        found = f"{spec.step!r} cannot be asked again with a critique"
        expected = f"a step with messages and without candidates: {', '.join(asking) or 'there is none'}"
        scope.problem(["recover", "step"], found, expected)
        return None
    place = [step.name for step in steps].index(spec.step)
    with scope.without({step.name for step in steps[place:]}):
        how = compiler.recovery(spec, ["recover"])
    return SampleRecovery(place, spec.step, how) if how else None


def _output(spec: RecipeSpec | RubricSpec, scope: Scope, compiler: StepCompiler) -> tuple[tuple[Check, ...], Output]:
    """The checks on a row, and the row. In a fan-out both see the item."""
    output = spec.output
    if isinstance(output, RubricOutput):
        return scope.checks(spec.checks, ["checks"]), _scores(output, scope)
    items = scope.expression(output.for_each, ["output", "for_each"])
    with scope.inside():
        if output.for_each is not None:
            scope.declare(output.item, ["output", "as"])
            scope.know("index")
        checks, parts = scope.checks(spec.checks, ["checks"]), _parts(output, scope, compiler)
    spread = sorted(names_in(output.for_each) & scope.steps) if items and output.for_each else []
    return checks, Output(output.type, parts, items, output.item, tuple(spread))


def _scores(output: RubricOutput, scope: Scope) -> Output:
    parts: dict[str, Evaluate | None] = {FAULTS: scope.template(output.faults, ["output", "faults"])}
    for criterion, score in output.scores.items():
        parts[criterion] = scope.expression(score, ["output", "scores", criterion])
    return Output("scores", {name: part for name, part in parts.items() if part})


def _parts(output: RecipeOutput, scope: Scope, compiler: StepCompiler) -> dict[str, Evaluate]:
    parts: dict[str, Evaluate | None] = {}
    for name, text in output.model_dump(exclude={"type", "for_each", "item"}, exclude_none=True).items():
        if isinstance(output, ToolCallOutput) and name in ("messages", "tools"):
            parts[name] = scope.expression(text, ["output", name])
        elif isinstance(output, ChatOutput) and name == "messages":
            given = output.messages
            turns: tuple[Turn, ...] = ({"turns": given},) if isinstance(given, str) else given
            parts[name] = compiler.turns(turns, ["output", name]).messages
        else:
            parts[name] = scope.template(text, ["output", name])
    return {name: part for name, part in parts.items() if part}
