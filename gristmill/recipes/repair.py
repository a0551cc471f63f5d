"""Mending the usual damage to a JSON answer, before it is asked for again: code fences, text around it, a cut-off end.

What was cut off is only ever taken away: the last member that is not whole goes, then what is open is
closed. So nothing is made up, and what is left must still satisfy the schema to be taken.
"""

import re
from collections.abc import Iterator
from typing import Any

import orjson

_FENCED = re.compile(r"```[a-zA-Z]*\s*\n(.*?)(?:\n\s*```|\Z)", re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}


def repairs(text: str) -> Iterator[tuple[str, Any]]:
    """Values that the text may have meant, the least change first, each with the name of the damage."""
    fenced = unfenced(text)
    if fenced != text.strip():
        yield from _parsed("code_fence", fenced)
    inner = _first_value(fenced)
    if inner is not None:
        yield from _parsed("surrounding_text", inner)
        return
    start = _opening(fenced)
    if start is not None:
        for shortened in _closed(fenced[start:]):
            yield from _parsed("cut_off", shortened)


def unfenced(text: str) -> str:
    """What stands in the text's first code fence; without one the text, stripped."""
    found = _FENCED.search(text)
    return (found[1] if found else text).strip()


def unquoted(text: str) -> str:
    """The text without a code fence and without quotation marks around it."""
    bare = unfenced(text)
    return bare[1:-1].strip() if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'`" else bare


def _parsed(name: str, text: str) -> Iterator[tuple[str, Any]]:
    try:
        yield name, orjson.loads(text)
    except orjson.JSONDecodeError:
        return


def _opening(text: str) -> int | None:
    found = re.search(r"[{\[]", text)
    return found.start() if found else None


def _first_value(text: str) -> str | None:
    """The first object or list that is closed again; None when the text ends before that."""
    start = _opening(text)
    if start is None:
        return None
    for place, open_ in _open_brackets(text[start:]):
        if not open_:
            return text[start : start + place + 1]
    return None


def _closed(text: str) -> Iterator[str]:
    """The text cut back to where a member ended, closed; from the longest to the shortest."""
    ends = [(0, text[0])]
    for place, open_ in _open_brackets(text):
        if open_:
            ends.append((place, open_))
    for place, open_ in reversed(ends):
        part = text[: place + 1].rstrip()
        yield part.removesuffix(",") + "".join(_CLOSING[bracket] for bracket in reversed(open_))


def _open_brackets(text: str) -> Iterator[tuple[int, str]]:
    """At each comma and closing bracket outside of strings: its place and the brackets that are open after it."""
    open_, in_string, escaped = "", False, False
    for place, char in enumerate(text):
        if in_string:
            in_string, escaped = escaped or char != '"', char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in _CLOSING:
            open_ += char
        elif char in "}]":
            open_ = open_[:-1]
            yield place, open_
        elif char == ",":
            yield place, open_
