"""Steps that run a program: what is run, what comes of it, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.errors import GristmillError, InputError, ProblemsError
from gristmill.execution import place
from gristmill.execution.limits import Limits
from gristmill.params.execution import ExecutionParams, Isolation
from gristmill.params.generate import GenerateParams
from gristmill.recipes.compile import generate_program, recipe_program, rubric_program
from gristmill.recipes.request import RUNNER, Answer, Answered, Request, decode_content
from tests.recipes.conftest import HEAD, Run

STEPS = """
steps:
  - {name: reply, prompt: "Write code."}
  - name: tried
    run: "import solution"
    files: {solution.py: "{{ reply }}", "data.txt": "{{ passage }}"}
    checks: [{reason: failed, require: tried.passed, kind: wrong_answer}]
"""
DONE = {"passed": True, "ending": "exited", "status": 0, "stdout": "7\n", "stderr": ""}


async def test_program_with_its_files_gives_how_it_ended_and_what_it_printed(run: Run) -> None:
    outcome, asked = await run(STEPS, "x = 1", json.dumps(DONE))

    assert outcome.fields["tried"] == DONE
    assert asked[1].code.files == {"main.py": "import solution", "solution.py": "x = 1", "data.txt": "A text."}
    assert [trial.fault for trial in outcome.trials] == ["", ""]


async def test_program_that_failed_breaks_a_check_and_stands_in_the_trace(run: Run) -> None:
    outcome, asked = await run(STEPS, "x = (", json.dumps({**DONE, "passed": False, "status": 1}))

    assert (outcome.refused.reason, outcome.refused.kind) == ("tried_failed", "wrong_answer")
    assert [trial.fault for trial in outcome.trials] == ["", "tried_failed"]
    assert len(asked) == 2, "a program is not run again"


async def test_recovery_goes_back_to_the_code_with_what_its_program_said(run: Run) -> None:
    steps = STEPS.replace('prompt: "Write code."', "messages: [{user: Write code.}]")
    steps += "recover: {step: reply, at_most: 1, ask: 'It ended so: {{ fault.found }}'}\n"
    failed = json.dumps({**DONE, "passed": False, "status": 1, "stderr": "NameError"})
    outcome, asked = await run(steps, "x = y", failed, "x = 1", json.dumps(DONE))

    assert "NameError" in asked[2].messages[-1].content
    assert [each.place for each in asked] == ["reply", "tried", "reply@again.1", "tried@again.1"]
    assert outcome.rows


async def test_result_is_recorded_under_program_limits_and_python_not_under_the_model(
    run: Run, write: Callable[..., Path]
) -> None:
    _, (_, asked) = await run(STEPS, "x = 1", json.dumps(DONE))
    slower = await _asked(recipe_program(write(STEPS), "mine", 1, execution=ExecutionParams(seconds=20)))

    content = decode_content(asked.content("some-model@r1"))
    assert content["model"] == RUNNER
    assert content["asked"] == {
        "files": {"main.py": "import solution", "solution.py": "x = 1", "data.txt": "A text."},
        "isolation": "namespaces",
    }
    assert (content["sampling"]["seconds"], content["sampling"]["memory_mib"]) == (10.0, 512)
    assert asked.content("a@1") == asked.content("b@2")
    assert slower.content("a@1") != asked.content("a@1")


async def _asked(program: Any) -> Request:
    requests: list[Request] = []

    async def ask(request: Request) -> Answered:
        requests.append(request)
        return Answered("00", Answer("x = 1" if request.code is None else json.dumps(DONE)))

    await program.run({"passage": "A text.", "title": "", "draw": 0}, 0, ask)
    return requests[-1]


def test_limits_come_from_the_parameters() -> None:
    given = ExecutionParams(seconds=2.5, memory_mib=64, processes=3, scratch_mib=5, output_kib=7)

    assert Limits.of(given) == Limits(
        seconds=2.5, cpu_seconds=3, memory_mib=64, processes=3, file_mib=5, scratch_mib=5, output_kib=7
    )
    assert Limits.of(ExecutionParams()).cpu_seconds == 10


def test_execution_is_part_of_the_identity_of_recipes_that_run_programs_alone(write: Callable[..., Path]) -> None:
    def hashes(steps: str) -> set[str]:
        folder = write(steps)
        given = (None, ExecutionParams(), ExecutionParams(isolation=Isolation.LIMITS_ONLY), ExecutionParams(seconds=1))
        return {recipe_program(folder, "mine", 1, execution=each).hash for each in given}

    assert len(hashes(STEPS)) == 3
    assert len(hashes("steps:\n  - {name: reply, prompt: Go.}")) == 1


def test_steps_that_run_are_told_apart_from_those_that_ask(write: Callable[..., Path]) -> None:
    program = recipe_program(write(STEPS), "mine", 1)

    assert program.runs == ("tried",)
    assert [(each.step, each.max_tokens) for each in program.asks] == [("reply", 256), ("tried", 0)]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ("{main.py: x}", "main.py is the program of `run`: give the file another name"),
        ("{../other.py: x}", "should match pattern"),
        ("{solution.py: '{{ nothing }}'}", "unknown name 'nothing'"),
        ("{solution.py: '{{ reply'}", "unexpected end of template"),
    ],
)
def test_wrong_file_is_told_with_its_place(write: Callable[..., Path], files: str, found: str) -> None:
    steps = STEPS.split("    files:", maxsplit=1)[0] + f"    files: {files}\n"
    with pytest.raises(ProblemsError) as caught:
        recipe_program(write(steps), "mine", 1)

    assert found in str(caught.value)
    assert "recipes/mine.yaml:" in str(caught.value)


def test_run_beside_another_way_to_a_value_is_refused(write: Callable[..., Path]) -> None:
    with pytest.raises(ProblemsError, match="exactly one of let, messages, prompt, loop, for_each, choose and run"):
        recipe_program(write("steps:\n  - {name: reply, run: pass, let: '1'}"), "mine", 1)


def test_rubric_that_runs_programs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mark.yaml").write_text(
        "name: mark\nkind: rubric\nsummary: A.\nsteps:\n  - {name: tried, run: '{{ response }}'}\n"
        "output: {faults: none, scores: {works: '5 if tried.passed else 1'}}\n"
    )
    with pytest.raises(InputError, match="the rubric runs programs: tried"):
        rubric_program(tmp_path, "mark", 1)


@pytest.fixture
def no_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A machine without the program."""
    monkeypatch.setenv("PATH", str(tmp_path))
    place.namespaces_fault.cache_clear()
    yield
    place.namespaces_fault.cache_clear()


@pytest.mark.usefixtures("no_bubblewrap")
def test_recipe_that_runs_programs_is_refused_where_they_cannot_be_isolated(write: Callable[..., Path]) -> None:
    params = GenerateParams(recipe="mine")
    folder = write(STEPS)
    with pytest.raises(GristmillError) as caught:
        generate_program(folder, params, ExecutionParams())

    assert "code from a model can't be isolated here: the program `bwrap` is not on PATH" in str(caught.value)
    assert "limits_only" in str(caught.value)
    assert generate_program(folder, params, ExecutionParams(isolation="limits_only")).runs == ("tried",)


@pytest.mark.usefixtures("no_bubblewrap")
def test_recipe_without_programs_needs_no_isolation(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        f"{HEAD.strip()}\nsteps: [{{name: reply, prompt: Go.}}]\noutput: {{prompt: x, response: '{{{{ reply }}}}'}}\n"
    )

    assert generate_program(tmp_path, GenerateParams(recipe="mine"), ExecutionParams()).runs == ()
