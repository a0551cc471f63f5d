"""What is wrong in a recipe is said before anything runs, with file, line and step."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.errors import InputError, ProblemsError
from gristmill.recipes.compile import recipe_program, rubric_program

Write = Callable[..., Path]


def _error(folder: Path) -> InputError:
    with pytest.raises(InputError) as raised:
        recipe_program(folder, "mine", 2)
    return raised.value


def test_unknown_name_in_a_template_names_step_line_and_what_there_is(write: Write) -> None:
    error = _error(write("steps:\n  - name: reply\n    prompt: 'On {{ pasage }}'"))
    assert error.problem.where == "recipes/mine.yaml:6, step reply"
    assert error.problem.found == "unknown name 'pasage'"
    assert "draw, passage, title" in error.problem.expected


def test_later_step_cannot_be_named(write: Write) -> None:
    error = _error(write("steps:\n  - {name: first, let: reply}\n  - {name: reply, prompt: Say.}"))
    assert error.problem.found == "unknown name 'reply'"
    assert "step first" in error.problem.where


def test_undeclared_input_is_unknown(write: Write) -> None:
    head = "name: mine\nsummary: A test.\ninputs: [passage]"
    error = _error(write("steps:\n  - {name: reply, prompt: '{{ title }}'}", head=head))
    assert error.problem.found == "unknown name 'title'"


def test_input_with_an_impossible_name_is_refused(write: Write) -> None:
    error = _error(write("steps: [{name: reply, prompt: Say.}]", head="name: mine\nsummary: A.\ninputs: [Per-sona]"))
    assert error.problem.where == "recipes/mine.yaml:3"


def test_file_that_is_no_yaml_names_the_line(write: Write) -> None:
    error = _error(write("steps:\n  - {name: reply, prompt: 'Say.'\n"))
    assert error.problem.where.startswith("recipes/mine.yaml:6")
    assert "not readable as YAML" in error.problem.found


def test_unknown_key_names_line_and_step(write: Write) -> None:
    error = _error(write("steps:\n  - name: reply\n    promt: Say."))
    assert "found none among name, promt" in str(error)
    assert "recipes/mine.yaml:5, step reply" in str(error)


def test_unknown_key_beside_a_known_one_names_line_and_step(write: Write) -> None:
    error = _error(write("steps:\n  - name: reply\n    prompt: Say.\n    chekcs: []"))
    assert error.problem.found == "unknown key 'steps.0.chekcs'"
    assert error.problem.where == "recipes/mine.yaml:7, step reply"


def test_unknown_sampling_key_is_refused(write: Write) -> None:
    error = _error(write("steps:\n  - {name: reply, prompt: Say., sampling: {temprature: 1}}"))
    assert "unknown key 'steps.0.sampling.temprature'" in str(error)


def test_doubled_key_is_refused(write: Write) -> None:
    error = _error(write("steps:\n  - name: reply\n    prompt: Say.\n    prompt: Shout."))
    assert (error.problem.where, error.problem.found) == ("recipes/mine.yaml:7", "'prompt' is given twice")


def test_bad_regex_names_step(write: Write) -> None:
    error = _error(write("steps:\n  - {name: reply, prompt: Say., regex: '[0-9'}"))
    assert error.problem.where == "recipes/mine.yaml:5, step reply"
    assert "unterminated character set" in error.problem.found


def test_bad_json_schema_names_step(write: Write) -> None:
    error = _error(write("steps:\n  - {name: reply, prompt: Say., json: {type: objekt}}"))
    assert "step reply" in error.problem.where
    assert "'objekt' is not valid" in error.problem.found


def test_template_syntax_error_names_step(write: Write) -> None:
    error = _error(write("steps:\n  - {name: reply, prompt: '{{ passage'}"))
    assert "step reply" in error.problem.where
    assert "unexpected end of template" in error.problem.found


def test_unknown_filter_is_found_before_any_run(write: Write) -> None:
    error = _error(write("steps:\n  - {name: reply, prompt: '{{ passage | shuffle }}'}"))
    assert "shuffle" in error.problem.found


def test_random_is_not_there_for_it_would_ask_something_else_each_time(write: Write) -> None:
    error = _error(write("steps:\n  - {name: reply, prompt: '{{ passage | random }}'}"))
    assert "random" in error.problem.found


def test_step_that_both_computes_and_asks_is_refused(write: Write) -> None:
    error = _error(write("steps:\n  - {name: reply, prompt: Say., let: passage}"))
    assert "exactly one of let, messages, prompt, loop, for_each, choose and run; found let and prompt" in str(error)


def test_two_constraints_are_refused(write: Write) -> None:
    error = _error(write("steps:\n  - {name: reply, prompt: Say., regex: a, choice: passage}"))
    assert "at most one of choice, regex, json and grammar; found choice and regex" in str(error)


def test_step_named_like_an_input_is_refused(write: Write) -> None:
    error = _error(write("steps:\n  - {name: passage, let: title}\n  - {name: reply, prompt: Say.}"))
    assert error.problem.found == "the name 'passage' is taken: it is an input, a parameter or an earlier step"


def test_all_problems_are_told_at_once(write: Write) -> None:
    error = _error(write("steps:\n  - {name: a, let: nope}\n  - {name: reply, prompt: Say., regex: '('}"))
    assert isinstance(error, ProblemsError)
    assert len(error.problems) == 2


def test_name_unlike_the_file_is_refused(write: Write) -> None:
    error = _error(write("steps: [{name: reply, prompt: Say.}]", head="name: yours\nsummary: A test."))
    assert error.problem.expected == "'mine', like the file"


def test_missing_file_lists_those_that_are_there(write: Write) -> None:
    folder = write("steps: [{name: reply, prompt: Say.}]")
    with pytest.raises(InputError, match=r"there is no recipes/other\.yaml") as raised:
        recipe_program(folder, "other", 2)
    assert raised.value.problem.expected == "one of mine"


def test_recipe_is_no_rubric(write: Write) -> None:
    with pytest.raises(ProblemsError, match="kind"):
        rubric_program(write("steps: [{name: reply, prompt: Say.}]"), "mine", 2)


def test_template_cannot_reach_python(write: Write) -> None:
    folder = write("steps:\n  - {name: reply, let: \"''.__class__.__mro__\"}")
    program = recipe_program(folder, "mine", 2)
    import asyncio

    outcome = asyncio.run(program.run({"passage": "", "title": "", "draw": 0}, 0, None))
    assert outcome.refused is not None
    assert "unsafe" in outcome.refused.found


def test_key_that_yaml_reads_as_something_else_is_named(write: Write) -> None:
    error = _error(write("steps:\n  - name: reply\n    prompt: Say.\n    json: {type: object, properties: {on: {}}}"))
    assert error.problem.where == "recipes/mine.yaml:7"
    assert error.problem.found == "the key 'on' is no text to YAML"
