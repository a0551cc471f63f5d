"""The shipped recipes, walked with answers given by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.engine.sandbox import Sandbox
from gristmill.errors import GristmillError
from gristmill.execution.place import require
from gristmill.params.execution import Isolation
from gristmill.recipes.compile import recipe_program
from gristmill.recipes.outcome import Outcome
from gristmill.recipes.request import Answer, Answered, Request

RECIPES = Path(__file__).parents[3] / "recipes"
PASSAGE = (
    "A transaction groups several statements so that all of them take effect or none does. The database writes each "
    "change to a log before it touches the table. If the power fails, the log is read again at the next start, and "
    "what was not committed is undone. A lock keeps two transactions from changing the same row at once; when each "
    "waits for a lock that the other holds, one of them is rolled back."
)
"""Real prose of 70 words, our own."""

Walk = Callable[..., Any]


async def really_run(request: Request) -> Answer:
    """The program's result on this machine."""
    try:
        require(Isolation.NAMESPACES)
    except GristmillError as error:
        pytest.skip(str(error))
    return await Sandbox().run(request)


@pytest.fixture
def walk() -> Walk:
    """Walks a shipped recipe. `answers`: step -> its answer, several in turn, or a function of the request.

    Programs run in the real sandbox unless their step has an answer; a machine without bubblewrap shows the skip.
    """

    async def _walk(
        name: str,
        answers: dict[str, Any],
        *,
        draw: int = 0,
        attempts: int = 1,
        parameters: dict[str, Any] | None = None,
        **inputs: Any,
    ) -> tuple[Outcome, list[Request]]:
        program = recipe_program(RECIPES, name, attempts, parameters=parameters)
        asked: list[Request] = []

        async def ask(request: Request) -> Answered:
            asked.append(request)
            if request.code is not None and request.step not in answers:
                return Answered("00", await really_run(request))
            given = answers[request.step]
            if callable(given):
                given = given(request)
            elif isinstance(given, list):
                given = given.pop(0)
            return Answered("00", given if isinstance(given, Answer) else Answer(given))

        values = {"passage": PASSAGE, "title": "", "draw": draw, **inputs}
        return await program.run(values, draw, ask), asked

    return _walk
