"""Cuts many chunks into words at once, from their bytes; the same words as `gristmill.filters.words.split_chunk`.

The chunks lie in one array, two zero bytes behind each. In a chunk of the ordinary kind the bytes around tell where it
is cut: marks at its ends are words of their own, and inside it parts at certain signs between letters or
digits. Chunks with anything that needs more than that (an apostrophe, a run of marks, an abbreviation, a unit behind a
number, an address, a character beyond ASCII) are left to `split_chunk`, one by one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from gristmill.filters.words import PARTED, UNITS, WHOLE, split_chunk
from gristmill.stretches import Hashes, Ints, Mask, Stretches, hash_values

Bytes = npt.NDArray[np.uint8]

GAP = 2
_LOWER, _UPPER, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_SMALL_CORE = 2
"""What is left of many emoticons and abbreviations without the marks at their ends."""


@dataclass(frozen=True)
class Chunks:
    """Chunks in one array of bytes, each followed by `GAP` zeros; `GAP` zeros stand before the first, too."""

    data: Bytes
    start: Ints
    end: Ints

    @classmethod
    def gather(cls, data: Bytes, start: Ints, end: Ints) -> "Chunks":
        """These stretches of the data, put one after the other."""
        size = end - start
        last = np.cumsum(size + GAP) + GAP
        begin = last - size - GAP
        found = np.zeros(int(last[-1]) if len(last) else GAP, dtype=np.uint8)
        within = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
        found[np.repeat(begin, size) + within] = data[np.repeat(start, size) + within]
        return cls(found, begin, begin + size)

    def count(self, marked: Mask) -> Ints:
        """How many marked bytes each chunk has."""
        running = np.zeros(len(marked) + 1, dtype=np.int64)
        np.cumsum(marked, out=running[1:])
        found: Ints = running[self.end] - running[self.start]
        return found

    def owner(self, places: Ints) -> Ints:
        """The chunk that each place stands in."""
        found: Ints = np.searchsorted(self.start, places, side="right") - 1
        return found

    def text(self, chunk: int) -> str:
        """One chunk as text."""
        return self.data[self.start[chunk] : self.end[chunk]].tobytes().decode()


def cut(chunks: Chunks, stretches: Stretches) -> Ints:
    """Where words begin, in the array of the chunks, in order."""
    shape = _Shape(chunks)
    begins = shape.begins()
    for chunk in np.flatnonzero(shape.special(stretches)).tolist():
        place, end = int(chunks.start[chunk]), int(chunks.end[chunk])
        begins[place:end] = False
        for word in split_chunk(chunks.text(chunk)):
            begins[place] = True
            place += len(word.encode())
    return np.flatnonzero(begins)


class _Shape:
    """The chunks' parts: marks before, core, marks behind; and the signs at which the core parts."""

    def __init__(self, chunks: Chunks) -> None:
        data = chunks.data
        self._chunks, self._data = chunks, data
        self._before, self._after = np.roll(data, 1), np.roll(data, -1)
        self._name = _among(_LOWER + _UPPER + _DIGITS)[data]
        begin, final = _ends(chunks, ~_among('%=,:;!?()[]{}<>_#*&"`$')[data], ~self._suffixes())
        self._core_start, self._core_end = np.minimum(begin, chunks.end), np.maximum(final, chunks.start)
        self._inside = _spans(len(data), self._core_start + 1, self._core_end - 1)
        self._parting = self._inside & self._signs()

    def _suffixes(self) -> Mask:
        """Bytes that are taken from an end; a dot only behind a small letter, a digit, some marks or two capitals."""
        data, before = self._data, self._before
        capitals = _among(_UPPER)[before] & _among(_UPPER)[np.roll(before, 1)]
        dot = (data == ord(".")) & (_among(_LOWER + _DIGITS + '%+-,:;!?()[]{}<>_#*&"`')[before] | capitals)
        found: Mask = _among(',:;!?()[]{}<>_#*&"`')[data] | dot
        return found

    def _signs(self) -> Mask:
        data, before, after = self._data, self._before, self._after
        letter = _among(_LOWER + _UPPER)
        found: Mask = (
            (_among("-~:<>=/")[data] & self._name_at(before) & letter[after])
            | ((data == ord(",")) & letter[before] & letter[after])
            | ((data == ord(".")) & _among(_LOWER)[before] & _among(_UPPER)[after])
            | (_among("+-*^")[data] & _among(_DIGITS)[before] & _among(_DIGITS + "-")[after])
        )
        return found

    def _name_at(self, data: Bytes) -> Mask:
        found: Mask = _among(_LOWER + _UPPER + _DIGITS)[data]
        return found

    def begins(self) -> Mask:
        """Where words begin, if the chunks are all of the ordinary kind."""
        chunks = self._chunks
        marks = _spans(len(self._data), chunks.start, self._core_start) | _spans(
            len(self._data), self._core_end, chunks.end
        )
        marks[self._core_start[self._core_start < self._core_end]] = True
        found: Mask = marks | self._parting | np.roll(self._parting, 1)
        return found

    def special(self, stretches: Stretches) -> Mask:
        """Chunks that are not of the ordinary kind."""
        chunks = self._chunks
        size, names = chunks.end - chunks.start, chunks.count(self._name)
        plain_marks = chunks.count(_among("-=*#|/~%&")[self._data]) == size
        known = self._known(stretches)
        odd = known | (chunks.count(self._troubling()) > 0) | self._addresses()
        odd |= np.where(names > 0, self._core_end - self._core_start <= _SMALL_CORE, ~plain_marks)
        found: Mask = np.where(names == size, known, odd) | self._units(stretches)
        return found

    def _known(self, stretches: Stretches) -> Mask:
        """Cores that part or stay whole by themselves, or with the mark before them or the dot behind them."""
        words, dots = _special_hashes()
        start, end = self._core_start, np.maximum(self._core_end, self._core_start)
        before, behind = np.maximum(start - 1, self._chunks.start), np.minimum(end + 1, self._chunks.end)
        found: Mask = np.isin(stretches.between(start, end), words) | np.isin(stretches.between(before, end), words)
        return found | np.isin(stretches.between(start, behind), dots)

    def _troubling(self) -> Mask:
        """Bytes that need a closer look at the chunk around them."""
        data, before, after = self._data, self._before, self._after
        farther, letter = np.roll(before, 1), _among(_LOWER + _UPPER)
        dashes = (data == ord("-")) & (before == ord("-")) & (self._name_at(farther) | letter[after])
        single = self._parting & ~(self._name_at(np.roll(after, -1)) & self._name_at(farther))
        inside = self._inside | _at(len(data), self._core_start) | _at(len(data), self._core_end - 1)
        found: Mask = (
            (data >= 128)
            | _among("'@")[data]
            | dashes
            | single
            | _pairs()[before.astype(np.int64) * 256 + data]
            | (inside & _among('"`$')[data])
            | (self._inside & (data == ord(",")) & (before == ord(".")))  # the letter before may own the dot
            | (self._inside & (data == ord(".")) & (before == ord(",")))
            | (_at(len(data), self._core_start) & (data == ord("+")))
            | (_at(len(data), self._core_end - 1) & _among("+%")[data])
        )
        return found

    def _addresses(self) -> Mask:
        """A dot inside, and a sign at which the core would part."""
        dots = self._chunks.count(self._inside & (self._data == ord(".")))
        found: Mask = (dots > 0) & (self._chunks.count(self._parting) > 0)
        return found

    def _units(self, stretches: Stretches) -> Mask:
        """A unit behind a digit at the core's end."""
        other = np.flatnonzero(~_among(_LOWER + _UPPER)[self._data])
        last = other[np.searchsorted(other, self._core_end) - 1]
        found = (self._core_end - 1 > last) & _among(_DIGITS)[self._data[last]]
        places = np.flatnonzero(found)
        found[places] = np.isin(stretches.between(last[places] + 1, self._core_end[places]), _unit_hashes())
        return found


def _ends(chunks: Chunks, no_prefix: Mask, no_suffix: Mask) -> tuple[Ints, Ints]:
    """The first byte of each chunk that is no mark, and the place behind the last one."""
    first, last = np.flatnonzero(no_prefix), np.flatnonzero(no_suffix)
    begin = first[np.searchsorted(first, chunks.start)]
    final = last[np.searchsorted(last, chunks.end) - 1] + 1
    return begin, final


def _spans(size: int, start: Ints, end: Ints) -> Mask:
    """Marks what lies between each start and its end; the spans don't overlap."""
    real = end > start
    steps = np.zeros(size + 1, dtype=np.int8)
    np.add.at(steps, start[real], 1)
    np.add.at(steps, end[real], -1)
    found: Mask = np.cumsum(steps[:-1], dtype=np.int8) > 0
    return found


def _at(size: int, places: Ints) -> Mask:
    found = np.zeros(size, dtype=np.bool_)
    found[places] = True
    return found


@cache
def _among(characters: str) -> Mask:
    found = np.zeros(256, dtype=np.bool_)
    found[list(characters.encode())] = True
    return found


@cache
def _pairs() -> Mask:
    """Two bytes that, side by side, may be one word: two dots, and the emoticons without letters."""
    found = np.zeros(1 << 16, dtype=np.bool_)
    emoticons = (w for w in WHOLE if len(w) == 2 and w.isascii() and not any(c.isalpha() for c in w))
    for pair in (*emoticons, ".."):
        found[ord(pair[0]) * 256 + ord(pair[1])] = True
    return found


@cache
def _special_hashes() -> tuple[Hashes, Hashes]:
    """Hashes of what is no ordinary core; and of what ends in a dot that belongs to it."""
    words = word_hashes([*PARTED, *(w for w in WHOLE if w[-1] != "."), "space"])
    return words, word_hashes(w for w in (*WHOLE, *PARTED) if w[-1] == ".")


@cache
def _unit_hashes() -> Hashes:
    return word_hashes(unit for unit in UNITS if unit.isascii() and unit.isalpha())


def word_hashes(words: Iterable[str]) -> Hashes:
    """The hashes of words as they have them among chunks."""
    encoded = [word.encode() for word in words]
    end = np.cumsum([len(word) for word in encoded])
    start = end - np.array([len(word) for word in encoded])
    return Stretches(hash_values(np.frombuffer(b"".join(encoded), dtype=np.uint8))).between(start, end)
