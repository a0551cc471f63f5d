"""From parameters to an engine, not yet started: its identity is known, nothing heavy is loaded."""

from pathlib import Path

from gristmill.engine.endpoint.completions import cannot_write_user
from gristmill.engine.model import locate_model
from gristmill.engine.openai import OpenAIEngine
from gristmill.engine.protocol import Engine
from gristmill.engine.quarantine import Convicts, Quarantine
from gristmill.engine.restarting import RestartingEngine
from gristmill.engine.scripted import DEFAULT_SCRIPT, load_script
from gristmill.engine.vllm import VllmEngine
from gristmill.layout import Layout
from gristmill.params.generate import EngineKind, EngineParams, ModelParams
from gristmill.recipes.program import Program
from gristmill.recipes.request import Role


def build_engine(engine: EngineParams, model: ModelParams, root: Path, convicts: Convicts | None = None) -> Engine:
    """The engine that the parameters name. Raises InputError when model or script are not there.

    One that runs with us is started again when it dies; endpoints look after themselves. `convicts` are the requests
    that killed it, by default the workspace's quarantine.
    """
    if engine.kind is EngineKind.OPENAI:
        return OpenAIEngine(engine, model)
    inner: Engine
    if engine.kind is EngineKind.SCRIPTED:
        inner = load_script(engine.script or DEFAULT_SCRIPT, root, engine.max_in_flight)
    else:
        inner = VllmEngine(locate_model(model, root), model, engine)
    return RestartingEngine(inner, convicts or Quarantine(Layout(root).journal), engine.restarts)


def assert_can_ask(engine: EngineParams, program: Program) -> None:
    """Raises InputError when the recipe asks for something that this kind of engine cannot give."""
    wanted = [each.step for each in program.asks if each.write is Role.USER]
    if wanted and engine.kind is EngineKind.OPENAI:
        raise cannot_write_user(wanted[0])
