"""What the tests of the `openai` engine ask, and of which model."""

from collections.abc import Callable
from typing import Any

from gristmill.engine.openai import OpenAIEngine
from gristmill.params.generate import ModelParams
from gristmill.recipes.request import Constraint, ConstraintKind, Message, Request, Sampling

Make = Callable[..., OpenAIEngine]
CHOICE = Constraint(ConstraintKind.CHOICE, ("one", "two"))
MODEL = ModelParams(name="tiny", revision="r1")


def ask(text: str = "Hello there.", constraint: Constraint | None = None, **sampling: Any) -> Request:
    return Request("s", Sampling(**{"max_tokens": 20, **sampling}), (Message("user", text),), constraint=constraint)
