"""The scripted engine's own answers: what a diligent, unimaginative writer would say.

Deterministic, from the request alone; for running the whole graph without a model. A choice is
picked by hash, an object is filled in as its schema asks, an open question is finished with the
words of the text it is about. It does not make good data; it passes where a sound answer would.
"""

import re
from typing import Any

import orjson
import xxhash

from gristmill.recipes.request import ConstraintKind, Request

_FEW_WORDS = 12
_QUESTION = re.compile(r"Text: (?P<text>.*)\nAnswer: (?P<answer>.*)\nQuestion: (?P<opening>.*)\Z")
_AUXILIARY = {"is", "are", "was", "were", "can", "may", "must", "should", "will", "does", "do"}


def answer(request: Request) -> str:
    """The text that answers the request."""
    constraint = request.constraint
    if constraint is not None and constraint.kind is ConstraintKind.CHOICE:
        return str(tuple(constraint.value)[_number(request, len(constraint.value))])
    if constraint is not None and isinstance(constraint.value, dict):
        return orjson.dumps(_instance(constraint.value, request, "")).decode()
    return _text(request)


def _instance(schema: dict[str, Any], request: Request, path: str) -> Any:
    """A value that fits the simple part of JSON Schema: const, enum, and the types with their bounds."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][_number(request, len(schema["enum"]), path)]
    match schema.get("type"):
        case "object":
            parts = schema.get("properties", {})
            return {name: _instance(part, request, f"{path}.{name}") for name, part in parts.items()}
        case "array":
            count = schema.get("minItems", 1)
            return [_instance(schema.get("items", {}), request, f"{path}.{i}") for i in range(count)]
        case "integer" | "number":
            low, high = schema.get("minimum", 1), schema.get("maximum", 5)
            return low + _number(request, int(high - low) + 1, path)
        case "boolean":
            return True
        case _:
            return "none"


def _text(request: Request) -> str:
    last = request.messages[-1].content if request.messages else ""
    shown = request.prompt if request.prompt is not None else last
    lines = shown.splitlines() or [""]
    opened = _QUESTION.search("\n".join(lines[-3:]))
    if opened:
        return f"{_rest_of_question(**opened.groupdict())}?"
    return " ".join(lines[-1].split()[:_FEW_WORDS])


def _rest_of_question(text: str, answer: str, opening: str) -> str:
    """What the text says between the words that the question has and those that answer it."""
    asked = {word.lower() for word in opening.split()} | _AUXILIARY
    before, found, after = text.partition(answer)
    source = before if before.strip() else after
    rest = [word for word in (source if found else text).rstrip(" .").split() if word.lower() not in asked]
    return "".join(f" {word.rstrip(',')}" for word in rest)


def _number(request: Request, below: int, salt: str = "") -> int:
    """A number below `below`, decided by what is asked."""
    return int(xxhash.xxh3_64_intdigest(request.content(salt)) % below)
