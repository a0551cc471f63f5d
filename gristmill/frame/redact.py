"""Personal data and secrets never stand in a reject, a report or a log: they are replaced by their kind."""

from gristmill.privacy.redact import redacted

EXCERPT_CHARACTERS = 2000
_READ_CHARACTERS = 2 * EXCERPT_CHARACTERS
_UNSURE_CHARACTERS = 1000
"""At the end of what was read a secret may be cut off, and then has no shape any more: this much is not shown."""


def redact(text: str) -> str:
    """The text with each of them replaced by `[kind]`."""
    return redacted(text)


def excerpt(text: str) -> str:
    """The text, redacted and cut to `EXCERPT_CHARACTERS`."""
    shown = redact(text[:_READ_CHARACTERS])
    whole = len(text) <= _READ_CHARACTERS
    if whole and len(shown) <= EXCERPT_CHARACTERS:
        return shown
    return (shown if whole else shown[:-_UNSURE_CHARACTERS])[:EXCERPT_CHARACTERS] + " [...]"
