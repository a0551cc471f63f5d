"""A recipe that runs programs, through `generate` with an engine that answers at once and the real sandbox."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from gristmill.engine.sandbox import Sandbox
from gristmill.errors import GristmillError
from gristmill.execution import place
from gristmill.layout import Stage
from gristmill.params.execution import Isolation
from gristmill.recipes.request import Answer, Request
from gristmill.stages import generate
from tests.stages.generation import Workspace

SCRIPT = """
def answer(request):
    return f"import os\\nprint(os.urandom(8).hex())  # {request.prompt}"
"""
RECIPE = """
name: mine
summary: A.
inputs: [passage]
steps:
  - {name: code, prompt: "On {{ passage }}"}
  - {name: tried, run: "{{ code }}"}
output: {prompt: "{{ passage }}", response: "{{ tried.stdout }}"}
"""


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("coding_script", None)
    made = Workspace(tmp_path / "ws", seeds=2)
    (made.root / "coding_script.py").write_text(SCRIPT)
    made.write_params(script="coding_script:answer")
    made.write_recipe(RECIPE)
    yield made
    sys.modules.pop("coding_script", None)


def test_programs_are_run_once_and_a_second_run_gives_the_same_rows(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        place.require(Isolation.NAMESPACES)
    except GristmillError as error:
        pytest.skip(str(error))
    generate.run(ws.layout)
    first = ws.rows(Stage.GENERATE)

    async def never(_: Sandbox, request: Request) -> Answer:
        raise AssertionError(f"{request.step} is run again")

    monkeypatch.setattr(Sandbox, "run", never)
    generate.run(ws.layout)

    assert ws.rows(Stage.GENERATE) == first
    assert len({row["response"] for row in first}) == 2
    assert first[0]["engine"] == "scripted+sandbox"
    assert json.loads(str(first[0]["sampling"]))["tried"]["seconds"] == 10.0


def test_stage_refuses_programs_on_a_machine_that_cannot_isolate_them(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "namespaces_fault", lambda: "user namespaces are forbidden")
    with pytest.raises(GristmillError, match="user namespaces are forbidden"):
        generate.run(ws.layout)
    assert not ws.layout.data(Stage.GENERATE).exists()


def test_limits_only_is_opted_in_to_by_name(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "namespaces_fault", lambda: "user namespaces are forbidden")
    params = yaml.safe_load(ws.layout.params.read_text())
    ws.layout.params.write_text(yaml.safe_dump({**params, "execution": {"isolation": "limits_only"}}))
    generate.run(ws.layout)

    assert len(ws.rows(Stage.GENERATE)) == 2
