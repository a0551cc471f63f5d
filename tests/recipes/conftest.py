"""Recipes written to a folder, run against answers given by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.recipes.compile import recipe_program
from gristmill.recipes.outcome import Outcome
from gristmill.recipes.request import Answer, Answered, Request

HEAD = """
name: mine
summary: A test.
inputs: [passage, title, draw]
"""
OUTPUT = """
output: {prompt: "{{ passage }}", response: "{{ reply }}"}
"""

Run = Callable[..., Any]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes recipes/mine.yaml: the steps between a head and an output, or a whole file."""

    def _write(steps: str, *, output: str = OUTPUT, head: str = HEAD) -> Path:
        (tmp_path / "mine.yaml").write_text(head.strip() + "\n" + steps.strip("\n") + "\n" + output.strip() + "\n")
        return tmp_path

    return _write


@pytest.fixture
def run(write: Callable[..., Path]) -> Run:
    """Runs the recipe on one passage; gives outcome and requests. The model answers in turn, or `by` request."""

    async def _run(
        steps: str,
        *answers: str | Answer,
        attempts: int = 2,
        passage: str = "A text.",
        by: Callable[[Request], str] | None = None,
        fields: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
        **more: Any,
    ) -> tuple[Outcome, list[Request]]:
        program = recipe_program(write(steps, **more), "mine", attempts, parameters=parameters)
        waiting, asked = list(answers), []

        async def ask(request: Request) -> Answered:
            asked.append(request)
            answer = by(request) if by else waiting.pop(0)
            return Answered("00", answer if isinstance(answer, Answer) else Answer(answer))

        outcome = await program.run({"passage": passage, "title": "", "draw": 0, **(fields or {})}, 0, ask)
        return outcome, asked

    return _run
