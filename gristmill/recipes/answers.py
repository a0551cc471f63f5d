"""Whether an answer is valid, and what its value is.

Damage that needs no model to mend is mended first (gristmill/recipes/repair.py); the books count it.
Checked always, also where the engine decoded under a constraint: a length limit can cut an object
short, and an engine may ignore a constraint.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry

from gristmill.errors import InputError
from gristmill.recipes.enforce import regex_fault, schema_fault
from gristmill.recipes.kinds import FaultKind
from gristmill.recipes.repair import repairs, unquoted
from gristmill.recipes.request import Answer, Constraint, ConstraintKind, Finish
from gristmill.recipes.stepspec import ModelSpec


class InvalidAnswer(Exception):
    """Why an answer has no value: a reason for the books, what was found, what would be right."""

    def __init__(
        self, reason: str, found: str = "", expected: str = "", kind: FaultKind = FaultKind.WRONG_FORMAT
    ) -> None:
        self.reason = reason
        self.found = found
        self.expected = expected
        self.kind = kind
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer's value, and the name of the damage that was mended for it; empty when it came whole."""

    value: Any
    repaired: str = ""


Read = Callable[[Answer, Constraint | None], Reading]
"""From an answer and its request's constraint to the value. Raises InvalidAnswer."""


def reader(spec: ModelSpec, where: str) -> Read:
    """How the step's answers are read. Raises InputError when the regex or the schema is no good."""
    if spec.choice is not None:
        return _read_choice
    if spec.regex is not None:
        return _regex_reader(spec.regex, where)
    if spec.json_schema is not None:
        return _json_reader(spec.json_schema, where)
    if spec.grammar is not None:
        return _grammar_reader(spec.grammar, where)
    return _read_text


def constraint_of(spec: ModelSpec) -> Constraint | None:
    """The step's fixed constraint; a choice's options are known only per sample."""
    if spec.regex is not None:
        return Constraint(ConstraintKind.REGEX, spec.regex)
    if spec.json_schema is not None:
        return Constraint(ConstraintKind.JSON, spec.json_schema)
    if spec.grammar is not None:
        return Constraint(ConstraintKind.GRAMMAR, spec.grammar)
    return None


def _read_text(answer: Answer, _: Constraint | None) -> Reading:
    text = answer.text.strip()
    if not text:
        raise InvalidAnswer("empty", "an empty answer", "some text")
    if answer.finish_reason == Finish.LENGTH:
        raise InvalidAnswer(
            "cut_off",
            f"cut off after {answer.completion_tokens} tokens",
            "an answer that ends by itself",
            FaultKind.TOO_LONG,
        )
    return Reading(text)


def _read_choice(answer: Answer, constraint: Constraint | None) -> Reading:
    text = answer.text.strip()
    options = constraint.value if constraint else ()
    if text in options:
        return Reading(text)
    bare = unquoted(text)
    if bare in options:
        return Reading(bare, "surrounding_text")
    raise InvalidAnswer("not_a_choice", f"{text[:120]!r}", f"one of {len(options)} options")


def _regex_reader(pattern: str, where: str) -> Read:
    try:
        shape = re.compile(pattern)
    except re.error as error:
        raise InputError(f"regex {pattern!r}: {error}", where=where, expected="a regular expression") from None

    fault = regex_fault(pattern)
    if fault:
        raise InputError(
            f"regex {pattern!r}: {fault}",
            where=where,
            expected="a pattern that an engine can decode under",
            do="say it as a check",
        )

    def read(answer: Answer, _: Constraint | None) -> Reading:
        text = answer.text.strip()
        if shape.fullmatch(text):
            return Reading(text)
        bare = unquoted(text)
        if shape.fullmatch(bare):
            return Reading(bare, "surrounding_text")
        raise InvalidAnswer("no_match", f"{text[:120]!r}", f"a text that matches {pattern}")

    return read


def _json_reader(schema: dict[str, Any], where: str) -> Read:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = "/".join(str(part) for part in error.absolute_path)
        raise InputError(
            f"json: {error.message}", where=where, expected=f"a JSON Schema (at {path or 'its top'})"
        ) from None
    unheld = schema_fault(schema)
    if unheld:
        raise InputError(
            f"json: {unheld}: no engine decodes under this",
            where=where,
            expected="a schema that holds while decoding",
            do="say it as a check",
        )
    validator = Draft202012Validator(schema, registry=Registry())

    def read(answer: Answer, _: Constraint | None) -> Reading:
        try:
            value = orjson.loads(answer.text)
        except json.JSONDecodeError as error:
            return _repaired(answer.text, validator, error)
        fault = next(validator.iter_errors(value), None)
        if fault is not None:
            path = ".".join(str(part) for part in fault.absolute_path)
            raise InvalidAnswer("wrong_shape", f"{path}: {fault.message}"[:300], "an answer that fits the schema")
        return Reading(value)

    return read


def _repaired(text: str, validator: Draft202012Validator, error: json.JSONDecodeError) -> Reading:
    """The first repair that satisfies the schema. Raises InvalidAnswer when none does."""
    for damage, value in repairs(text):
        if validator.is_valid(value):
            return Reading(value, damage)
    raise InvalidAnswer("not_json", str(error), "one JSON value")


def _grammar_reader(grammar: str, where: str) -> Read:
    from lark import Lark  # only for recipes with a grammar
    from lark.exceptions import LarkError

    try:
        parser = Lark(grammar, start="start")
    except LarkError as error:
        raise InputError(
            f"grammar: {error}", where=where, expected="a grammar in Lark's form with the rule `start`"
        ) from None

    def read(answer: Answer, _: Constraint | None) -> Reading:
        text = answer.text.strip()
        try:
            parser.parse(text)
        except LarkError as error:
            raise InvalidAnswer("not_in_grammar", str(error)[:300], "a text that the grammar gives") from None
        return Reading(text)

    return read
