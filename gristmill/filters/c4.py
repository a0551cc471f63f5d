"""C4's rules: enough sentences in lines that end like sentences.

Source: Raffel et al. 2020, arXiv 1910.10683, section 2.2; the longest word and the phrases about cookies and terms of
use are from the code that was published with it. C4 also takes the lines that don't count out of the text. This filter
decides and changes nothing. A sentence ends at a mark that ends sentences and the punctuation behind it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gristmill.filters.marks import ends_sentence, is_punctuation
from gristmill.filters.measure import Count, Flag
from gristmill.filters.statistics import Lines, Mask, Texts, spread, sums
from gristmill.filters.verdict import Rule, at_least
from gristmill.filters.words import split_chunk
from gristmill.params.published import C4Params
from gristmill.stretches import Ints

_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_POLICY = re.compile(r"terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies")
_LOREM, _BRACE = -2, -1
"""In place of a number of sentences: why the line's text is refused."""


@dataclass(frozen=True)
class C4:
    """Counts sentences in the lines that count; a brace or `lorem ipsum` in one of them refuses the text."""

    params: C4Params

    name = "c4"

    def text_rules(self, texts: Texts) -> Sequence[Rule]:
        """What is measured of each text."""
        lines = texts.split_lines
        found = self._sentences_by_line(texts, lines)
        lorem, brace = (np.bincount(lines.text[found == mark], minlength=texts.count) for mark in (_LOREM, _BRACE))
        border = np.searchsorted(lines.text, np.arange(texts.count + 1))
        sentences = sums(np.maximum(found, 0), border)
        return (
            Rule("c4_lorem_ipsum", lorem, lorem == 0, "no lorem ipsum"),
            Rule("c4_curly_bracket", brace, brace == 0, "no {"),
            at_least("c4_too_few_sentences", sentences, self.params.min_sentences),
        )

    def _sentences_by_line(self, texts: Texts, lines: Lines) -> Ints:
        """Sentences of each line that counts, 0 for the others; `_LOREM` or `_BRACE` where the text is refused."""
        border = texts.line_chunks(lines)
        size = np.diff(border)
        flags = spread(np.bitwise_or, texts.flags, border)
        counts = self._counts(texts, border) & ~((flags & Flag.JAVASCRIPT > 0) & self.params.javascript)
        found = np.where(counts, _sentences(texts, border), 0)
        if self.params.curly_bracket:
            found[counts & (flags & Flag.BRACE > 0)] = _BRACE
        for line in np.flatnonzero((flags & Flag.HINT > 0) & (size >= self.params.min_words_per_line)).tolist():
            start, end = texts.chunk_start[border[line]], texts.chunk_end[border[line + 1] - 1]
            found[line] = self.read_line(texts.string(int(start), int(end)))
        return found

    def _counts(self, texts: Texts, border: Ints) -> Mask:
        """Lines that are long enough, end as they should and have no word that is too long."""
        size = np.diff(border)
        mask = (size > 0) & (size >= self.params.min_words_per_line)
        if self.params.end_mark:
            mask[mask] = (texts.flags[border[1:][mask] - 1] & Flag.CLOSES) > 0
        longest = spread(np.maximum, texts.counted(Count.CHARS), border)
        return mask & (longest <= self.params.max_word_chars)

    def read_line(self, line: str) -> int:
        """The same for one line without white space at its ends, by its text: citations are taken out first."""
        bounds, words = self.params, line.split()
        if len(words) < bounds.min_words_per_line or any(len(word) > bounds.max_word_chars for word in words):
            return 0
        line = _CITATION.sub("", line)
        if bounds.end_mark and (not line.endswith((".", "?", "!", '"', "'")) or line.endswith("...")):
            return 0
        lower = line.lower()
        if bounds.lorem_ipsum and "lorem ipsum" in lower:
            return _LOREM
        if bounds.javascript and "javascript" in lower:
            return 0
        if bounds.curly_bracket and "{" in line:
            return _BRACE
        return 0 if bounds.policy and _POLICY.search(lower) else count_sentences(line)


def count_sentences(line: str) -> int:
    """Sentences in a line of text."""
    count, ended = 1 if line.strip() else 0, False
    for word in (word for chunk in line.split() for word in split_chunk(chunk)):
        if ends_sentence(word):
            ended = True
        elif ended and not is_punctuation(word):
            count, ended = count + 1, False
    return count


def _sentences(texts: Texts, border: Ints) -> Ints:
    """Sentences of each line: those that begin inside chunks, and those that begin with a chunk after an end."""
    flags = texts.flags
    ends = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum((flags & Flag.ENDS_AFTER) > 0)))
    speaking = np.flatnonzero(flags & Flag.SPEAKS)
    line_begin = np.repeat(border[:-1], np.diff(border))[speaking - border[0]] if len(speaking) else speaking
    since = np.maximum(np.concatenate((np.zeros(1, dtype=np.int64), speaking[:-1]))[: len(speaking)], line_begin)
    begins = np.zeros(len(flags), dtype=np.int64)
    begins[speaking] = (ends[speaking] > ends[since]) | ((flags[speaking] & Flag.ENDS_BEFORE) > 0)
    return sums(texts.counted(Count.SENTENCES) + begins, border) + (np.diff(border) > 0)
