"""Where vectors come from: WordLlama (inside its package), a sentence-transformers model, or an endpoint.

A text that gets no vector is an error, and so is an endpoint that fails: nothing is kept because it was not compared.
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gristmill.embed import Vectors, embed, unit
from gristmill.errors import GristmillError, InputError

Embedder = Callable[[Sequence[str]], Vectors]
"""Texts -> one vector of length 1 for each."""

WORDLLAMA = "wordllama"
_TIMEOUT_SECONDS = 120
_AT_ONCE = 256


def embedder(model: str, endpoint: str | None) -> Embedder:
    """The embedder for a model: WordLlama, a folder or name for sentence-transformers, or what an endpoint calls it."""
    if endpoint is not None:
        return lambda texts: _from_endpoint(texts, model, f"{endpoint.rstrip('/')}/embeddings")
    return embed if model == WORDLLAMA else _sentence_transformer(model)


def _sentence_transformer(model: str) -> Embedder:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise InputError(
            f"the model {model!r} needs sentence-transformers, which is not installed",
            where="semantic_dedup.model",
            expected=f"{WORDLLAMA}, or a model at an endpoint (semantic_dedup.endpoint)",
            do="pip install sentence-transformers",
        ) from None
    loaded = SentenceTransformer(model)
    return lambda texts: unit(np.asarray(loaded.encode(list(texts), show_progress_bar=False)), texts)


def _from_endpoint(texts: Sequence[str], model: str, address: str) -> Vectors:
    parts = [_ask(texts[first : first + _AT_ONCE], model, address) for first in range(0, len(texts), _AT_ONCE)]
    return unit(np.array([vector for part in parts for vector in part], dtype=np.float32), texts)


def _ask(texts: Sequence[str], model: str, address: str) -> list[list[float]]:
    """The endpoint's vectors, in the order of the texts."""
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("GRISTMILL_API_KEY") or os.environ.get("OPENAI_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    body = json.dumps({"model": model, "input": list(texts)}).encode()
    request = urllib.request.Request(address, body, headers)  # noqa: S310 (params allow http and https only)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as reply:  # noqa: S310
            return _vectors(json.load(reply), len(texts))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GristmillError(
            f"no embeddings: {type(error).__name__}: {error}",
            where=address,
            expected=f"{len(texts)} vectors of the model {model}, in OpenAI's form",
            do="check the address, the model's name and the key, then run this again",
        ) from None


def _vectors(reply: Any, count: int) -> list[list[float]]:
    found = sorted(reply["data"], key=lambda entry: entry["index"])
    if [entry["index"] for entry in found] != list(range(count)):
        raise ValueError(f"{len(found)} vectors came back")
    return [entry["embedding"] for entry in found]
