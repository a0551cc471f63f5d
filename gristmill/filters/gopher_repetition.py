"""Gopher's repetition rules: texts that say the same again and again.

Source: Rae et al. 2021, arXiv 2112.11446, table A1. As in datatrove, lines are separated by one or more line
feeds, paragraphs by two or more; a repeat is a line or paragraph that stands in the same text before; the most frequent
n-gram counts with all its occurrences and the blanks inside it; repeated 5- to 10-grams are counted from
left to right without overlap. All shares are of the text's characters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gristmill.filters.repeats import Ngrams, repeated
from gristmill.filters.statistics import Lines, Mask, Texts
from gristmill.filters.verdict import Measures, Rule, at_most, share
from gristmill.params.published import GopherRepetitionParams
from gristmill.stretches import Ints

_TOP, _DUPLICATE = (2, 3, 4), (5, 6, 7, 8, 9, 10)


@dataclass(frozen=True)
class GopherRepetition:
    """The thirteen shares of the table. N-grams are looked at only where lines and paragraphs passed."""

    params: GopherRepetitionParams

    name = "gopher_repetition"

    def text_rules(self, texts: Texts) -> Sequence[Rule]:
        """What is measured of each text."""
        rules = [*self._paragraph_rules(texts), *self._line_rules(texts)]
        open_texts = np.flatnonzero(np.logical_and.reduce([rule.holds for rule in rules]))
        if open_texts.size:
            rules += _Repeats(texts, open_texts).rules(self.params)
        return rules

    def _paragraph_rules(self, texts: Texts) -> tuple[Rule, Rule]:
        found = _paragraphs(texts)
        again = repeated(texts.hashes(found.start, found.end), found.text)
        count, chars = _totals(texts, found, again)
        every = np.maximum(np.bincount(found.text, minlength=texts.count), 1)
        return (
            at_most("gopher_duplicate_paragraphs", share(count, every), self.params.max_duplicate_paragraphs),
            at_most(
                "gopher_duplicate_paragraph_chars", share(chars, texts.chars), self.params.max_duplicate_paragraph_chars
            ),
        )

    def _line_rules(self, texts: Texts) -> tuple[Rule, Rule]:
        lines = texts.lines
        count, chars = _totals(texts, lines, texts.repeated_lines)
        filled = np.bincount(lines.text[lines.end > lines.start], minlength=texts.count)
        before, after = _outer_line_feeds(texts)
        return (
            at_most(
                "gopher_duplicate_lines",
                share(count + (before & after), filled + before + after),
                self.params.max_duplicate_lines,
            ),
            at_most("gopher_duplicate_line_chars", share(chars, texts.chars), self.params.max_duplicate_line_chars),
        )


class _Repeats:
    """The n-grams of some of the texts; what is measured is given for all texts, 0 for the others."""

    def __init__(self, texts: Texts, chosen: Ints) -> None:
        self._texts, self._chosen = texts, chosen

    @cached_property
    def _ngrams(self) -> Ngrams:
        wanted = np.zeros(self._texts.count, dtype=np.bool_)
        wanted[self._chosen] = True
        words, lengths, counts = self._texts.words(np.repeat(wanted, np.diff(self._texts.chunk_borders)))
        return Ngrams(words, lengths, counts)

    def rules(self, bounds: GopherRepetitionParams) -> list[Rule]:
        """The rules on n-grams; the repeated ones are counted only where a bound on them does not settle it."""
        tops = [at_most(f"gopher_top_{n}gram", self._share(self._ngrams.top_chars(n)), bounds.top(n)) for n in _TOP]
        passed = np.logical_and.reduce([rule.holds for rule in tops])
        duplicates = []
        for n in _DUPLICATE:
            measured = self._share(self._ngrams.repeated_chars_at_most(n))
            doubtful = np.flatnonzero(passed & (measured > bounds.duplicate(n)))
            measured[doubtful] = self._ngrams.repeated_chars(n, doubtful) / self._texts.chars[doubtful]
            rule = at_most(f"gopher_duplicate_{n}grams", measured, bounds.duplicate(n))
            passed = passed & rule.holds
            duplicates.append(rule)
        return [*tops, *duplicates]

    def _share(self, chars: Ints) -> Measures:
        return share(np.where(np.isin(np.arange(self._texts.count), self._chosen), chars, 0), self._texts.chars)


def _paragraphs(texts: Texts) -> Lines:
    """What empty lines separate, once white space is taken from the text's ends."""
    lines = texts.lines
    filled = lines.end > lines.start
    inner = filled[1:] & filled[:-1] & (lines.text[1:] == lines.text[:-1])
    first = np.flatnonzero(filled & ~np.concatenate(([False], inner)))
    last = np.flatnonzero(filled & ~np.concatenate((inner, [False])))
    border = texts.chunk_borders
    text = lines.text[first]
    has = border[1:][text] > border[:-1][text]
    first, last, text = first[has], last[has], text[has]
    start = np.maximum(lines.start[first], texts.chunk_start[border[:-1][text]])
    end = np.minimum(lines.end[last], texts.chunk_end[border[1:][text] - 1])
    real = end > start
    return Lines(start[real], end[real], text[real])


def _totals(texts: Texts, lines: Lines, chosen: Mask) -> tuple[Ints, Ints]:
    """How many lines of each text were chosen, and their characters."""
    text = lines.text[chosen]
    chars = texts.char_lengths(lines.start[chosen], lines.end[chosen])
    totals = np.bincount(text, weights=chars, minlength=texts.count)
    return np.bincount(text, minlength=texts.count), totals.astype(np.int64)


def _outer_line_feeds(texts: Texts) -> tuple[Ints, Ints]:
    """1 where a text begins with a line feed, 1 where it ends with one: an empty line stands before or after."""
    start, end = texts.borders[:-1], texts.borders[1:] - 1
    filled = end > start
    before = filled & (texts.bytes[start] == ord("\n"))
    after = filled & (texts.bytes[np.maximum(end - 1, 0)] == ord("\n"))
    return before.astype(np.int64), after.astype(np.int64)
