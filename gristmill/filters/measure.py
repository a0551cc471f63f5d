"""What is to be counted of a chunk: columns, flags, and how they are measured for many new chunks at once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from gristmill.filters.cut import Chunks, cut, word_hashes
from gristmill.filters.marks import ends_sentence, is_punctuation, is_symbol
from gristmill.stretches import Hashes, Ints, Mask, Stretches, hash_values

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Gopher's eight (Rae et al. 2021, A.1.1); in small letters, as they stand."""
STOP_SHIFT = 16

_HINT = re.compile(rb"\x00(?:ipsum|policy|cookies)|(?:lorem|terms)\x00|\[\d*\]|\[edit\]|\[citation")


class Count(IntEnum):
    """The table's columns."""

    WORDS = 0
    """Words, marks included."""
    NAMES = 1
    """Words that are not marks alone."""
    NAME_CHARS = 2
    """Characters of these."""
    ALPHABETIC = 3
    """Words with a letter in them."""
    HASHES = 4
    ELLIPSES = 5
    CHARS = 6
    """Characters of the chunk."""
    SENTENCES = 7
    """Sentences that begin inside the chunk."""
    FLAGS = 8
    FIRST_WORD = 9
    """Number of the chunk's first word among all words of all chunks."""


class Flag(IntFlag):
    """What is true of a chunk; Gopher's stop words follow from bit 16 on."""

    SPEAKS = 1
    """Holds a word that is no punctuation: it can begin a sentence."""
    ENDS_BEFORE = 2
    """The end of a sentence stands before the first such word."""
    ENDS_AFTER = 4
    """The end of a sentence stands after the last such word, or there is no such word."""
    BULLET = 8
    """Begins like an item of a list."""
    TRAILS_OFF = 16
    """Ends in an ellipsis."""
    CLOSES = 32
    """Ends as C4 wants a line to end."""
    TERMINATES = 64
    """Ends in a mark that ends sentences."""
    BRACE = 128
    JAVASCRIPT = 256
    HINT = 512
    """The line around it has to be read: a citation, or a word of one of C4's phrases."""


_ALPHABETIC, _NAME, _SPEAKING, _END, _WIDE = 1, 2, 4, 8, 16
"""Bits of a word's kind: has a letter; is no mark; is no punctuation; ends sentences; has characters beyond ASCII."""


@dataclass(frozen=True)
class Measured:
    """The counts of some chunks, a row for each of `Count` but the last; their words' hashes and characters."""

    counts: Ints
    words: Hashes
    lengths: Ints


@dataclass(frozen=True)
class _Words:
    """The words of the chunks, in order: the chunk of each, where it begins, what it is."""

    chunk: Ints
    begin: Ints
    kind: Ints
    length: Ints
    hashes: Hashes


def measure(chunks: Chunks) -> Measured:
    """Cuts the chunks into words and counts what the filters ask for."""
    words = _words_of(chunks)
    count = len(chunks.start)
    inner, speech = _sentences(words, count)
    name = (words.kind & _NAME) > 0
    counts = {
        Count.WORDS: np.bincount(words.chunk, minlength=count),
        Count.NAMES: np.bincount(words.chunk[name], minlength=count),
        Count.NAME_CHARS: np.bincount(words.chunk, weights=words.length * name, minlength=count).astype(np.int64),
        Count.ALPHABETIC: np.bincount(words.chunk[(words.kind & _ALPHABETIC) > 0], minlength=count),
        Count.HASHES: chunks.count(chunks.data == ord("#")),
        Count.ELLIPSES: _ellipses(chunks),
        Count.CHARS: np.bincount(words.chunk, weights=words.length, minlength=count).astype(np.int64),
        Count.SENTENCES: inner,
        Count.FLAGS: speech | _flags(chunks) | _stop_words(words, count),
    }
    return Measured(np.stack([counts[column] for column in Count if column in counts]), words.hashes, words.length)


def _words_of(chunks: Chunks) -> _Words:
    stretches = Stretches(hash_values(chunks.data))
    begin = cut(chunks, stretches)
    chunk = chunks.owner(begin)
    end = np.minimum(np.append(begin[1:], len(chunks.data)), chunks.end[chunk])
    running = np.zeros(len(chunks.data) + 1, dtype=np.int64)
    np.cumsum((chunks.data & 0xC0) != 0x80, out=running[1:])
    kind = np.bitwise_or.reduceat(_byte_kinds()[chunks.data], begin).astype(np.int64)
    kind &= ~np.where(end - begin > 1, _END, 0)
    for place in np.flatnonzero(kind & _WIDE).tolist():
        kind[place] = kind_of(chunks.data[begin[place] : end[place]].tobytes().decode())
    return _Words(chunk, begin, kind, running[end] - running[begin], stretches.between(begin, end))


@lru_cache(maxsize=1 << 16)
def kind_of(word: str) -> int:
    """A word's kind, from its characters."""
    return (
        (_ALPHABETIC if any(character.isalpha() for character in word) else 0)
        | (0 if all(is_symbol(character) for character in word) else _NAME)
        | (_END if ends_sentence(word) else 0)
        | (0 if is_punctuation(word) else _SPEAKING)
    )


@cache
def _byte_kinds() -> npt.NDArray[np.uint8]:
    """The kind of each byte; a word's is the union of its bytes' kinds. Zero, the gap between chunks, is of none."""
    kinds = [0, *(kind_of(chr(code)) for code in range(1, 128)), *([_WIDE] * 128)]
    return np.array(kinds, dtype=np.uint8)


def _sentences(words: _Words, count: int) -> tuple[Ints, Ints]:
    """For each chunk, the sentences that begin inside it, and the flags that say how it joins those around it."""
    end = (words.kind & _END) > 0
    ends = np.zeros(len(end) + 1, dtype=np.int64)
    np.cumsum(end, out=ends[1:])
    speaking = np.flatnonzero((words.kind & _SPEAKING > 0) & ~end)
    chunk = words.chunk[speaking]
    opening = np.concatenate(([True], chunk[1:] != chunk[:-1]))[: len(chunk)]
    first_word = np.searchsorted(words.chunk, np.arange(count + 1))
    since = np.concatenate((np.zeros(1, dtype=np.int64), speaking[:-1]))[: len(speaking)]
    begins = ends[speaking] > ends[np.maximum(since, first_word[chunk])]
    flags = np.zeros(count, dtype=np.int64)
    flags[chunk] |= Flag.SPEAKS
    flags[chunk[opening & begins]] |= Flag.ENDS_BEFORE
    behind = first_word[:-1].copy()
    behind[chunk] = speaking  # the last of a chunk wins
    flags[ends[first_word[1:]] > ends[behind]] |= Flag.ENDS_AFTER
    return np.bincount(chunk[begins & ~opening], minlength=count), flags


def _flags(chunks: Chunks) -> Ints:
    """The flags that the chunks' bytes decide."""
    data, first, last = chunks.data, chunks.start, chunks.end - 1
    dots = (data[last] == ord(".")) & (data[last - 1] == ord(".")) & (data[last - 2] == ord("."))
    flags: Ints = Flag.BULLET * ((data[first] == ord("-")) | _begins(chunks, "•"))
    flags |= Flag.TRAILS_OFF * (dots | _ends(chunks, "…"))
    flags |= Flag.CLOSES * (np.isin(data[last], np.frombuffer(b".?!\"'", dtype=np.uint8)) & ~dots)
    flags |= Flag.TERMINATES * _terminates(chunks)
    flags |= Flag.BRACE * (chunks.count(data == ord("{")) > 0)
    lower = data.tobytes().lower()
    flags[_owners(chunks, re.finditer(b"javascript", lower))] |= Flag.JAVASCRIPT
    flags[_owners(chunks, _HINT.finditer(lower))] |= Flag.HINT
    return flags


def _owners(chunks: Chunks, matches: Iterator[re.Match[bytes]]) -> Ints:
    """The chunks that the matches' middles stand in."""
    middles = [(match.start() + match.end()) // 2 for match in matches]
    return chunks.owner(np.array(middles, dtype=np.int64))


def _begins(chunks: Chunks, character: str) -> Mask:
    return _bytes_at(chunks, chunks.start, character)


def _ends(chunks: Chunks, character: str) -> Mask:
    return _bytes_at(chunks, chunks.end - len(character.encode()), character)


def _bytes_at(chunks: Chunks, places: Ints, character: str) -> Mask:
    found = np.ones(len(places), dtype=np.bool_)
    for offset, byte in enumerate(character.encode()):
        found &= chunks.data[places + offset] == byte
    return found


def _terminates(chunks: Chunks) -> Mask:
    """Whether the last character ends sentences."""
    last = chunks.data[chunks.end - 1]
    found = np.isin(last, np.frombuffer(b".?!", dtype=np.uint8))
    for chunk in np.flatnonzero(last >= 128).tolist():
        found[chunk] = ends_sentence(chunks.text(chunk)[-1])
    return found


def _ellipses(chunks: Chunks) -> Ints:
    """How often `...` and `…` stand in each chunk."""
    found = np.zeros(len(chunks.start), dtype=np.int64)
    matches = re.finditer(r"\.\.\.|…".encode(), chunks.data.tobytes())
    np.add.at(found, _owners(chunks, matches), 1)
    return found


def _stop_words(words: _Words, count: int) -> Ints:
    """A bit for each stop word that a chunk has."""
    flags = np.zeros(count, dtype=np.int64)
    for bit, known in enumerate(word_hashes(STOP_WORDS)):
        flags[words.chunk[words.hashes == known]] |= 1 << (STOP_SHIFT + bit)
    return flags
