"""Identities are content hashes (xxh3-128, 32 hexadecimal digits): never order, machine or number of restarts."""

from collections.abc import Iterable
from typing import Any

import orjson
import xxhash


def text_hash(text: str) -> str:
    """Hash of a text as it stands; callers normalise first."""
    return str(xxhash.xxh3_128_hexdigest(text.encode()))


def content_hash(value: Any) -> str:
    """Hash of a JSON-like value, independent of the order of keys."""
    return str(xxhash.xxh3_128_hexdigest(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)))


def sample_id(seed_ids: Iterable[str], recipe_hash: str, model: str, draw: int, row: int | None = None) -> str:
    """Identity of a sample: what it is written from, by which recipe and model, and which draw it is.

    `row` numbers the rows of a draw that gave several, in the order of the answer that they come from.
    """
    numbered = [] if row is None else [row]
    return content_hash([sorted(seed_ids), recipe_hash, model, draw, *numbered])
