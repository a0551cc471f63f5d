"""Personal data and secrets never stand in a reject, a report or a log: they are replaced by their kind."""

import re

from gristmill.privacy.redact import redacted

EXCERPT_CHARACTERS = 2000
_READ_CHARACTERS = 2 * EXCERPT_CHARACTERS
_UNSURE_CHARACTERS = 1000
"""At the end of what was read a secret may be cut off, and then has no shape any more: this much is not shown."""

_SEED_PLACE = re.compile(r"seed [0-9a-f]{32}(?: [0-9a-f]{32})*(?:, draw \d+)?")
"""How the stages behind `ingest` say where a row comes from."""


def redact(text: str) -> str:
    """The text with each of them replaced by `[kind]`."""
    return redacted(text)


def redact_place(where: str) -> str:
    """The place redacted, unless it is a seed's: hashes that look like secrets, of our own making."""
    return where if _SEED_PLACE.fullmatch(where) else redact(where)


def excerpt(text: str) -> str:
    """The text, redacted and cut to `EXCERPT_CHARACTERS`."""
    shown = redact(text[:_READ_CHARACTERS])
    whole = len(text) <= _READ_CHARACTERS
    if whole and len(shown) <= EXCERPT_CHARACTERS:
        return shown
    return (shown if whole else shown[:-_UNSURE_CHARACTERS])[:EXCERPT_CHARACTERS] + " [...]"
