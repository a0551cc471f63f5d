"""Gopher's quality rules: cheap signs that a text was not written as prose.

Source: Rae et al. 2021, arXiv 2112.11446, section A.1.1 and table A1. What the paper leaves open is settled
as datatrove settles it, with which FineWeb was made: words are those of `gristmill.filters.words`, marks included;
marks are left out of the number of words and their mean length, and count in the three shares of words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gristmill.filters.measure import Count, Flag
from gristmill.filters.statistics import Lines, Texts, sums
from gristmill.filters.verdict import Rule, at_least, at_most, share
from gristmill.params.published import GopherQualityParams
from gristmill.stretches import Ints


@dataclass(frozen=True)
class GopherQuality:
    """The paper's rules on single documents; the first that fails gives the reason."""

    params: GopherQualityParams

    name = "gopher_quality"

    def text_rules(self, texts: Texts) -> Sequence[Rule]:
        """What is measured of each text."""
        bounds = self.params
        names, words = texts.total(Count.NAMES), texts.total(Count.WORDS)
        length = share(texts.total(Count.NAME_CHARS), names)
        hashes, ellipses = share(texts.total(Count.HASHES), words), share(texts.total(Count.ELLIPSES), words)
        return (
            at_least("gopher_too_few_words", names, bounds.min_words),
            at_most("gopher_too_many_words", names, bounds.max_words),
            at_least("gopher_words_too_short", length, bounds.min_mean_word_length),
            at_most("gopher_words_too_long", length, bounds.max_mean_word_length),
            at_most("gopher_hashes", hashes, bounds.max_hashes_per_word),
            at_most("gopher_ellipses", ellipses, bounds.max_ellipses_per_word),
            *self._line_rules(texts),
            at_least(
                "gopher_words_without_letters", share(texts.total(Count.ALPHABETIC), words), bounds.min_alphabetic_words
            ),
            at_least("gopher_stop_words", texts.stop_words, bounds.min_stop_words),
        )

    def _line_rules(self, texts: Texts) -> tuple[Rule, Rule]:
        lines = texts.split_lines
        count = np.bincount(lines.text, minlength=texts.count)
        bullets, trailing = _marked_lines(texts, lines)
        return (
            at_most("gopher_bullet_lines", share(bullets, count), self.params.max_bullet_lines),
            at_most("gopher_ellipsis_lines", share(trailing, count), self.params.max_ellipsis_lines),
        )


def _marked_lines(texts: Texts, lines: Lines) -> tuple[Ints, Ints]:
    """How many lines of each text begin like an item of a list, and how many end in an ellipsis."""
    border = texts.line_chunks(lines)
    filled = np.flatnonzero(border[1:] > border[:-1])
    first, last = texts.flags[border[:-1][filled]], texts.flags[border[1:][filled] - 1]
    in_text = np.searchsorted(lines.text[filled], np.arange(texts.count + 1))
    bullets, trailing = (first & Flag.BULLET) // Flag.BULLET, (last & Flag.TRAILS_OFF) // Flag.TRAILS_OFF
    return sums(bullets, in_text), sums(trailing, in_text)
