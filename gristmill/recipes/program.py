"""A recipe compiled into one coroutine per sample: it walks through the steps and asks as it goes.

`ask` is all it knows of the outside: the same program runs against the journal and the engine,
against the journal alone (to count what is open), or before a user's eyes. The outcome carries
every trial, so that each verdict can be explained.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gristmill.recipes.answers import InvalidAnswer
from gristmill.recipes.blocks import as_list
from gristmill.recipes.kinds import FaultKind
from gristmill.recipes.outcome import Note, Outcome, Refused, Row, Verdict
from gristmill.recipes.outputs import Columns, Output
from gristmill.recipes.request import Role
from gristmill.recipes.steps import Check, Recovery, assert_checks, shown
from gristmill.recipes.walk import Ask, Critique, Step, Values, Walk, recipe_faults, take_steps


@dataclass(frozen=True, slots=True)
class SampleRecovery:
    """Going back to a step: its place among the steps, its name, and how."""

    place: int
    step: str
    how: Recovery


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step may ask: at most `times` requests of at most `max_tokens` each, retries left out."""

    step: str
    max_tokens: int
    times: int
    write: Role = Role.ASSISTANT
    """Whose turn is asked for."""
    runs: bool = False
    """Whether it runs a program instead of asking the model."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled recipe or rubric. `hash` is the content: the file, those it draws on, and the parameters."""

    name: str
    hash: str
    type: str
    """Of the rows: `sft`, `preference`, `chat`, `tool_call` or `text`; of a rubric `scores`."""
    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    output: Output
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values of inputs that a seed may lack."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Input -> the seed's column that it is taken from, where the names differ."""
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Parameters and files."""
    recovery: SampleRecovery | None = None
    asks: tuple[Asked, ...] = ()
    """The steps that ask or run a program, in order."""
    filters: Mapping[str, Any] = field(default_factory=dict)
    """Filter -> settings that differ for this recipe's rows, or `off`."""

    @property
    def runs(self) -> tuple[str, ...]:
        """The steps that run a program."""
        return tuple(each.step for each in self.asks if each.runs)

    async def run(self, inputs: Values, draw: int, ask: Ask) -> Outcome:
        """Walks one sample through the steps. Raises only what `ask` raises beyond RequestFailed."""
        walk = Walk(draw, ask)
        outcome = Outcome({}, walk.trials, notes=walk.notes)
        try:
            values = self._given(inputs)
            if self.recovery is None:
                await self._go(self.steps, values, walk, outcome)
            else:
                await self._recovering(self.recovery, values, walk, outcome)
        except Refused as refused:
            outcome.refused = refused.verdict
        return outcome

    def _given(self, inputs: Values) -> dict[str, Any]:
        values = dict(self.constants)
        for name in self.inputs:
            column = self.columns.get(name, name)
            value = inputs.get(column, self.defaults.get(name))
            if value is None and name not in self.defaults:
                found = f"the seed has no {column}: it has {', '.join(sorted(inputs))}"
                raise Refused(Verdict(f"no_{name}", found, f"a seed with {column}", kind=FaultKind.NOT_USABLE))
            values[name] = value
        return values

    async def _go(self, steps: tuple[Step, ...], values: dict[str, Any], walk: Walk, outcome: Outcome) -> None:
        """Through these steps to the rows. What was reached stands in the outcome's fields, whatever happens."""
        try:
            await take_steps(steps, values, walk)
        finally:
            outcome.fields = {step.name: values[step.name] for step in self.steps if step.name in values}
        with recipe_faults("output"):
            self._finish(values, outcome)

    async def _recovering(self, back: SampleRecovery, given: dict[str, Any], walk: Walk, outcome: Outcome) -> None:
        """The same, but a fault that can be mended goes back to a step with its critique."""
        before = dict(given)
        await take_steps(self.steps[: back.place], before, walk)
        mended: list[str] = []
        fork = walk
        while True:
            seen = len(fork.trials)
            try:
                await self._go(self.steps[back.place :], dict(before), fork, outcome)
            except Refused as refused:
                verdict = refused.verdict
                critique = self._critique(back, before, fork, seen, verdict)
                if critique is None or len(mended) >= back.how.at_most:
                    raise
            else:
                walk.notes += [Note("recovered", kind) for kind in dict.fromkeys(mended)]
                return
            finally:
                if fork is not walk:
                    walk.join([fork])
            mended.append(verdict.kind.value)
            walk.notes.append(Note("recovering", verdict.kind.value))
            fork = replace(walk.fork(f"again.{len(mended)}"), critique=critique)

    def _critique(
        self, back: SampleRecovery, values: Values, walk: Walk, seen: int, verdict: Verdict
    ) -> Critique | None:
        """The critique of what the step last answered; None where there is nothing to mend."""
        answers = [trial for trial in walk.trials[seen:] if trial.request.step == back.step]
        if not answers or not back.how.mends(verdict):
            return None
        with recipe_faults(back.step):
            return Critique(back.step, back.how.turns(values, answers[-1].answered.answer.text, verdict))

    def _finish(self, values: dict[str, Any], outcome: Outcome) -> None:
        """The rows, or Refused when not one is sound."""
        output = self.output
        if output.items is None:
            outcome.rows.append(Row(self._row(values)))
            return
        refused: list[tuple[int, Verdict]] = []
        for number, item in enumerate(as_list(output.items(values))):
            try:
                content = self._row({**values, output.item: item, "index": number})
            except Refused as fault:
                refused.append((number, fault.verdict))
            else:
                outcome.rows.append(Row(content, number, item))
        if not outcome.rows:
            raise Refused(refused[0][1] if refused else Verdict("no_rows", "an empty list", "at least one item"))
        outcome.refused_rows += refused

    def _row(self, values: Values) -> Columns:
        content: Columns = {}
        try:
            content = self.output.columns(values)
            assert_checks(self.checks, values, content)
        except InvalidAnswer as fault:
            text = shown(content or {name: part(values) for name, part in self.output.parts.items()})
            raise Refused(Verdict(fault.reason, fault.found, fault.expected, text, kind=fault.kind)) from None
        return content
