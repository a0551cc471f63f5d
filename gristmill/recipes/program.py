"""A recipe compiled into one coroutine per sample: it walks through the steps and asks as it goes.

`ask` is all it knows of the outside: the same program runs against the journal and the engine,
against the journal alone (to count what is open), or before a user's eyes. The outcome carries
every trial, so that each verdict can be explained.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.recipes.answers import InvalidAnswer
from gristmill.recipes.outcome import Outcome, Refused, Trial, Verdict
from gristmill.recipes.request import Answered, Finish, Request, RequestFailed
from gristmill.recipes.sandbox import Evaluate
from gristmill.recipes.steps import Check, LetStep, ModelStep, Step, Values, assert_checks, recipe_faults, shown

Ask = Callable[[Request], Awaitable[Answered]]


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled recipe or rubric. `hash` is the file's content."""

    name: str
    hash: str
    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    output: Mapping[str, Evaluate]

    async def run(self, inputs: Values, draw: int, ask: Ask) -> Outcome:
        """Walks one sample through the steps. Raises only what `ask` raises beyond RequestFailed."""
        values = {name: inputs[name] for name in self.inputs}
        outcome = Outcome({})
        try:
            for step in self.steps:
                if isinstance(step, LetStep):
                    value = step.compute(values)
                else:
                    value = await _ask_for(step, values, draw, ask, outcome.trials)
                values[step.name] = outcome.fields[step.name] = value
            outcome.output = self._finish(values)
        except Refused as refused:
            outcome.refused = refused.verdict
        return outcome

    def _finish(self, values: Values) -> dict[str, Any]:
        with recipe_faults("output"):
            output = {name: part(values) for name, part in self.output.items()}
            try:
                assert_checks(self.checks, values, output)
            except InvalidAnswer as fault:
                raise Refused(Verdict(fault.reason, fault.found, fault.expected, shown(output))) from None
            return output


async def _ask_for(step: ModelStep, values: Values, draw: int, ask: Ask, trials: list[Trial]) -> Any:
    """The step's value: the first valid answer's. Raises Refused with the last answer's fault."""
    request = step.request(values, draw)
    only = step.only_choice(request)
    if only is not None:
        value, verdict = step.judge(values, request, only)
        if verdict is not None:
            raise Refused(verdict)
        return value
    while True:
        answered = await _answer(step, request, ask)
        value, verdict = step.judge(values, request, answered.answer)
        trials.append(Trial(request, answered, verdict.reason if verdict else ""))
        if verdict is None:
            return value
        final = verdict.failed or answered.answer.finish_reason == Finish.PROMPT_TOO_LONG
        following = None if final else step.next_attempt(request)
        if following is None:
            raise Refused(verdict)
        request = following


async def _answer(step: ModelStep, request: Request, ask: Ask) -> Answered:
    try:
        return await ask(request)
    except RequestFailed as error:
        raise Refused(Verdict(f"{step.name}_{error.reason}", error.detail, failed=True)) from None
