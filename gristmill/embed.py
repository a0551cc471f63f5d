"""Texts as vectors of length 1: mean of WordLlama's static token embeddings, in 256 dimensions.

The model is inside the package, and only looks up and adds: 10,000 short texts take half a second, without a network.
Chosen over hashed character 3- to 5-grams of the same width: on what a trigram model wrote from a language reference,
first generation, coverage moves 11.4 standard deviations against 5.9, MAUVE 7.9 against 3.6, Vendi 2.0
against 1.4, recall 1.4 against 4.0.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.errors import GristmillError

Vectors = npt.NDArray[np.float32]


class NoVector(GristmillError):
    """A text got no vector that could be compared."""


def embed(texts: Sequence[str]) -> Vectors:
    """One row for each text. Raises NoVector when a text gets none that could be compared."""
    return unit(_model().embed(list(texts)), texts)


def unit(found: npt.NDArray[Any], texts: Sequence[str]) -> Vectors:
    """The vectors of the texts at length 1. Raises NoVector where one has no direction."""
    found = found.astype(np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(lengths[:, 0]) | (lengths[:, 0] == 0))
    if len(bad):
        raise NoVector(
            f"no vector for {len(bad)} of {len(texts)} texts, the first: {texts[int(bad[0])][:80]!r}",
            expected="texts with words in them",
            do="remove such texts from the set",
        )
    vectors: Vectors = found / lengths
    return vectors


@cache
def _model() -> Any:
    import wordllama

    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
