"""Texts with what is private taken out."""

import json
from typing import Any

from gristmill.privacy.finding import replaced, without_overlaps
from gristmill.privacy.personal import personal_data
from gristmill.privacy.secrets import secrets


def redacted(text: str) -> str:
    """The text with all personal data and secrets replaced by their kind; secrets win where both see something."""
    spans = without_overlaps([*personal_data(text), *secrets(text)])
    return replaced(text, spans) if spans else text


def in_json(text: str, change: Any) -> str:
    """A JSON text in which every string went through `change`; keys stay."""
    return json.dumps(_walk(json.loads(text), change), ensure_ascii=False)


def _walk(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_walk(each, change) for each in value]
    return {key: _walk(each, change) for key, each in value.items()} if isinstance(value, dict) else value
