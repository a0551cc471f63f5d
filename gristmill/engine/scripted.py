"""An engine that answers from a Python function: for tests, for benchmarks of all that is not the model.

`engine.script: module:function` names it; the module is looked for in the workspace first. It
gets each request and gives the text, or a whole Answer. Its identity is the function's name and
its source file's content, so that its answers never pass for a model's, nor an older script's.
"""

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path

from gristmill import __version__
from gristmill.engine.in_flight import InFlight
from gristmill.engine.protocol import ModelIdentity
from gristmill.errors import InputError
from gristmill.recipes.request import Answer, Request

Script = Callable[[Request], str | Answer]

DEFAULT_SCRIPT = "gristmill.engine.answerer:answer"
_IN_FLIGHT = 128


class ScriptedEngine:
    """Answers at once."""

    name = "scripted"
    version = __version__
    gpus = 0

    def __init__(
        self, script: Script, model: ModelIdentity, context: int | None = None, max_in_flight: int | None = None
    ) -> None:
        self._script = script
        self.model = model
        self.context = context
        self.in_flight = InFlight(max_in_flight or _IN_FLIGHT)

    async def start(self) -> None:
        """Nothing to make ready."""

    async def ask(self, request: Request) -> Answer:
        """The script's answer; a text gets token counts of one per word."""
        found = self._script(request)
        if isinstance(found, Answer):
            return found
        prompt = (
            len(request.prompt.split()) if request.prompt else sum(len(m.content.split()) for m in request.messages)
        )
        return Answer(found, "stop", prompt, len(found.split()), 0, f"{self.name}/{self.version}")

    async def close(self) -> None:
        """Nothing to end."""


def load_script(name: str, root: Path, max_in_flight: int | None = None) -> ScriptedEngine:
    """The engine for `module:function`. Raises InputError when there is no such function."""
    module_name, function_name = name.split(":")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InputError(
            f"cannot import {module_name}: {error}",
            where="params.yaml: engine.script",
            expected="a module in the workspace or installed",
        ) from None
    script = getattr(module, function_name, None)
    if not callable(script):
        raise InputError(
            f"{module_name} has no function {function_name}",
            where="params.yaml: engine.script",
            expected="module:function",
        )
    source = Path(inspect.getfile(module)).read_bytes()
    identity = ModelIdentity(f"scripted:{name}", hashlib.sha256(source).hexdigest()[:16])
    return ScriptedEngine(script, identity, max_in_flight=max_in_flight)
