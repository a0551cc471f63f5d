"""The steps of a specification -> steps that can be taken, each known to those after it."""

from typing import Any

from gristmill.execution.limits import Limits
from gristmill.params.execution import ExecutionParams
from gristmill.recipes.answers import constraint_of, reader
from gristmill.recipes.blocks import ChooseStep, ForEachStep, LoopStep
from gristmill.recipes.program import Asked
from gristmill.recipes.request import PROGRAM
from gristmill.recipes.running import RunStep
from gristmill.recipes.sandbox import Evaluate
from gristmill.recipes.scope import Loc, Scope
from gristmill.recipes.steps import Check, LetStep, ModelStep, Recovery
from gristmill.recipes.stepspec import (
    ChooseSpec,
    ForEachSpec,
    LetSpec,
    LoopSpec,
    ModelSpec,
    RecoverSpec,
    RunSpec,
    StepSpec,
    Turn,
)
from gristmill.recipes.turns import Turns
from gristmill.recipes.walk import Body, Step

_TOLD = ("fault",)
"""What a critique sees besides the values."""


class StepCompiler:
    """Compiles steps within a scope; `asks` says afterwards who may ask how often."""

    def __init__(self, scope: Scope, attempts: int, execution: ExecutionParams) -> None:
        self._scope = scope
        self._attempts = attempts
        self._execution = execution
        self.asks: list[Asked] = []

    def block(
        self, specs: tuple[StepSpec, ...], loc: Loc, times: int = 1, carried: tuple[str, ...] = ()
    ) -> tuple[Step, ...]:
        """The steps in order. A `carried` name may be given anew by the step of that name."""
        found = [self._step(spec, [*loc, i], times, carried) for i, spec in enumerate(specs)]
        return tuple(step for step in found if step)

    def recovery(self, spec: RecoverSpec | None, loc: Loc) -> Recovery | None:
        """How to ask again with a critique."""
        if spec is None:
            return None
        ask = self._scope.template(spec.ask, [*loc, "ask"], _TOLD)
        return Recovery(spec.at_most, frozenset(spec.kinds), ask) if ask else None

    def turns(self, turns: tuple[Turn, ...], loc: Loc) -> Turns:
        """A conversation."""
        parts: list[Any] = []
        for i, turn in enumerate(turns):
            for role, text in turn.items():
                if role == "turns":
                    parts.append((None, self._scope.expression(text, [*loc, i, role])))
                else:
                    parts.append((role.value, self._scope.template(text, [*loc, i, role.value])))
        return Turns(tuple((role, part) for role, part in parts if part))

    def _step(self, spec: StepSpec, loc: Loc, times: int, carried: tuple[str, ...]) -> Step | None:
        scope = self._scope
        when = scope.expression(spec.when, [*loc, "when"])
        otherwise = scope.expression(spec.otherwise, [*loc, "else"])
        if spec.name not in carried or spec.name in scope.steps:
            scope.assert_free(spec.name, [*loc, "name"])
        body = self._body(spec, loc, times)
        scope.steps.add(spec.name)
        scope.know(spec.name)
        return Step(spec.name, body, when, otherwise) if body else None

    def _body(self, spec: StepSpec, loc: Loc, times: int) -> Body | None:
        match spec:
            case LetSpec():
                compute = self._scope.expression(spec.let, [*loc, "let"])
                return LetStep(spec.name, compute, self._checks(spec, loc)) if compute else None
            case ModelSpec():
                return self._model(spec, loc, times)
            case LoopSpec():
                return self._loop(spec, loc, times)
            case ForEachSpec():
                return self._for_each(spec, loc, times)
            case ChooseSpec():
                return self._choose(spec, loc)
            case RunSpec():
                return self._run(spec, loc, times)
        raise AssertionError("the format knows no other step")

    def _model(self, spec: ModelSpec, loc: Loc, times: int) -> ModelStep | None:
        scope = self._scope
        form = [name for name, given in spec.forms().items() if given is not None]
        read = scope.attempt(lambda place: reader(spec, place), [*loc, *form])
        self.asks.append(Asked(spec.name, spec.sampling.max_tokens, times * (spec.candidates or 1), spec.write))
        step = ModelStep(
            name=spec.name,
            turns=self.turns(spec.messages or (), [*loc, "messages"]),
            prompt=scope.template(spec.prompt, [*loc, "prompt"]),
            opening=scope.template(spec.opening, [*loc, "opening"]),
            sampling=spec.sampling,
            retry=spec.second_sampling(),
            options=self._options(spec.choice, [*loc, "choice"]),
            constraint=constraint_of(spec),
            read=read or _unread,
            made=scope.expression(spec.value, [*loc, "value"], (spec.name,)),
            checks=self._checks(spec, loc),
            attempts=self._attempts,
            candidates=spec.candidates,
            at_least=spec.at_least,
            recovery=self.recovery(spec.recover, [*loc, "recover"]),
            if_invalid=scope.expression(spec.if_invalid, [*loc, "if_invalid"]),
            write=spec.write,
            per=scope.expression(spec.per, [*loc, "per"]),
        )
        return step if read else None

    def _loop(self, spec: LoopSpec, loc: Loc, times: int) -> LoopStep:
        scope = self._scope
        start = {name: scope.expression(text, [*loc, "start", name]) for name, text in spec.start.items()}
        with scope.inside():
            for name in spec.start:
                scope.declare(name, [*loc, "start", name])
            scope.know("round")
            steps = self.block(spec.loop, [*loc, "loop"], times * spec.at_most, tuple(spec.start))
            until = scope.expression(spec.until, [*loc, "until"])
        first = {name: value for name, value in start.items() if value}
        return LoopStep(spec.name, steps, first, until, spec.at_most, self._checks(spec, loc))

    def _for_each(self, spec: ForEachSpec, loc: Loc, times: int) -> ForEachStep | None:
        scope = self._scope
        items = scope.expression(spec.for_each, [*loc, "for_each"])
        with scope.inside():
            scope.declare(spec.item, [*loc, "as"])
            scope.know("index")
            steps = self.block(spec.do, [*loc, "do"], times * spec.at_most)
        checks = self._checks(spec, loc)
        if not items:
            return None
        return ForEachStep(spec.name, items, spec.item, steps, spec.at_most, spec.at_least, checks)

    def _choose(self, spec: ChooseSpec, loc: Loc) -> ChooseStep | None:
        source = self._scope.expression(spec.source, [*loc, "from"])
        by = self._scope.expression(spec.by, [*loc, "by"], ("item", "index"))
        checks = self._checks(spec, loc)
        if not (source and by):
            return None
        return ChooseStep(spec.name, spec.choose, source, by, spec.at_least, spec.at_most, spec.margin, checks)

    def _run(self, spec: RunSpec, loc: Loc, times: int) -> RunStep | None:
        scope = self._scope
        self.asks.append(Asked(spec.name, 0, times, runs=True))
        files = {PROGRAM: scope.template(spec.run, [*loc, "run"])}
        files |= {name: scope.template(text, [*loc, "files", name]) for name, text in spec.files.items()}
        checks = self._checks(spec, loc)
        sound = {name: text for name, text in files.items() if text}
        if len(sound) < len(files):
            return None
        return RunStep(spec.name, sound, Limits.of(self._execution), self._execution.isolation, checks)

    def _options(self, choice: str | tuple[str, ...] | None, loc: Loc) -> Evaluate | None:
        if isinstance(choice, tuple):
            return lambda _: choice
        return self._scope.expression(choice, loc)

    def _checks(self, spec: StepSpec, loc: Loc) -> tuple[Check, ...]:
        return self._scope.checks(spec.checks, [*loc, "checks"], (spec.name,))


def _unread(*_: Any) -> Any:
    raise AssertionError("a problem was kept")
