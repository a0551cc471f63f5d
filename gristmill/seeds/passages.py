"""Documents are cut into passages, each a verbatim slice.

By paragraphs (and inside a heading's part): a passage takes whole paragraphs while they fit. A paragraph that
doesn't fit begins a new passage, unless what is there is still too small: then sentences fill it up. A passage that
ends up too small at the end of a document takes sentences back from the one before it. By sentences: as many as fit,
paragraphs make no difference. By tokens: as many words as fit. With an overlap, each passage after the first begins
with the last sentences (or words) of the one before it, as far as they fit into that many tokens.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.params.ingest import PassageBorder, Passages
from gristmill.text import Span, estimate_tokens, paragraph_spans, sentence_spans

_WORD = re.compile(r"\S+")
_PLAIN_WORD = re.compile(r"[^\W\d_]+(?:['’\-/][^\W\d_]+)*")  # noqa: RUF001 (the typographic apostrophe is meant)
_AROUND_WORDS = "\"'“”‘’„«»()[].,;:!?…—-*_"  # noqa: RUF001 (typographic quotes are meant)
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", '."', ".)", ".”")  # noqa: RUF001 (full-width marks are meant)
_PLAIN_WORDS_SHARE = 0.6


@dataclass(frozen=True)
class Passage:
    """A slice of a document: `text` stands at `offset`, in characters."""

    offset: int
    text: str
    tokens: int
    """Estimated by gristmill.text.estimate_tokens."""


@dataclass(frozen=True)
class _Unit:
    """A sentence, or a piece of one that is larger than a passage."""

    start: int
    end: int
    tokens: int
    gap: int
    """Tokens that joining it to the unit before costs: the white space between, or a cut word made whole."""
    paragraph: int


def split(text: str, limits: Passages) -> list[Passage]:
    """The text's passages in order, none larger than `max_tokens`; white space between passages is in none.

    Unless cut by tokens, no passage begins or ends inside a sentence, except where one sentence alone is larger than
    a passage: that is cut between words (and a single word that large between characters). Passages smaller
    than `min_tokens` come about only when the whole text is smaller or no border allows better.
    """
    room, least = limits.max_tokens - limits.overlap_tokens, limits.min_tokens
    units = _units(text, room, words=limits.by is PassageBorder.TOKENS)
    paragraphs = limits.by in (PassageBorder.PARAGRAPHS, PassageBorder.HEADINGS)
    groups: list[list[_Unit]] = []
    for paragraph in _by_paragraph(units) if paragraphs else [list(units)]:
        _place(groups, paragraph, room, least)
    _fill_last(groups, room, least)
    before = [[], *groups]
    return [
        _passage(text, [*_last(former, limits.overlap_tokens), *group])
        for former, group in zip(before, groups, strict=False)
    ]


def prose_share(text: str) -> float:
    """Share of the text's characters (white space left out) that stand in lines of prose, from 0 to 1.

    A line is prose when at least 60% of its words are plain words, and it has four words or more
    or ends a sentence: code, grammar, tables and lists of names are none.
    """
    total = prose = 0
    for line in text.splitlines():
        length = sum(map(len, line.split()))
        total += length
        prose += length if _is_prose(line) else 0
    return prose / total if total else 0.0


def _is_prose(line: str) -> bool:
    words = line.split()
    plain = sum(1 for word in words if _is_plain(word))
    long_enough = len(words) >= 4 or line.rstrip().endswith(_SENTENCE_ENDS)
    return bool(words) and long_enough and plain >= _PLAIN_WORDS_SHARE * len(words)


def _is_plain(word: str) -> bool:
    """Letters, perhaps in quotes or brackets; of scripts that set no blanks between words, mostly letters."""
    bare = word.strip(_AROUND_WORDS)
    if bare.isascii():
        return bool(_PLAIN_WORD.fullmatch(bare))
    return sum(map(str.isalpha, bare)) >= 0.8 * len(bare)


def _place(groups: list[list[_Unit]], paragraph: list[_Unit], max_tokens: int, min_tokens: int) -> None:
    """Adds a paragraph whole to the last passage, or begins a new one; sentences fill a passage that is too small."""
    if groups and _size([*groups[-1], *paragraph]) > max_tokens and _size(groups[-1]) >= min_tokens:
        groups.append([])
    for unit in paragraph:
        if not groups or _size([*groups[-1], unit]) > max_tokens:
            groups.append([])
        groups[-1].append(unit)


def _fill_last(groups: list[list[_Unit]], max_tokens: int, min_tokens: int) -> None:
    """Moves sentences to the last passage while it is too small and the one before it can spare them."""
    while len(groups) > 1 and _size(groups[-1]) < min_tokens:
        *kept, spare = groups[-2]
        if not kept or _size(kept) < min_tokens or _size([spare, *groups[-1]]) > max_tokens:
            return
        groups[-2:] = [kept, [spare, *groups[-1]]]


def _last(group: list[_Unit], tokens: int) -> list[_Unit]:
    """The group's last units, as many as fit into that many tokens."""
    count = 0
    while count < len(group) and _size(group[-count - 1 :]) + group[-count - 1].gap <= tokens:
        count += 1
    return group[len(group) - count :]


def _size(group: list[_Unit]) -> int:
    """Tokens of a passage made of these units."""
    return sum(unit.tokens + unit.gap for unit in group) - (group[0].gap if group else 0)


def _passage(text: str, group: list[_Unit]) -> Passage:
    piece = text[group[0].start : group[-1].end]
    return Passage(group[0].start, piece, estimate_tokens(piece))


def _by_paragraph(units: Iterator[_Unit]) -> Iterator[list[_Unit]]:
    paragraph: list[_Unit] = []
    for unit in units:
        if paragraph and unit.paragraph != paragraph[-1].paragraph:
            yield paragraph
            paragraph = []
        paragraph.append(unit)
    if paragraph:
        yield paragraph


def _units(text: str, max_tokens: int, *, words: bool) -> Iterator[_Unit]:
    starts = [start for start, _ in paragraph_spans(text)]
    before = 0
    whole = (0, len(text))
    for start, end in _words(text, whole, max_tokens) if words else _pieces(text, max_tokens):
        gap = estimate_tokens(text[before:start])
        gap = gap if words and start > before else max(1, gap)
        yield _Unit(start, end, estimate_tokens(text[start:end]), gap, bisect_right(starts, start))
        before = end


def _pieces(text: str, max_tokens: int) -> Iterator[Span]:
    """The sentences, those that are too large in pieces."""
    for start, end in sentence_spans(text):
        if estimate_tokens(text[start:end]) <= max_tokens:
            yield start, end
        else:
            yield from _cut(text, (start, end), max_tokens)


def _cut(text: str, sentence: Span, max_tokens: int) -> Iterator[Span]:
    """Pieces of a sentence that is too large, on word borders."""
    start = end = sentence[0]
    for word_start, word_end in _words(text, sentence, max_tokens):
        if end > start and estimate_tokens(text[start:word_end]) > max_tokens:
            yield start, end
            start = word_start
        end = word_end
    yield start, end


def _words(text: str, sentence: Span, max_tokens: int) -> Iterator[Span]:
    """The words; one that alone is too large comes in pieces (a character is estimated at 3 tokens at most)."""
    step = max(1, max_tokens // 3)
    for match in _WORD.finditer(text, *sentence):
        start, end = match.span()
        if estimate_tokens(match.group()) <= max_tokens:
            yield start, end
        else:
            yield from ((at, min(at + step, end)) for at in range(start, end, step))
