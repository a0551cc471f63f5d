"""FineWeb's own rules: what tells a list, a menu or a listing from a text, by the look of its lines.

Source: Penedo et al. 2024, arXiv 2406.17557, section 3.6, with the constants of its released configuration. Lines
are separated by line feeds; those of white space alone don't count.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gristmill.filters.measure import Count, Flag
from gristmill.filters.statistics import Texts
from gristmill.filters.verdict import Rule, at_least, at_most, share
from gristmill.params.published import FinewebParams


@dataclass(frozen=True)
class Fineweb:
    """Four rules on lines; a text without any is refused by the first."""

    params: FinewebParams

    name = "fineweb"

    def text_rules(self, texts: Texts) -> Sequence[Rule]:
        """What is measured of each text."""
        bounds, lines = self.params, texts.lines
        border = texts.line_chunks(lines)
        filled = np.flatnonzero(border[1:] > border[:-1])
        last, end, text = border[1:][filled] - 1, lines.end[filled], lines.text[filled]
        chars = texts.char_lengths(lines.start[filled], end)
        ended = ((texts.flags[last] & Flag.TERMINATES) > 0) & (texts.chunk_end[last] == end)
        count = np.bincount(text, minlength=texts.count)
        again = np.bincount(text, weights=chars * texts.repeated_lines[filled], minlength=texts.count)
        newlines = np.bincount(lines.text, minlength=texts.count) - 1
        ended_share = share(np.bincount(text, weights=ended, minlength=texts.count), count)
        short_share = share(np.bincount(text, weights=chars <= bounds.short_line_chars, minlength=texts.count), count)
        per_word = share(newlines, texts.total(Count.WORDS))
        return (
            at_least("fineweb_no_lines", count, 1),
            at_least("fineweb_lines_without_end", ended_share, bounds.min_ended_lines),
            at_most("fineweb_short_lines", short_share, bounds.max_short_lines),
            at_most(
                "fineweb_duplicate_line_chars", share(again, texts.chars - newlines), bounds.max_duplicate_line_chars
            ),
            at_most("fineweb_newlines", per_word, bounds.max_newlines_per_word),
        )
