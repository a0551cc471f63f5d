"""Hashes of the n-grams of many texts at once. A word is a run of letters and digits, in small letters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from gristmill.filters.verdict import Measures, share
from gristmill.stretches import Hashes, Ints, Stretches

_ROW = np.uint64(0x9E3779B97F4A7C15)
"""Sets the n-grams of different rows apart."""


@dataclass(frozen=True)
class Grams:
    """The n-grams of some texts: the hash of each and the number of its text, text by text."""

    hashes: Hashes
    text: Ints


class Worded:
    """Texts as words; nulls have none. Memory: about 40 bytes for each word."""

    def __init__(self, texts: pa.Array | Sequence[str]) -> None:
        column = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())
        lowered = pc.utf8_lower(pc.fill_null(column.cast(pa.large_string()), ""))
        plain = pc.utf8_trim(pc.replace_substring_regex(lowered, r"[^\p{L}\p{N}\p{M}]+", " "), " ")
        lists = pc.split_pattern(plain, " ")
        words = lists.flatten()
        sizes = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
        filled = pc.not_equal(words, "").to_numpy(zero_copy_only=False)
        owner = np.repeat(np.arange(len(sizes)), sizes)[filled]
        encoded = words.filter(pa.array(filled)).dictionary_encode()
        known = np.fromiter(
            map(xxhash.xxh3_64_intdigest, encoded.dictionary.cast(pa.large_binary()).to_pylist()), np.uint64
        )
        places = encoded.indices.to_numpy(zero_copy_only=False)
        self.count = len(sizes)
        self._owner = owner
        self._stretches = Stretches(known[places] if len(places) else np.zeros(0, dtype=np.uint64))

    def grams(self, n: int) -> Grams:
        """All n-grams; a text with fewer words has none."""
        last = len(self._owner) - n + 1
        if last <= 0:
            return Grams(np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64))
        start = np.arange(last)
        start = start[self._owner[start] == self._owner[start + n - 1]]
        return Grams(self._stretches.between(start, start + n), self._owner[start])


def common_share(own: Grams, theirs: Grams, total: Ints) -> Measures:
    """By text, the share of its n-grams that the other text of the same number has, too; `total` are its n-grams."""
    first = own.hashes + own.text.astype(np.uint64) * _ROW
    second = theirs.hashes + theirs.text.astype(np.uint64) * _ROW
    return share(np.bincount(own.text[np.isin(first, second)], minlength=len(total)), total)
