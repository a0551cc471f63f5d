"""Schemas and patterns that no engine can hold while it decodes are refused before one is started."""

from pathlib import Path

import pytest

from gristmill.errors import InputError
from gristmill.recipes.compile import recipe_program
from gristmill.recipes.enforce import regex_fault, schema_fault


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"type": "integer", "multipleOf": 2}, "its top: multipleOf"),
        ({"type": "array", "uniqueItems": True}, "its top: uniqueItems"),
        ({"properties": {"a": {"type": "string", "format": "colour"}}}, "properties/a: format colour"),
        (
            {"items": {"type": "string", "pattern": "a+", "maxLength": 3}},
            "items: pattern or format together with a length",
        ),
        ({"allOf": [{}, {}]}, "its top: allOf of several"),
        ({"anyOf": [{"type": "string"}, {"not": {"const": 1}}]}, "anyOf/1: not"),
        ({"type": "object", "properties": {"not": {"type": "string"}, "if": {"type": "boolean"}}}, ""),
        ({"type": "string", "enum": ["not"], "maxLength": 3}, ""),
    ],
)
def test_first_part_that_cannot_be_held_is_named(schema, fault) -> None:
    assert schema_fault(schema) == fault


@pytest.mark.parametrize(("pattern", "fault"), [("(?=a)b", "(?= looks around or back"), ("[a-z]+(?:b|c)", "")])
def test_pattern_that_looks_around_is_named(pattern: str, fault: str) -> None:
    assert regex_fault(pattern) == fault


def test_recipe_with_such_a_schema_is_refused_with_line_and_step(write) -> None:
    folder: Path = write("steps:\n  - name: reply\n    prompt: Say.\n    json: {type: array, uniqueItems: true}")
    with pytest.raises(InputError) as raised:
        recipe_program(folder, "mine", 2)
    assert raised.value.problem.where == "recipes/mine.yaml:7, step reply"
    assert raised.value.problem.do == "say it as a check"
