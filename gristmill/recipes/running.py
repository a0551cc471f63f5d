"""A step that has a program run instead of asking the model, compiled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gristmill.execution.limits import Limits
from gristmill.params.execution import Isolation
from gristmill.recipes.outcome import Refused, Trial
from gristmill.recipes.request import Code, Request, Sampling
from gristmill.recipes.sandbox import Render
from gristmill.recipes.steps import Check, checked
from gristmill.recipes.walk import Values, Walk, recipe_faults

_NOTHING = Sampling(temperature=0, max_tokens=1)
"""Nothing is drawn, and no token written."""


@dataclass(frozen=True, slots=True)
class RunStep:
    """Has its program run. It is run once: it would end the same."""

    name: str
    files: Mapping[str, Render]
    limits: Limits
    isolation: Isolation
    checks: tuple[Check, ...]

    async def value(self, values: Values, walk: Walk) -> dict[str, Any]:
        """`passed`, `ending`, `status`, `stdout` and `stderr`. Raises Refused when a check is broken."""
        with recipe_faults(self.name):
            files = {name: text(values) for name, text in self.files.items()}
        code = Code(files, self.limits, self.isolation)
        request = Request(step=self.name, sampling=_NOTHING, draw=walk.draw, path=walk.path, code=code)
        answered = await walk.answer(self.name, request)
        found: dict[str, Any] = orjson.loads(answered.answer.text)
        try:
            with recipe_faults(self.name):
                checked(self.name, self.checks, values, found)
        except Refused as refused:
            walk.trials.append(Trial(request, answered, refused.verdict.reason))
            raise
        walk.trials.append(Trial(request, answered))
        return found
