"""Data and scripts inside a page: what a model wrote may stand in them and must stay data.

A script element ends at the first `</script`, whatever the JSON around it says; so no `<` is left in any.
Scripts are named to the browser by their hash (Content Security Policy, level 2): one that came in with a text would
not run.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_LIBRARY = "window.vegaEmbed = vegaEmbed;"


def safe_json(value: Any) -> str:
    """The value as JSON that can stand in a script element: equal to the value when parsed, without `<`, `>` or `&`."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def within(rows: Iterable[T], budget: int) -> list[T]:
    """The first rows whose JSON stays below `budget` bytes."""
    kept, size = [], 0
    for row in rows:
        size += len(safe_json(asdict(row)).encode())
        if size > budget:
            break
        kept.append(row)
    return kept


@cache
def library() -> str:
    """Vega, Vega-Lite and vega-embed as one script, from vl-convert's copy; once per page, for all charts."""
    import vl_convert

    script: str = vl_convert.javascript_bundle(_LIBRARY)
    return script


def asset(name: str) -> str:
    """A file that stands beside this module."""
    return files("gristmill.report").joinpath(name).read_text(encoding="utf-8")


def source_hash(script: str) -> str:
    """The script as a source expression of a Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
