"""From a sample's values to the columns of its row, for each type of row.

Whatever the type, `prompt` and `response` hold the text that filters, judge and audit look at:
the last user's and the last assistant's turn, the chosen answer, the text itself. `conversation` and
`tools` hold the whole in OpenAI's form, as JSON, where prompt and response are not the whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gristmill.recipes.answers import InvalidAnswer
from gristmill.recipes.kinds import FaultKind
from gristmill.recipes.request import Message
from gristmill.recipes.sandbox import Evaluate
from gristmill.recipes.tool_calls import call_fault

Parts = Mapping[str, Any]
Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Output:
    """A compiled output: its parts, and how they become columns. `items` gives the list of a fan-out."""

    type: str
    parts: Mapping[str, Evaluate]
    items: Evaluate | None = None
    item: str = "item"
    spread: tuple[str, ...] = ()
    """Steps that the fan-out's items come from: a row's `fields` hold its own item instead of them."""

    def columns(self, values: Mapping[str, Any]) -> Columns:
        """The row's content. Raises InvalidAnswer when it is no sound row of its type."""
        parts = {name: part(values) for name, part in self.parts.items()}
        return _MAKERS[self.type](parts)


def _sft(parts: Parts) -> Columns:
    columns = {name: value for name, value in parts.items() if name != "system"}
    if parts.get("system"):
        turns = (("system", parts["system"]), ("user", parts["prompt"]), ("assistant", parts["response"]))
        columns["conversation"] = _json([{"role": role, "content": content} for role, content in turns])
    return columns


def _preference(parts: Parts) -> Columns:
    if parts["chosen"] == parts["rejected"]:
        raise _unsound("pair_equal", "the same text twice", "two different responses")
    for name in ("chosen", "rejected"):
        if not parts[name]:
            raise _unsound("pair_empty", f"{name} is empty", "two responses")
    columns = {name: value for name, value in parts.items() if name != "system"}
    if parts.get("system"):
        turns = (("system", parts["system"]), ("user", parts["prompt"]))
        columns["conversation"] = _json([{"role": role, "content": content} for role, content in turns])
    return {**columns, "response": parts["chosen"]}


def _text(parts: Parts) -> Columns:
    if not parts["text"]:
        raise _unsound("text_empty", "an empty text", "some text")
    columns = {name: value for name, value in parts.items() if name != "text"}
    return {**columns, "prompt": parts.get("prompt", ""), "response": parts["text"]}


def _chat(parts: Parts) -> Columns:
    messages: tuple[Message, ...] = parts["messages"]
    roles = [message.role for message in messages]
    if "user" not in roles or roles[-1] != "assistant" or "system" in roles[1:]:
        raise _unsound("bad_conversation", " ".join(roles) or "no turns", "turns from user to assistant at the end")
    if not all(message.content.strip() for message in messages):
        raise _unsound("empty_turn", " ".join(roles), "no turn without text")
    asked = next(message.content for message in reversed(messages) if message.role == "user")
    turns = [{"role": message.role, "content": message.content} for message in messages]
    rest = {name: value for name, value in parts.items() if name != "messages"}
    return {**rest, "prompt": asked, "response": messages[-1].content, "conversation": _json(turns)}


def _tool_call(parts: Parts) -> Columns:
    messages, tools = parts["messages"], parts["tools"]
    if not isinstance(messages, list) or not all(isinstance(turn, Mapping) and "role" in turn for turn in messages):
        raise TypeError("messages must be a list of messages with a role")
    fault = _tools_fault(messages, tools)
    if fault:
        raise _unsound("wrong_tool_call", fault, "calls of the tools that there are, with arguments of their schema")
    asked = [turn["content"] for turn in messages if turn["role"] == "user" and turn.get("content")]
    answers = [turn for turn in messages if turn["role"] == "assistant"]
    if not asked or not answers or messages[-1]["role"] != "assistant":
        raise _unsound("bad_conversation", " ".join(str(turn["role"]) for turn in messages), "user, then assistant")
    calls = [call["function"] for call in answers[-1].get("tool_calls") or ()]
    rest = {name: value for name, value in parts.items() if name not in ("messages", "tools")}
    return {
        **rest,
        "prompt": asked[-1],
        "response": answers[-1].get("content") or _json(calls),
        "conversation": _json(messages),
        "tools": _json(tools),
    }


def _tools_fault(messages: list[Any], tools: Any) -> str:
    """What is wrong with the first call that fits no tool; empty when all do."""
    calls = (call["function"] for turn in messages for call in turn.get("tool_calls") or ())
    return next((fault for call in calls if (fault := call_fault(call, tools))), "")


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _unsound(reason: str, found: str, expected: str) -> InvalidAnswer:
    return InvalidAnswer(reason, found, expected, FaultKind.WRONG_FORMAT)


_MAKERS: dict[str, Callable[[Parts], Columns]] = {
    "sft": _sft,
    "preference": _preference,
    "text": _text,
    "chat": _chat,
    "tool_call": _tool_call,
    "scores": dict,
}
