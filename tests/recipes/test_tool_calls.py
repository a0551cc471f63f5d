"""Calls held against tools, and stubs that answer in their place."""

from typing import Any

import pytest

from gristmill.recipes.tool_calls import call_fault, stub_result

TOWN = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Weather.", "parameters": TOWN}}]
STUBS = {
    "weather": {"table": [{"when": {"town": "Brunsby"}, "gives": {"sky": "clear"}}], "otherwise": {"error": "unknown"}},
    "sum": {"compute": "arithmetic"},
    "days": {"compute": "days_between"},
    "later": {"compute": "add_days"},
    "convert": {"compute": "convert_units"},
}


@pytest.mark.parametrize(
    ("name", "arguments", "fault"),
    [
        ("weather", {"town": "Brunsby"}, ""),
        ("weather", '{"town": "Brunsby"}', ""),
        ("weather", {}, "weather: 'town' is a required property"),
        ("weather", {"town": 3}, "weather: 3 is not of type 'string'"),
        ("tides", {}, "there is no tool 'tides'"),
        ("weather", "{", "weather: arguments are no JSON: unexpected end of data: line 1 column 2 (char 1)"),
    ],
)
def test_call_fault_tells_why_a_call_fits_no_tool(name: str, arguments: Any, fault: str) -> None:
    assert call_fault({"name": name, "arguments": arguments}, TOOLS) == fault


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("weather", {"town": " brunsby "}, {"sky": "clear"}),
        ("weather", {"town": "Rome"}, {"error": "unknown"}),
        ("unheard_of", {}, None),
        ("sum", {"expression": "(12.5 + 3) * 4 - 2^3"}, {"result": 54.0}),
        ("sum", {"expression": "1 / 3"}, {"result": 0.333333}),
        ("sum", {"expression": "1 / 0"}, {"error": "float division by zero"}),
        ("sum", {"expression": "9 ** 9 ** 9"}, {"error": "a power out of bounds"}),
        ("sum", {"expression": "1e15 * 10"}, {"error": "a number out of bounds"}),
        ("sum", {"expression": "open('x')"}, {"error": "only numbers, brackets and + - * / % ** can be calculated"}),
        ("sum", {"expression": "1 +"}, {"error": "no arithmetic expression: 1 +"}),
        ("sum", {"expression": "1+" * 200}, {"error": "longer than 200 characters"}),
        ("days", {"start": "2024-02-28", "end": "2024-03-01"}, {"result": 2}),
        ("days", {"start": "2024-02-30", "end": "2024-03-01"}, {"error": "day is out of range for month"}),
        ("later", {"start": "2025-01-31", "days": -31}, {"result": "2024-12-31"}),
        ("later", {"start": "2025-01-31", "days": 10**8}, {"error": "date value out of range"}),
        ("convert", {"value": 26.2, "from_unit": "mi", "to_unit": "km"}, {"result": 42.1648}),
        ("convert", {"value": 1, "from_unit": "kg", "to_unit": "m"}, {"error": "kg measures mass, m length"}),
        ("convert", {"value": 1, "from_unit": "st", "to_unit": "kg"}, {"error": "unknown unit st"}),
    ],
)
def test_stub_result_is_the_tables_or_the_functions(name: str, arguments: dict[str, Any], result: Any) -> None:
    assert stub_result({"name": name, "arguments": arguments}, STUBS) == result
