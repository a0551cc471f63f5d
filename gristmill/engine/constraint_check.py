"""Whether an engine really holds its answers to a constraint: one tiny request that nobody would answer so by chance.

Endpoints ignore request fields they do not know (vLLM itself ignored `guided_choice` from the day it was renamed), and
an engine in process depends on which library decodes under constraints; a whole run would be rejected row by row.
"""

import re

import orjson

from gristmill.recipes.request import Answer, Constraint, ConstraintKind, Finish, Message, Request, Sampling

_OPTIONS = ("zq-7391", "zq-8264")
_PATTERN = r"zq-[0-9]{4}"
_GRAMMAR = 'root ::= "zq-" [0-9] [0-9] [0-9] [0-9]'
_SCHEMA = {
    "type": "object",
    "properties": {"zq": {"type": "integer", "enum": [7391]}},
    "required": ["zq"],
    "additionalProperties": False,
}
_CONSTRAINTS = {
    ConstraintKind.CHOICE: Constraint(ConstraintKind.CHOICE, _OPTIONS),
    ConstraintKind.REGEX: Constraint(ConstraintKind.REGEX, _PATTERN),
    ConstraintKind.JSON: Constraint(ConstraintKind.JSON, _SCHEMA),
    ConstraintKind.GRAMMAR: Constraint(ConstraintKind.GRAMMAR, _GRAMMAR),
}
_ASKED = "Say hello to the world."
_MAX_TOKENS = 48


def probe(kind: ConstraintKind, *, raw: bool) -> Request:
    """The request, as a conversation or as a raw prompt."""
    sampling = Sampling(temperature=0.0, max_tokens=_MAX_TOKENS)
    constraint = _CONSTRAINTS[kind]
    if raw:
        return Request("constraint-check", sampling, prompt=_ASKED, constraint=constraint)
    return Request("constraint-check", sampling, (Message("user", _ASKED),), constraint=constraint)


def is_held(kind: ConstraintKind, answer: Answer) -> bool:
    """Whether the probe's answer has the form. An object that was cut off has it when it began as one."""
    text = answer.text.strip()
    if kind is ConstraintKind.CHOICE:
        return text in _OPTIONS
    if kind in (ConstraintKind.REGEX, ConstraintKind.GRAMMAR):
        return re.fullmatch(_PATTERN, text) is not None
    if answer.finish_reason == Finish.LENGTH:
        return text.startswith("{")
    try:
        return bool(orjson.loads(text) == {"zq": 7391})
    except orjson.JSONDecodeError:
        return False
