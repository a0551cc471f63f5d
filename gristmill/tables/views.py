"""Published rows in the shapes that trainers read: one function from a row to a record for each shape.

`alpaca` (Taori et al. 2023), `sharegpt` (FastChat), and those of TRL: `messages`, `dpo` (explicit prompt,
conversational), `kto` (unpaired: a pair gives two records), `grpo` (prompt alone, with the reference answer
and the verifier's name), `text`. A row whose type has no place in a shape gives no record; that is counted.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

import pyarrow as pa

from gristmill.schema import MESSAGE

Row = Mapping[str, Any]
Record = dict[str, Any]


class View(StrEnum):
    """A shape of records."""

    ALPACA = "alpaca"
    SHAREGPT = "sharegpt"
    MESSAGES = "messages"
    DPO = "dpo"
    KTO = "kto"
    GRPO = "grpo"
    TEXT = "text"


COLUMNS = ("type", "prompt", "response", "chosen", "rejected", "conversation", "tools", "reference", "verifier")
"""What a view reads of a row, beside `messages` and the identity."""

_SHARED = {"sample_id": pa.string()}
_TURNS = pa.list_(pa.field("element", MESSAGE))
_SHAREGPT = pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())]))
_SHAREGPT_ROLES = {"system": "system", "user": "human", "assistant": "gpt", "tool": "tool"}
_CALL = pa.struct([("type", pa.string()), ("function", pa.struct([("name", pa.string()), ("arguments", pa.string())]))])
_CALLING = pa.list_(
    pa.struct([("role", pa.string()), ("content", pa.string()), ("name", pa.string()), ("tool_calls", pa.list_(_CALL))])
)

SCHEMAS: dict[View, pa.Schema] = {
    view: pa.schema({**columns, **_SHARED})
    for view, columns in {
        View.ALPACA: {"instruction": pa.string(), "input": pa.string(), "output": pa.string()},
        View.SHAREGPT: {"conversations": _SHAREGPT, "tools": pa.string()},
        View.MESSAGES: {"messages": _CALLING, "tools": pa.string()},
        View.DPO: {"prompt": _TURNS, "chosen": _TURNS, "rejected": _TURNS},
        View.KTO: {"prompt": _TURNS, "completion": _TURNS, "label": pa.bool_()},
        View.GRPO: {"prompt": _TURNS, "reference": pa.string(), "verifier": pa.string()},
        View.TEXT: {"text": pa.string()},
    }.items()
}
"""The records' columns, explicit: the same for every release."""


def records(row: Row, view: View) -> Iterator[Record]:
    """The row's records, none where its type has no place in the view."""
    for record in _MAKERS[view](row):
        yield {**record, "sample_id": row["sample_id"]}


def _alpaca(row: Row) -> Iterator[Record]:
    turns = _conversation(row)
    if row["type"] in ("sft", "chat", "preference") and [turn["role"] for turn in turns] == ["user", "assistant"]:
        yield {"instruction": turns[0]["content"], "input": "", "output": turns[1]["content"]}


def _sharegpt(row: Row) -> Iterator[Record]:
    turns = [
        {"from": _SHAREGPT_ROLES[turn["role"]], "value": turn.get("content") or _calls(turn)}
        for turn in _conversation(row)
    ]
    if turns:
        yield {"conversations": turns, "tools": row["tools"]}


def _messages(row: Row) -> Iterator[Record]:
    turns = [_calling(turn) for turn in _conversation(row)]
    if turns:
        yield {"messages": turns, "tools": row["tools"]}


def _dpo(row: Row) -> Iterator[Record]:
    if row["type"] == "preference":
        yield {"prompt": _asked(row), "chosen": _said(row["chosen"]), "rejected": _said(row["rejected"])}


def _kto(row: Row) -> Iterator[Record]:
    if row["type"] == "preference":
        for name in ("chosen", "rejected"):
            yield {"prompt": _asked(row), "completion": _said(row[name]), "label": name == "chosen"}


def _grpo(row: Row) -> Iterator[Record]:
    if row["reference"] is not None and row["type"] in ("sft", "chat", "preference"):
        yield {"prompt": _asked(row), "reference": row["reference"], "verifier": row["verifier"]}


def _text(row: Row) -> Iterator[Record]:
    if row["type"] == "text":
        yield {"text": row["response"]}


def _conversation(row: Row) -> list[dict[str, Any]]:
    """All turns; of a pair those with the chosen answer, of a plain text none."""
    if row["type"] == "text":
        return []
    told: list[dict[str, Any]] = json.loads(row["conversation"]) if row["conversation"] else []
    if told and row["type"] != "preference":
        return told
    return [*(told or _turns(user=row["prompt"])), *_said(row["response"])]


def _asked(row: Row) -> list[dict[str, Any]]:
    """The turns before the last answer."""
    return _conversation(row)[:-1]


def _said(text: str) -> list[dict[str, Any]]:
    return _turns(assistant=text)


def _turns(**contents: str) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in contents.items()]


def _calling(turn: Mapping[str, Any]) -> dict[str, Any]:
    """A turn whose tool calls have their arguments as JSON texts: one column type for all tools."""
    calls = [
        {"type": "function", "function": {"name": call["function"]["name"], "arguments": _arguments(call)}}
        for call in turn.get("tool_calls") or ()
    ]
    return {
        "role": turn["role"],
        "content": turn.get("content") or "",
        "name": turn.get("name"),
        "tool_calls": calls or None,
    }


def _arguments(call: Mapping[str, Any]) -> str:
    given = call["function"]["arguments"]
    return given if isinstance(given, str) else json.dumps(given)


def _calls(turn: Mapping[str, Any]) -> str:
    return json.dumps([call["function"] for call in turn.get("tool_calls") or ()])


_MAKERS: dict[View, Callable[[Row], Iterator[Record]]] = {
    View.ALPACA: _alpaca,
    View.SHAREGPT: _sharegpt,
    View.MESSAGES: _messages,
    View.DPO: _dpo,
    View.KTO: _kto,
    View.GRPO: _grpo,
    View.TEXT: _text,
}
