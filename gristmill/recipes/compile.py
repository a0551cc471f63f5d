"""A specification -> a program. Everything that can be wrong in a recipe is found here, all of it at once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from gristmill.errors import InputError, Problem, ProblemsError
from gristmill.recipes.answers import constraint_of, reader
from gristmill.recipes.format import FAULTS, CheckSpec, RecipeSpec, RubricSpec, SftOutput, StepSpec
from gristmill.recipes.functions import FUNCTIONS
from gristmill.recipes.load import Source, load_recipe, load_rubric
from gristmill.recipes.program import Program
from gristmill.recipes.sandbox import Evaluate, Render, compile_expression, compile_template
from gristmill.recipes.steps import Check, LetStep, ModelStep, Step

T = TypeVar("T")


def recipe_program(folder: Path, name: str, attempts: int) -> Program:
    """The recipe `name` of `folder`, ready to run. Raises InputError or ProblemsError: file, line, step."""
    spec, source = load_recipe(folder, name)
    return _Compiler(source, attempts).program(spec, spec.inputs)


def rubric_program(folder: Path, name: str, attempts: int) -> Program:
    """The rubric `name` of `folder`, ready to run. Raises InputError or ProblemsError: file, line, step."""
    spec, source = load_rubric(folder, name)
    return _Compiler(source, attempts).program(spec, spec.inputs)


class _Compiler:
    """Compiles one file; keeps the problems until the end, so that all are told together."""

    def __init__(self, source: Source, attempts: int) -> None:
        self._source = source
        self._attempts = attempts
        self._known: list[str] = []
        self._problems: list[Problem] = []

    def program(self, spec: RecipeSpec | RubricSpec, inputs: tuple[str, ...]) -> Program:
        self._known = list(inputs)
        steps = tuple(self._step(step, ["steps", i]) for i, step in enumerate(spec.steps))
        checks = self._checks(spec.checks, ["checks"], [])
        output = self._output(spec)
        if self._problems:
            raise ProblemsError(self._problems)
        return Program(spec.name, self._source.hash, inputs, tuple(step for step in steps if step), checks, output)

    def _step(self, spec: StepSpec, loc: list[str | int]) -> Step | None:
        taken = {**dict.fromkeys(self._known, "an input or an earlier step"), **dict.fromkeys(FUNCTIONS, "a function")}
        if spec.name in taken:
            found = f"the name {spec.name!r} is taken: it is {taken[spec.name]}"
            self._problems.append(Problem(self._source.place([*loc, "name"]), found, "a name of its own"))
        step = self._let(spec, loc) if spec.let is not None else self._model(spec, loc)
        self._known.append(spec.name)
        return step

    def _let(self, spec: StepSpec, loc: list[str | int]) -> LetStep | None:
        compute = self._expression(spec.let, [*loc, "let"], [])
        checks = self._checks(spec.checks, [*loc, "checks"], [spec.name])
        return LetStep(spec.name, compute, checks) if compute else None

    def _model(self, spec: StepSpec, loc: list[str | int]) -> ModelStep | None:
        turns = [
            (role.value, self._template(text, [*loc, "messages", i]))
            for i, turn in enumerate(spec.messages or ())
            for role, text in turn.items()
        ]
        read = self._try(lambda place: reader(spec, place), [*loc, *[k for k, v in spec.forms().items() if v][:1]])
        prompt = self._template(spec.prompt, [*loc, "prompt"])
        opening = self._template(spec.opening, [*loc, "opening"])
        options = self._expression(spec.choice, [*loc, "choice"], [])
        value = self._expression(spec.value, [*loc, "value"], [spec.name])
        checks = self._checks(spec.checks, [*loc, "checks"], [spec.name])
        if read is None:
            return None
        return ModelStep(
            name=spec.name,
            turns=tuple((role, render) for role, render in turns if render),
            prompt=prompt,
            opening=opening,
            sampling=spec.sampling,
            retry=spec.second_sampling(),
            options=options,
            constraint=constraint_of(spec),
            read=read,
            value=value,
            checks=checks,
            attempts=self._attempts,
        )

    def _checks(self, specs: tuple[CheckSpec, ...], loc: list[str | int], also: list[str]) -> tuple[Check, ...]:
        found: list[Check] = []
        for i, spec in enumerate(specs):
            form, source = ("require", spec.require) if spec.require else ("fault", spec.fault or "")
            evaluate = self._expression(source, [*loc, i, form], also)
            if evaluate:
                found.append(Check(spec.reason or "", source, evaluate))
        return tuple(found)

    def _output(self, spec: RecipeSpec | RubricSpec) -> Mapping[str, Evaluate]:
        output = spec.output
        parts: dict[str, Evaluate | None]
        if isinstance(output, SftOutput):
            texts = {name: getattr(output, name) for name in ("prompt", "response", "evidence", "context")}
            parts = {name: self._template(text, ["output", name]) for name, text in texts.items()}
        else:
            parts = {FAULTS: self._template(output.faults, ["output", "faults"])}
            for criterion, score in output.scores.items():
                parts[criterion] = self._expression(score, ["output", "scores", criterion], [])
        return {name: part for name, part in parts.items() if part}

    def _template(self, text: str | None, loc: list[str | int]) -> Render | None:
        if text is None:
            return None
        return self._try(lambda place: compile_template(text, self._known, place), loc)

    def _expression(self, text: str | None, loc: list[str | int], also: list[str]) -> Evaluate | None:
        if text is None:
            return None
        return self._try(lambda place: compile_expression(text, [*self._known, *also], place), loc)

    def _try(self, build: Callable[[str], T], loc: list[str | int]) -> T | None:
        """What `build` gives, or None with its problem kept."""
        try:
            return build(self._source.place(loc))
        except InputError as error:
            self._problems.append(error.problem)
            return None
