"""Calls of tools in OpenAI's form: whether a call fits its tool, and what a stub answers in the tool's place.

A stub is data: a `table` of answers by arguments, with what it gives `otherwise`, or `compute`, the name of one of the
pure functions below. So the same call gives the same result on every machine, without a network or a clock.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

_LONGEST_EXPRESSION = 200
_LARGEST_EXPONENT = 64
_LARGEST_NUMBER = 1e15
_OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_UNITS = {
    "m": ("length", 1.0),
    "km": ("length", 1000.0),
    "cm": ("length", 0.01),
    "mm": ("length", 0.001),
    "mi": ("length", 1609.344),
    "ft": ("length", 0.3048),
    "in": ("length", 0.0254),
    "kg": ("mass", 1.0),
    "g": ("mass", 0.001),
    "lb": ("mass", 0.45359237),
    "oz": ("mass", 0.028349523125),
    "l": ("volume", 1.0),
    "ml": ("volume", 0.001),
    "gal": ("volume", 3.785411784),
}
"""Unit -> what it measures, and how much of the first unit it is (international yard and pound, US gallon)."""


def call_fault(call: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]) -> str:
    """Why the call (`name`, `arguments` as an object or as its JSON) fits none of the tools; empty when it fits."""
    schemas = {tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in tools}
    name, arguments = call["name"], call["arguments"]
    if name not in schemas:
        return f"there is no tool {name!r}"
    try:
        given = orjson.loads(arguments) if isinstance(arguments, str) else arguments
        fault = next(Draft202012Validator(schemas[name], registry=Registry()).iter_errors(given), None)
    except orjson.JSONDecodeError as error:
        return f"{name}: arguments are no JSON: {error}"
    except (SchemaError, Unresolvable) as error:
        return f"{name}: its schema is no good: {str(error)[:120]}"
    return f"{name}: {fault.message}"[:300] if fault else ""


def stub_result(call: Mapping[str, Any], stubs: Mapping[str, Mapping[str, Any]]) -> Any:
    """What the tool's stub gives for the call, `{error: ...}` where it cannot; None where the tool has no stub.

    A row of a table fits when the call has all its arguments, texts compared without regard to case.
    Raises LookupError when the stub names no function that there is.
    """
    stub = stubs.get(call["name"])
    if stub is None:
        return None
    arguments = call["arguments"]
    if "compute" in stub:
        return _computed(_COMPUTE[stub["compute"]], arguments)
    for row in stub["table"]:
        if all(_plain(arguments.get(name)) == _plain(value) for name, value in row["when"].items()):
            return row["gives"]
    return stub["otherwise"]


def _plain(value: Any) -> Any:
    return value.strip().casefold() if isinstance(value, str) else value


def _computed(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"result": function(**arguments)}
    except (ValueError, TypeError, ArithmeticError) as error:
        return {"error": str(error)}


def _arithmetic(expression: str) -> float:
    """The value of numbers, brackets and + - * / % ** alone, to 6 digits after the point. Raises ValueError."""
    if len(expression) > _LONGEST_EXPRESSION:
        raise ValueError(f"longer than {_LONGEST_EXPRESSION} characters")
    try:
        tree = ast.parse(expression.replace("^", "**").strip(), mode="eval")
    except SyntaxError:
        raise ValueError(f"no arithmetic expression: {expression}") from None
    return round(_value(tree.body), 6)


def _value(node: ast.AST) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        found = float(node.value)
    elif isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        found = _OPERATORS[type(node.op)](_value(node.operand))
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and (abs(right) > _LARGEST_EXPONENT or left < 0):
            raise ValueError("a power out of bounds")
        found = _OPERATORS[type(node.op)](left, right)
    else:
        raise ValueError("only numbers, brackets and + - * / % ** can be calculated")
    if abs(found) > _LARGEST_NUMBER:
        raise ValueError("a number out of bounds")
    return found


def _days_between(start: str, end: str) -> int:
    """Whole days from one ISO date to another; negative when it lies before. Raises ValueError."""
    return (date.fromisoformat(end) - date.fromisoformat(start)).days


def _add_days(start: str, days: int) -> str:
    """The ISO date so many days later. Raises ValueError or OverflowError."""
    return (date.fromisoformat(start) + timedelta(days=days)).isoformat()


def _convert_units(value: float, from_unit: str, to_unit: str) -> float:
    """The value in another unit of the same kind, to 4 digits after the point. Raises ValueError."""
    for unit in (from_unit, to_unit):
        if unit not in _UNITS:
            raise ValueError(f"unknown unit {unit}")
    (kind, size), (other, other_size) = _UNITS[from_unit], _UNITS[to_unit]
    if kind != other:
        raise ValueError(f"{from_unit} measures {kind}, {to_unit} {other}")
    return round(value * size / other_size, 4)


_COMPUTE: dict[str, Callable[..., Any]] = {
    "arithmetic": _arithmetic,
    "days_between": _days_between,
    "add_days": _add_days,
    "convert_units": _convert_units,
}
"""What a stub's `compute` can name; the arguments are the call's."""
