"""Equal stretches of a sequence, found by hashes: repeated lines and n-grams of many texts at once.

`Groups` puts equal hashes of a text together with one sort: in the 64 bits sorted stand the text, then the hash, then
the place. An (n+1)-gram repeats only where its n-gram does: each length looks only at what the shorter one left.

The hash keeps about 36 bits in a batch of ordinary size: in one of 100,000 texts of 1,000 words, two different n-grams
are taken for equal.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gristmill.stretches import Hashes, Ints, Mask, Stretches


@dataclass(frozen=True)
class Groups:
    """Places sorted so that equal ones of a text stand together, in the order of the text."""

    place: Ints
    first: Ints
    """Where each group begins in `place`."""
    size: Ints

    @cached_property
    def each_size(self) -> Ints:
        """The size of the group of every place."""
        return np.repeat(self.size, self.size)

    @cached_property
    def again(self) -> Mask:
        """Every place but the first of each group."""
        mask = np.ones(len(self.place), dtype=np.bool_)
        mask[self.first] = False
        return mask


def group(hashes: Hashes, place: Ints, text: Ints) -> Groups:
    """Groups of equal hashes in the same text, text by text; `place` numbers each hash."""
    if not len(place):
        return Groups(place, place, place)
    low, high = int(place.max()).bit_length(), max(1, int(text.max()).bit_length())
    mark = np.uint64((1 << low) - 1)
    keys = (hashes >> np.uint64(high)) & ~mark | place.astype(np.uint64)
    keys |= text.astype(np.uint64) << np.uint64(64 - high)
    keys.sort()
    same = keys >> np.uint64(low)
    first = np.flatnonzero(np.concatenate(([True], same[1:] != same[:-1])))
    return Groups((keys & mark).astype(np.int64), first, np.diff(first, append=len(keys)))


def repeated(hashes: Hashes, text: Ints) -> Mask:
    """Whether an equal hash stands before it in its text."""
    found = np.zeros(len(hashes), dtype=np.bool_)
    groups = group(hashes, np.arange(len(hashes)), text)
    found[groups.place[groups.again]] = True
    return found


class Ngrams:
    """The n-grams of the words of many texts: `words` are hashes, `lengths` characters, `counts` words of each text."""

    def __init__(self, words: Hashes, lengths: Ints, counts: Ints) -> None:
        self._texts = len(counts)
        self._text = np.repeat(np.arange(self._texts), counts)
        self._end = np.cumsum(counts)
        self._start = self._end - counts
        self._stretches = Stretches(words)
        self._chars = np.zeros(len(words) + 1, dtype=np.int64)
        np.cumsum(lengths, out=self._chars[1:])
        self._found: dict[int, Groups] = {}

    def groups(self, n: int) -> Groups:
        """The n-grams that occur more than once in their text, and perhaps some that occur once."""
        if n not in self._found:
            places = np.arange(len(self._text)) if n == 2 else self._repeated_places(n - 1)
            places = places[places + n <= self._end[self._text[places]]]
            self._found[n] = group(self._stretches.between(places, places + n), places, self._text[places])
        return self._found[n]

    def _repeated_places(self, n: int) -> Ints:
        groups = self.groups(n)
        return groups.place[groups.each_size > 1]

    def top_chars(self, n: int) -> Ints:
        """Characters (with one blank between words) of each text's most frequent n-gram, all occurrences together.

        Of several that are as frequent, the one that comes first counts; without repeats, the text's first.
        """
        groups = self.groups(n)
        several = np.flatnonzero(groups.size > 1)
        first, size = groups.place[groups.first[several]], groups.size[several]
        best = np.where(self._end - self._start >= n, 1, 0)
        at = self._start.copy()
        text = self._text[first]
        if len(text):
            border = np.flatnonzero(np.concatenate(([True], text[1:] != text[:-1])))
            last = len(self._text)
            winner = np.maximum.reduceat(size * (last + 1) + (last - first), border)
            best[text[border]], at[text[border]] = winner // (last + 1), last - winner % (last + 1)
        end = np.minimum(at + n, len(self._text))
        found: Ints = best * (self._chars[end] - self._chars[np.minimum(at, len(self._text))] + n - 1)
        return found

    def repeated_chars_at_most(self, n: int) -> Ints:
        """Characters of the words that some repeat of an n-gram covers: a bound on `repeated_chars`."""
        groups = self.groups(n)
        places = groups.place[groups.again]
        steps = np.zeros(len(self._text) + 1, dtype=np.int64)
        np.add.at(steps, places, 1)
        np.add.at(steps, places + n, -1)
        covered = np.cumsum(steps[:-1]) > 0
        running = np.zeros(len(self._chars), dtype=np.int64)
        np.cumsum(np.diff(self._chars) * covered, out=running[1:])
        found: Ints = running[self._end] - running[self._start]
        return found

    def repeated_chars(self, n: int, texts: Ints) -> Ints:
        """Characters of repeated n-grams of the texts named, read from left to right: after a repeat, on behind it."""
        groups = self.groups(n)
        number = np.repeat(np.arange(len(groups.size)), groups.size)
        wanted = np.isin(self._text[groups.place], texts) & (groups.each_size > 1)
        place, number = groups.place[wanted], number[wanted]
        order = np.argsort(place)
        place, number = place[order], number[order]
        border = np.searchsorted(place, np.stack((self._start[texts], self._end[texts])))
        return np.array([self._walk(place[a:b], number[a:b], n) for a, b in border.T.tolist()], dtype=np.int64)

    def _walk(self, places: Ints, numbers: Ints, n: int) -> int:
        seen: set[int] = set()
        free = chars = 0
        lengths = (self._chars[places + n] - self._chars[places]).tolist()
        for place, number, length in zip(places.tolist(), numbers.tolist(), lengths, strict=True):
            if place < free:
                continue
            if number in seen:
                chars += length
                free = place + n
            seen.add(number)
        return chars
