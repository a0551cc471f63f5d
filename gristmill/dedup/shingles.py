"""Texts as sets of shingles: the 32-bit hashes of their runs of five words.

Words are runs of letters, digits and underscores of the NFKC-casefolded text. In scripts that put no blanks between
words (Han, kana, Thai, Lao, Burmese, Khmer) each letter is a word. A text of fewer than five words is one shingle, all
its words: two such texts are alike when their words are equal. A text without words has no shingle and resembles none.

Two different shingles of two texts are taken for one with probability 2^-32. That adds about n / 2^32 to the Jaccard
similarity of texts of n words: one ten-millionth for 450 words.

Work is done on the bytes of many texts at once; only texts beyond ASCII pass through Python one by one.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.stretches import Hashes, Ints, Stretches, hash_values

SHINGLE_WORDS = 5
"""Words in a shingle, as in FineWeb (Penedo et al. 2024, arXiv 2406.17557, section 3.4)."""

Members = npt.NDArray[np.uint32]

_NOTHING, _BLANK = (pa.scalar(text, pa.large_string()) for text in ("", " "))
_BEYOND = re.compile(r"[^\x00-\x7f]+")
_REMEMBERED_LENGTH = 8
_NOT_WORD = re.compile(r"\W+")
_ALONE = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")


def _fold_table() -> npt.NDArray[np.uint8]:
    """Each byte of a word in small letters; 0 for what stands between words."""
    table = np.zeros(256, dtype=np.uint8)
    for code in range(256):
        if code >= 0x80 or chr(code).isalnum() or chr(code) == "_":
            table[code] = ord(chr(code).lower()) if code < 0x80 else code
    return table


_FOLD = _fold_table()


@dataclass(frozen=True)
class Sets:
    """One set of shingles for each text: the members of all in one row, ascending and distinct within a set."""

    members: Members
    borders: Ints
    """Where each set begins, and at last where the last one ends: one more than there are sets."""

    @property
    def sizes(self) -> Ints:
        """Members of each set."""
        found: Ints = np.diff(self.borders)
        return found


def shingle_sets(texts: pa.Array) -> Sets:
    """The texts' sets of shingles, in their order; null counts as empty."""
    hashes, counts = _shingles(*_words(_plain(texts)))
    text = np.repeat(np.arange(len(counts), dtype=np.uint64), counts)
    keys = (text << np.uint64(32)) | (hashes >> np.uint64(32))
    keys.sort()
    if len(keys):
        keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
    borders = np.searchsorted(keys, np.arange(len(counts) + 1, dtype=np.uint64) << np.uint64(32))
    return Sets(keys.astype(np.uint32), borders.astype(np.int64))


def jaccard(one: Members, other: Members) -> float:
    """|one & other| / |one | other|; 0 when both are empty."""
    small, large = (one, other) if len(one) <= len(other) else (other, one)
    if not len(small):
        return 0.0
    places = np.minimum(np.searchsorted(large, small), len(large) - 1)
    both = int(np.count_nonzero(large[places] == small))
    return both / (len(one) + len(other) - both)


def _plain(texts: pa.Array) -> pa.Array:
    """The texts, those beyond ASCII folded to words with blanks between."""
    texts = pc.fill_null(texts.cast(pa.large_string()), "")
    beyond = pc.invert(pc.string_is_ascii(texts))
    if not pc.any(beyond).as_py():
        return texts
    folded = [_folded(text) for text in texts.filter(beyond).to_pylist()]
    return pc.replace_with_mask(texts, beyond, pa.array(folded, pa.large_string()))


def _folded(text: str) -> str:
    """NFKC_Casefold of what is not ASCII, once marks are joined with the letters before them; the rest as it is."""
    composed = text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
    return _BEYOND.sub(lambda run: _folded_run(run.group()), composed)


def _folded_run(run: str) -> str:
    return _folded_short(run) if len(run) <= _REMEMBERED_LENGTH else _fold(run)


def _fold(run: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", run).casefold())
    return _NOT_WORD.sub(" ", _ALONE.sub(r" \1 ", folded))


_folded_short = lru_cache(maxsize=1 << 16)(_fold)


def _words(texts: pa.Array) -> tuple[Hashes, Ints]:
    """Hashes of all words, and how many each text has."""
    ended = pc.binary_join_element_wise(texts, _NOTHING, _BLANK)
    offsets = np.frombuffer(ended.buffers()[1], dtype=np.int64)[ended.offset : ended.offset + len(ended) + 1]
    if not len(ended):
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
    data = np.frombuffer(ended.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    folded = _FOLD[data]
    within = folded != 0
    edges = np.flatnonzero(within[1:] != within[:-1]) + 1
    edges = np.concatenate(([0], edges)) if within[0] else edges
    start, end = edges[::2], edges[1::2]
    found = np.searchsorted(start, offsets - offsets[0])
    return Stretches(hash_values(folded)).between(start, end), np.diff(found)


def _shingles(words: Hashes, counts: Ints) -> tuple[Hashes, Ints]:
    """Hashes of all shingles, and how many each text has; repeats are kept."""
    shingles = np.where(counts > 0, np.maximum(counts - SHINGLE_WORDS + 1, 1), 0)
    behind, first = np.cumsum(shingles), np.cumsum(counts) - counts
    start = np.arange(behind[-1] if len(behind) else 0) + np.repeat(first - (behind - shingles), shingles)
    end = start + np.repeat(np.minimum(counts, SHINGLE_WORDS), shingles)
    return mixed(Stretches(words).between(start, end)), shingles


def mixed(values: Hashes) -> Hashes:
    """The finaliser of splitmix64 (Steele et al. 2014): every bit depends on every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: Hashes = values ^ (values >> np.uint64(31))
    return found
