"""Statistics of many texts at once, from one view of their bytes: chunks, lines, and how often each line comes.

The texts of a batch lie one after the other in a buffer, each with a line feed behind it. White space cuts it into
chunks, whose counts come from the `Vocabulary`; line feeds cut it into lines. A running polynomial hash over the
buffer's bytes gives the hash of any stretch of it by one subtraction: equal stretches are found without making
a single string. Everything is computed when first asked for.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters.cut import Chunks
from gristmill.filters.measure import STOP_SHIFT, Count
from gristmill.filters.repeats import repeated
from gristmill.filters.vocabulary import Vocabulary
from gristmill.stretches import Hashes, Ints, Stretches, hash_values

Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

_LINE_FEED, _RETURN = 10, 13
_BLANKS = (9, 10, 11, 12, 13, 28, 29, 30, 31, 32)
_LINE_ENDS = (10, 11, 12, 13, 28, 29, 30)
_WIDE_BLANKS = "\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_WIDE_LINE_ENDS = "\x85\u2028\u2029"


@dataclass(frozen=True)
class Lines:
    """Stretches of the buffer, in order, none of them across two texts."""

    start: Ints
    end: Ints
    text: Ints
    """The number of the text that each stands in."""


class Texts:
    """The texts of one batch. Nulls count as empty."""

    def __init__(self, column: pa.Array, vocabulary: Vocabulary) -> None:
        texts = pc.fill_null(column.cast(pa.large_string()), "")
        self.count = len(texts)
        joined = pc.binary_join_element_wise(
            texts, pa.scalar("", pa.large_string()), pa.scalar("\n", pa.large_string())
        )
        offsets = np.frombuffer(joined.buffers()[1], dtype=np.int64)[joined.offset : joined.offset + self.count + 1]
        data = joined.buffers()[2]
        self.raw: memoryview = memoryview(data) if data is not None and self.count else memoryview(b"")
        self.bytes: Bytes = np.frombuffer(self.raw, dtype=np.uint8)[: int(offsets[-1]) if self.count else 0]
        self.borders: Ints = offsets if self.count else np.zeros(1, dtype=np.int64)
        """Where each text begins in the buffer; the next one's border is one behind its line feed."""
        self._vocabulary = vocabulary

    @cached_property
    def chars(self) -> Ints:
        """Characters of each text."""
        return self.char_lengths(self.borders[:-1], self.borders[1:] - 1)

    def char_lengths(self, start: Ints, end: Ints) -> Ints:
        """Characters in stretches of the buffer."""
        if self._char_count is None:
            return end - start
        found: Ints = self._char_count[end] - self._char_count[start]
        return found

    def string(self, start: int, end: int) -> str:
        """A stretch of the buffer as text."""
        return bytes(self.raw[start:end]).decode()

    @cached_property
    def _char_count(self) -> Ints | None:
        """Characters before each byte; None where every byte is one."""
        if not self._wide.size:
            return None
        counts = np.zeros(len(self.bytes) + 1, dtype=np.int64)
        np.cumsum((self.bytes & 0xC0) != 0x80, out=counts[1:])
        return counts

    @cached_property
    def _wide(self) -> Ints:
        """Where characters of more than one byte begin."""
        return np.flatnonzero(self.bytes >= 0xC0)

    @cached_property
    def _blank(self) -> Mask:
        return self._marked(_BLANKS, _WIDE_BLANKS)

    def _marked(self, codes: tuple[int, ...], wide: str) -> Mask:
        """Where one of the characters stands; those of several bytes in all of these."""
        marked = _table(codes)[self.bytes]
        if not self._wide.size:
            return marked
        places = self._wide[_table((0xC2, 0xE1, 0xE2, 0xE3))[self.bytes[self._wide]]]
        lead, second, third = (self.bytes[places + i].astype(np.int64) for i in range(3))
        code = lead << 16 | second << 8 | np.where(lead == 0xC2, 0, third)
        found = places[np.isin(code, _codes(wide))]
        for offset in range(3):
            marked[found[(offset < 2) | (self.bytes[found] != 0xC2)] + offset] = True
        return marked

    # --- chunks

    @cached_property
    def _edges(self) -> Ints:
        blank = self._blank
        edges = np.flatnonzero(blank[1:] != blank[:-1]) + 1
        return edges if not len(blank) or blank[0] else np.concatenate(([0], edges))

    @cached_property
    def chunk_start(self) -> Ints:
        """Where each chunk begins in the buffer."""
        return np.ascontiguousarray(self._edges[0::2])

    @cached_property
    def chunk_end(self) -> Ints:
        """Where each chunk ends in the buffer."""
        return np.ascontiguousarray(self._edges[1::2])

    @cached_property
    def chunk_borders(self) -> Ints:
        """The first chunk of each text, and the number of chunks at the end."""
        return np.searchsorted(self.chunk_start, self.borders).astype(np.int64)

    @cached_property
    def chunks(self) -> Ints:
        """The number of each chunk in the vocabulary."""
        encoded = pa.array(self.hashes(self.chunk_start, self.chunk_end)).dictionary_encode()
        places = encoded.indices.to_numpy()
        first = np.zeros(len(encoded.dictionary), dtype=np.int64)
        first[places[::-1]] = np.arange(len(places))[::-1]
        start, end = self.chunk_start[first], self.chunk_end[first]
        numbers = self._vocabulary.numbers(
            encoded.dictionary.to_pylist(), lambda new: Chunks.gather(self.bytes, start[new], end[new])
        )
        found: Ints = numbers[places]
        return found

    def counted(self, count: Count) -> Ints:
        """One count of each chunk."""
        chunks = self.chunks  # asked for first: it may enlarge the table
        return self._vocabulary.column(count)[chunks]

    def total(self, count: Count) -> Ints:
        """The sum of a count over each text."""
        return sums(self.counted(count), self.chunk_borders)

    @cached_property
    def flags(self) -> Ints:
        """`Flag`s of each chunk."""
        return self.counted(Count.FLAGS)

    @cached_property
    def stop_words(self) -> Ints:
        """How many of Gopher's stop words each text has."""
        bits = spread(np.bitwise_or, self.flags >> STOP_SHIFT, self.chunk_borders)
        return np.bitwise_count(bits).astype(np.int64)

    def words(self, chunks: Mask) -> tuple[Hashes, Ints, Ints]:
        """The words of the chunks chosen, in order: hashes, characters, and how many words each text has of them."""
        numbers = self.chunks[chunks]
        size, first = self._vocabulary.column(Count.WORDS)[numbers], self._vocabulary.column(Count.FIRST_WORD)[numbers]
        last = np.cumsum(size)
        places = np.repeat(first - (last - size), size) + np.arange(int(last[-1]) if len(last) else 0)
        in_text = sums(np.where(chunks, self.counted(Count.WORDS), 0), self.chunk_borders)
        return self._vocabulary.word_hashes[places], self._vocabulary.word_lengths[places], in_text

    # --- lines

    @cached_property
    def lines(self) -> Lines:
        """What line feeds separate, empty ones and the last included."""
        return self._cut(np.flatnonzero(self.bytes == _LINE_FEED))

    @cached_property
    def split_lines(self) -> Lines:
        """The lines as `str.splitlines` gives them: more line ends, and none after the last line end."""
        ends = np.flatnonzero(self._marked(_LINE_ENDS, _WIDE_LINE_ENDS))
        behind = np.minimum(ends + 1, len(self.bytes) - 1)
        pair = (self.bytes[ends] == _RETURN) & (self.bytes[behind] == _LINE_FEED) & ~np.isin(behind, self.borders - 1)
        ends = ends[~pair & ((self.bytes[ends] & 0xC0) != 0x80)]
        width = 1 + (self.bytes[ends] >= 0xC0) + (self.bytes[ends] >= 0xE0)
        return _without_last_empty(self._cut(ends, width), self.borders)

    def _cut(self, ends: Ints, width: Ints | int = 1) -> Lines:
        start = np.concatenate((np.zeros(1, dtype=np.int64), (ends + width)[:-1]))[: len(ends)]
        text = np.searchsorted(self.borders, start, side="right") - 1
        return Lines(start, ends, text.astype(np.int64))

    def line_chunks(self, lines: Lines) -> Ints:
        """The first chunk of each line, and the number of chunks at the end."""
        first = np.searchsorted(self.chunk_start, lines.start)
        return np.append(first, len(self.chunk_start)).astype(np.int64)

    @cached_property
    def repeated_lines(self) -> Mask:
        """Whether an equal line stands before it in its text; of `lines`. Empty ones are none."""
        lines = self.lines
        filled = np.flatnonzero(lines.end > lines.start)
        found = np.zeros(len(lines.start), dtype=np.bool_)
        found[filled] = repeated(self.hashes(lines.start[filled], lines.end[filled]), lines.text[filled])
        return found

    def hashes(self, start: Ints, end: Ints) -> Hashes:
        """Hashes of stretches of the buffer."""
        return self._rolling.between(start, end)

    @cached_property
    def _rolling(self) -> Stretches:
        return Stretches(hash_values(self.bytes))


def sums(values: Ints, borders: Ints) -> Ints:
    """Sums of the values between each border and the next."""
    running = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=running[1:])
    found: Ints = running[borders[1:]] - running[borders[:-1]]
    return found


def spread(combine: np.ufunc, values: Ints, borders: Ints) -> Ints:
    """The values between each border and the next, combined; 0 where there are none."""
    found = np.zeros(len(borders) - 1, dtype=np.int64)
    filled = np.flatnonzero(borders[1:] > borders[:-1])
    if filled.size:
        found[filled] = combine.reduceat(values, borders[:-1][filled])
    return found


def _without_last_empty(lines: Lines, borders: Ints) -> Lines:
    """Lines without the empty stretch behind a text's last line end."""
    keep = ~(np.isin(lines.end, borders[1:] - 1) & (lines.start >= lines.end))
    return Lines(lines.start[keep], lines.end[keep], lines.text[keep])


@cache
def _table(codes: tuple[int, ...]) -> Mask:
    found = np.zeros(256, dtype=np.bool_)
    found[list(codes)] = True
    return found


@cache
def _codes(characters: str) -> Ints:
    """Characters of two or three bytes, each as the number that its bytes make, on the left of three."""
    return np.array([int.from_bytes(character.encode().ljust(3, b"\0")) for character in characters], dtype=np.int64)
