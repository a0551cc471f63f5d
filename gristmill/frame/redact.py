"""Personal data and secrets never stand in a reject, a report or a log: they are replaced by their kind.

A short list of shapes that are unmistakable. It errs towards redacting too much.
"""

import re

_SHAPES = (
    (
        "private-key",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    ),
    ("aws-key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,})")),
    ("jwt", re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*")),
    (
        "secret",
        re.compile(r"(?i)\b(?:password|passwd|secret|api[_-]?key|access[_-]?token)\b\s*[:=]\s*['\"]?[^\s'\",;]{6,}"),
    ),
    ("email", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("card", re.compile(r"\b(?:\d[ -]?){13,19}\b")),
    ("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b")),
    ("phone", re.compile(r"(?<![\w.])\+\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}\b")),
)

EXCERPT_CHARACTERS = 2000
_READ_CHARACTERS = 2 * EXCERPT_CHARACTERS
_UNSURE_CHARACTERS = 1000
"""At the end of what was read a secret may be cut off, and then has no shape any more: this much is not shown."""


def redact(text: str) -> str:
    """The text with each such shape replaced by `[kind]`."""
    for kind, shape in _SHAPES:
        text = shape.sub(f"[{kind}]", text)
    return text


def excerpt(text: str) -> str:
    """The text, redacted and cut to `EXCERPT_CHARACTERS`."""
    shown = redact(text[:_READ_CHARACTERS])
    whole = len(text) <= _READ_CHARACTERS
    if whole and len(shown) <= EXCERPT_CHARACTERS:
        return shown
    return (shown if whole else shown[:-_UNSURE_CHARACTERS])[:EXCERPT_CHARACTERS] + " [...]"
