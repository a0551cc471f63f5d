"""Conversations: a fixed list of templates, lists of turns that a step or a seed gave, or both together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.recipes.request import Message, Role
from gristmill.recipes.sandbox import Evaluate, Render

_ROLES = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Turns:
    """The parts in order: a role with a template, or None with an expression for a list of turns."""

    parts: tuple[tuple[str, Render] | tuple[None, Evaluate], ...] = ()

    def messages(self, values: Mapping[str, Any]) -> tuple[Message, ...]:
        """The conversation. Raises TypeError when a list holds something else than turns."""
        found: list[Message] = []
        for role, part in self.parts:
            if role is None:
                found += turns_in(part(values))
            else:
                found.append(Message(role, part(values)))
        return tuple(found)


def turns_in(value: Any) -> list[Message]:
    """Turns given as a list of mappings with `role` and `content`. Raises TypeError on anything else."""
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise TypeError(f"turns must be a list of turns with role and content, not {type(value).__name__}")
    for turn in value:
        if not (isinstance(turn, Mapping) and turn.get("role") in _ROLES and isinstance(turn.get("content"), str)):
            raise TypeError(f"a turn has a role (system, user, assistant) and a content, not {str(turn)[:80]!r}")
    return [Message(str(turn["role"]), turn["content"]) for turn in value]
