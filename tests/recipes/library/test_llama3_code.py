"""llama3-code-execute: what is kept has been run."""

import json
from typing import Any

import pytest

from tests.recipes.library.conftest import Walk

PROBLEM = json.dumps(
    {
        "statement": "Transactions are applied from a log, in its order. Given the entries of a log as pairs of a "
        "row's name and its new value, return the last value of every row as a dictionary. An entry of None "
        "deletes the row; deleting a row that is not there changes nothing. An empty log gives an empty dictionary.",
        "signature": "def replay(log: list[tuple[str, int | None]]) -> dict[str, int]:",
    }
)
RIGHT = """\
def replay(log: list[tuple[str, int | None]]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for name, value in log:
        if value is None:
            rows.pop(name, None)
        else:
            rows[name] = value
    return rows
"""
WRONG = RIGHT.replace("rows.pop(name, None)", "rows.pop(name)")
TESTS = """\
from solution import replay

def test_last_value_wins():
    assert replay([("a", 1), ("a", 2)]) == {"a": 2}

def test_none_deletes():
    assert replay([("a", 1), ("a", None)]) == {}

def test_deleting_what_is_not_there_changes_nothing():
    assert replay([("b", None), ("a", 1)]) == {"a": 1}

def test_empty_log():
    assert replay([]) == {}
"""


def _block(code: str) -> str:
    return f"The approach first.\n\n```python\n{code}```\nThat is all."


def _answers(draft: str, *revisions: str, tests: str = TESTS, **more: Any) -> dict[str, Any]:
    revised = [_block(each) for each in revisions]
    return {"problem": PROBLEM, "draft": _block(draft), "tests": _block(tests), "solution": revised, **more}


SOUND = """\
from __future__ import annotations
import os.path as path
from dataclasses import dataclass
_SEEN = None

@dataclass
class Row:
    name: str

    def own(self) -> str:
        return path.join(self.name, *[x for x in "a"])

def note() -> None:
    global _MADE
    _MADE = Row(__name__)
"""
PASSED = json.dumps({"passed": True, "ending": "exited", "status": 0, "stdout": "4 of 4 tests passed\n", "stderr": ""})
FAILED = json.dumps({"passed": False, "ending": "exited", "status": 1, "stdout": "test_x failed\n", "stderr": ""})
LATE = json.dumps({"passed": False, "ending": "timed_out", "status": None, "stdout": "", "stderr": ""})


async def test_solution_that_passes_at_once_is_kept_with_its_tests_as_reference(walk: Walk) -> None:
    outcome, asked = await walk("llama3-code-execute", _answers(RIGHT))

    assert [each.step for each in asked] == ["problem", "draft", "tests", "emptied", "linted", "tested"]
    assert outcome.output["response"] == f"```python\n{RIGHT.strip()}\n```"
    assert outcome.output["prompt"].endswith(f"Write it as `{RIGHT.splitlines()[0]}`.")
    assert (outcome.output["reference"], outcome.output["verifier"]) == (TESTS.strip(), "python-unit-tests")
    assert outcome.fields["revision"]["tested"]["stdout"] == "4 of 4 tests passed\n"


async def test_failing_test_goes_back_to_the_model_and_the_mended_solution_is_kept(walk: Walk) -> None:
    outcome, asked = await walk("llama3-code-execute", _answers(WRONG, RIGHT))

    (again,) = [each for each in asked if each.step == "solution"]
    assert "test_deleting_what_is_not_there_changes_nothing failed in solution.py, line 5" in again.messages[-1].content
    assert "KeyError: 'b'" in again.messages[-1].content
    assert outcome.output["response"] == f"```python\n{RIGHT.strip()}\n```"
    assert outcome.fields["revision"]["rounds"] == 2


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (RIGHT.replace("return rows", "return rows)"), "SyntaxError: unmatched ')'"),
        (RIGHT.replace("return rows", "return row"), "the name 'row' is not defined"),
        (RIGHT.replace("replay(", "play(") + "# def replay\n", "there is no function replay"),
        (
            RIGHT.replace("]]) ->", "]] = []) ->"),
            "replay has a mutable default argument",
        ),
        ("import os\n" + RIGHT, "line 1: os is imported and not used"),
        ("from math import *\n" + RIGHT, "an import of everything (`*`)"),
        (RIGHT.replace("value is None", "value == None"), "compare with None by `is`"),
        (RIGHT + "try:\n    pass\nexcept:\n    pass\n", "a bare `except` hides every fault"),
    ],
)
async def test_linter_and_parser_speak_before_any_test_runs(walk: Walk, code: str, told: str) -> None:
    answers = _answers(code, RIGHT, emptied=FAILED, tested=PASSED)
    outcome, asked = await walk("llama3-code-execute", answers)

    assert [each.step for each in asked][3:] == ["emptied", "linted", "solution", "linted", "tested"]
    assert told in asked[5].messages[-1].content
    assert outcome.rows


async def test_linter_lets_sound_code_pass(walk: Walk) -> None:
    code = f"{SOUND}\n{RIGHT}"
    outcome, asked = await walk("llama3-code-execute", _answers(code, emptied=FAILED, tested=PASSED))

    assert outcome.fields["revision"]["linted"]["stdout"] == ""
    assert asked[-1].step == "tested"


async def test_program_that_leaves_by_the_back_door_has_not_passed(walk: Walk) -> None:
    leaves = "import sys\nsys.exit(0)\n" + RIGHT
    outcome, _ = await walk("llama3-code-execute", _answers(leaves, RIGHT), parameters={"tries": 1})

    assert outcome.refused.reason == "revision_never_passed"
    tested = next(trial for trial in outcome.trials if trial.request.step == "tested")
    assert "the tests can't be loaded: SystemExit: 0" in tested.answered.answer.text


async def test_status_0_without_the_count_of_tests_has_not_passed(walk: Walk) -> None:
    silent = json.dumps({"passed": True, "ending": "exited", "status": 0, "stdout": "", "stderr": ""})
    answers = _answers(RIGHT, emptied=FAILED, linted=PASSED, tested=silent)
    outcome, _ = await walk("llama3-code-execute", answers, parameters={"tries": 1})

    assert outcome.refused.reason == "revision_never_passed"


async def test_time_out_is_told_as_one(walk: Walk) -> None:
    answers = _answers(RIGHT, RIGHT, emptied=FAILED, linted=[PASSED, PASSED], tested=[LATE, PASSED])
    _, asked = await walk("llama3-code-execute", answers)

    assert "did not come to an end in the time" in asked[6].messages[-1].content


async def test_solution_that_never_passes_is_refused_after_the_last_round_without_a_last_revision(walk: Walk) -> None:
    answers = _answers(WRONG, WRONG, WRONG, emptied=FAILED, linted=[PASSED] * 3, tested=[FAILED] * 3)
    outcome, asked = await walk("llama3-code-execute", answers)

    assert (outcome.refused.reason, outcome.refused.kind) == ("revision_never_passed", "wrong_answer")
    assert [each.step for each in asked].count("solution") == 2


async def test_tests_that_an_empty_function_passes_are_refused(walk: Walk) -> None:
    idle = "from solution import replay\n" + "".join(f"\ndef test_{i}():\n    assert replay\n" for i in range(4))
    outcome, asked = await walk("llama3-code-execute", _answers(RIGHT, tests=idle))

    assert outcome.refused.reason == "emptied_tests_prove_nothing"
    assert asked[-1].step == "emptied"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"problem": '{"statement": "Too short.", "signature": "def a():"}'}, "problem_too_short"),
        ({"problem": PROBLEM.replace("def replay", "replay")}, "problem_no_signature"),
        ({"problem": "Sort a list."}, "problem_not_json"),
        ({"draft": "No code at all."}, "draft_no_code"),
        ({"draft": _block("def other():\n    return 1\n")}, "draft_no_function"),
        ({"tests": "I have no tests."}, "tests_no_code"),
        (
            {"tests": _block("from solution import replay\ndef test_a():\n    assert replay([]) == {}\n")},
            "tests_too_few",
        ),
        ({"tests": _block(TESTS.replace("from solution import", "# solution:"))}, "tests_no_import"),
    ],
)
async def test_answer_of_no_use_is_refused(walk: Walk, changed: dict[str, str], reason: str) -> None:
    outcome, _ = await walk("llama3-code-execute", _answers(RIGHT) | changed)

    assert outcome.refused.reason == reason


async def test_revision_without_code_is_refused(walk: Walk) -> None:
    answers = _answers(WRONG, emptied=FAILED, linted=PASSED, tested=FAILED) | {"solution": "It is right as it is."}
    outcome, _ = await walk("llama3-code-execute", answers)

    assert outcome.refused.reason == "solution_no_code"
