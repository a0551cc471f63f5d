"""Sentences of a documentation passage that can be understood, and asked about, on their own.

A statement is a whole sentence of prose with a verb, that names what it speaks of: it does not
begin with `This` or `Otherwise`, does not point to a section or an example, and holds little code.
The rules were found by reading: each shape below made questions that nobody could answer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_uppercase

from gristmill.text import paragraph_spans, sentences

_MIN_WORDS, _MAX_WORDS = 8, 40
_NOT_PROSE = re.compile(
    r"\s*(\*|[-+|]{2,}|\d+\.|\||#|@)|\s*(Note|See also|Warning|For example|Example\w*|Source code)\b.{0,20}$"
)
_NOT_PROSE_MARKS = ("::=", ">>>", "=====")
_PROSE_MARKS = '`"*\N{LEFT DOUBLE QUOTATION MARK}'
_PLAIN_WORD = re.compile(r"[a-z]{2,}")
_VERSION_NOTE = re.compile(r"(New|Changed|Deprecated|Removed|Added) (in|since) version")
_TERM_LINE = re.compile(r"\A( *)[^\n.:;,]{1,50}\n(?=\1 +\S)")
"""The term of a definition list, on a line of its own above its indented text."""

_QUOTED_CODE = re.compile(r'"(?<![\w"]")([^"\s][^"]*?)"(?![\w"])')
_STRONG = re.compile(r"\*\*(\S[^*]*?)\*\*")
_EMPHASIS = re.compile(r"\*(?<![\w*`]\*)(\w[^*`]*?)\*(?![\w*])")
_SEE = re.compile(r"\s*\((?:see|See)(?: also)? [^()]*\)")
_WRAPPED_HYPHEN = re.compile(r"(?<=\w)- (?=[a-z])(?!and |or |to )")
_MARKUP = (
    ('"', _QUOTED_CODE, r"`\1`"),
    ("**", _STRONG, r"\1"),
    ("*", _EMPHASIS, r"\1"),
    ("(see", _SEE, ""),
    ("(See", _SEE, ""),
    ("- ", _WRAPPED_HYPHEN, "-"),
)
"""What each shape begins with, the shape, and what it becomes; in this order."""
_TYPOGRAPHY = (
    ("\N{LEFT DOUBLE QUOTATION MARK}", "'"),
    ("\N{RIGHT DOUBLE QUOTATION MARK}", "'"),
    ("\N{LEFT SINGLE QUOTATION MARK}", "'"),
    ("\N{RIGHT SINGLE QUOTATION MARK}", "'"),
    ("\N{HORIZONTAL ELLIPSIS}", "..."),
)

_CODE = re.compile(r"`[^`]*`")
_DANGLING = re.compile(
    r"(this|these|those|that|it|its|they|their|he|she|such|otherwise|then|thus|therefore|hence|however|also|but|and|or"
    r"|so|both|note|for (example|instance|more|full|details)|see|return|returns|called"
    r"|as (a|an|in|for|of|with|mentioned)"
    r"|in (this|that|these|such|particular|addition|other|contrast|fact|general|case|all|the|most)|instead|similarly"
    r"|likewise|likely|again|here|there|if (it|they|this|these|so|not|one|both)|when (it|they|this|non)|specifically"
    r"|finally|first|second|next|after|alternatively|by default|because|since|conversely|same|like|consider|suppose|let"
    r"|we|you|some|other|another|typically|usually|normally|essentially|currently|moreover|furthermore|on the other"
    r"|to (do|illustrate))\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_POINTERS = _WORD.findall(
    "above below following previous earlier later section chapter example these those this described mentioned"
    " aforementioned see pep footnote here we document manual reference"
)
"""Words that point away from the sentence, whatever stands around them."""
_POINTING = re.compile(
    r"\b(the (former|latter|same|given|other|next|first|second|third|last) \b|(such an?|as follows|as well)\b)",
    re.IGNORECASE,
)
_PARTS_OF_POINTING = _WORD.findall("former latter same given other next first second third last such follows well")
_MAY_POINT = frozenset(
    form for word in (*_POINTERS, *_PARTS_OF_POINTING) for form in (word, word.capitalize(), word.upper())
)
_POINTS = frozenset(form for word in _POINTERS for form in (word, word.capitalize(), word.upper()))
_POINTING_MARKS = (("[", re.compile(r"\[\d+\]")), ("::", None), (">>>", None), ("... ", None))
_UNNAMED_START = re.compile(
    r"The \w+ (is|are|was|can|may|must|should|will|has|have|does|do|returns?|contains?|takes?)\b|code(\(\))? [A-Z]"
    r"|The (resulting|returned|underlying|return values?|parameters?|values?|module)\b(?! of)"
    r"|(Support|Should|Will|Must|Documentation|More|Set|Print|List)\b"
    r"|(The|A|An) \w+ (that|which|in which) |The (optional )?[a-z_]+ (argument|parameter)\b"
)
_UNNAMED = (
    (" is", re.compile(r"\b([Ii]f|[Ww]hen|unless|and|or|[Oo]nce) [a-z_]+ is\b")),
    ("argument", re.compile(r"\barguments? (is|are) (given|omitted|present|passed|absent|specified)")),
    (" that", re.compile(r"\b(meets?|of|in|on|by|for|from|with|to|at) that\b")),
    (". ", re.compile(r"\. [a-z]")),
)
"""`The view is ...`, `if count is ...`, `fromkeys() Return ...`: what is meant stands elsewhere.

Each of these shapes behind a piece that it has to hold, for `in` is many times as quick as a search."""
_ODD_MARKS = re.compile(r"[\"{}<>=|\\^~*]|'[^' ]*'|;")

_REGULAR_VERBS = _WORD.findall(
    "allow raise return make use take cause yield define bind create call evaluate execute contain occur become provide"
    " represent support produce refer mean require implement accept determine give act need behave work start end set"
    " look"
)
_VERBS = frozenset(
    [
        *_WORD.findall("is are was were be has have had can may must should will would does do cannot"),
        *_WORD.findall("specify specifies matches matched"),
        *_REGULAR_VERBS,
        *(f"{verb}s" for verb in _REGULAR_VERBS),
    ]
)


@dataclass(frozen=True)
class Statement:
    """A sentence as it stands in the passage, and as one line with code between backticks."""

    verbatim: str
    line: str


def statements(passage: str) -> Iterator[Statement]:
    """The passage's statements in order."""
    for start, end in paragraph_spans(passage):
        block = _TERM_LINE.sub("", passage[start:end])
        if not _is_prose(block):
            continue
        for sentence in sentences(block):
            if not _may_stand(sentence):
                continue
            line = clean(sentence)
            if stands_alone(line):
                yield Statement(sentence, line)


def _may_stand(sentence: str) -> bool:
    """What can be told before cleaning, which takes away words and marks but adds none: most sentences fail here."""
    first, last = sentence[0], sentence[-1]
    if last not in ".*)" or not (first.isupper() or first in '"`*') or len(sentence.split()) < _MIN_WORDS:
        return False
    return not (first.isupper() and _DANGLING.match(sentence))


def clean(text: str) -> str:
    """Text of pydoc's rendered documentation as one line: code between backticks, no emphasis, no `(see ...)`."""
    line = " ".join(text.split())
    if not line.isascii():
        for mark, plain in _TYPOGRAPHY:
            line = line.replace(mark, plain)
    for mark, shape, becomes in _MARKUP:
        if mark in line:  # most lines have none, and a search costs ten times as much
            line = shape.sub(becomes, line)
    return line


def stands_alone(line: str) -> bool:
    """Whether a cleaned sentence is a statement. The cheap tests come first: most sentences fail."""
    if not (_MIN_WORDS <= line.count(" ") + 1 <= _MAX_WORDS and line.endswith(".") and not line.endswith("...")):
        return False
    if not (line[0].isupper() or line[0] == "`") or not line[0].isascii() or _DANGLING.match(line):
        return False
    plain = _CODE.sub("code", line)
    return (
        _is_balanced(line)
        and plain.count("code") <= 4
        and plain.count("(") <= 1
        and not _ODD_MARKS.search(plain)
        and _says_all(plain)
    )


def _says_all(line: str) -> bool:
    """Whether the line, its code blanked out, has a verb, points nowhere, and names what it speaks of."""
    words = frozenset(_WORD.findall(line))
    return not _VERBS.isdisjoint(words) and not _points_away(line, words) and not _is_unnamed(line)


def has_verb(text: str) -> bool:
    """Whether one of the verbs of documentation stands in the text."""
    return not _VERBS.isdisjoint(_WORD.findall(text))


def _points_away(line: str, words: frozenset[str]) -> bool:
    """Whether the line speaks of something outside itself."""
    if not _MAY_POINT.isdisjoint(words) and (not _POINTS.isdisjoint(words) or _POINTING.search(line)):
        return True
    return any(mark in line and (shape is None or shape.search(line)) for mark, shape in _POINTING_MARKS)


def _is_unnamed(line: str) -> bool:
    """Whether the line leaves out the name of what it speaks of."""
    if _UNNAMED_START.match(line):
        return True
    return any(piece in line and shape.search(line) for piece, shape in _UNNAMED)


def _is_prose(block: str) -> bool:
    """Tells a paragraph of sentences from code, grammar, tables, lists and version notes."""
    bare = block.strip()
    if not bare or bare[-1] not in ".:)" or not (bare[0] in _PROSE_MARKS or bare[0] in ascii_uppercase):
        return False
    if any(mark in block for mark in _NOT_PROSE_MARKS) or _NOT_PROSE.match(block):
        return False
    words = bare.split()
    if _VERSION_NOTE.match(" ".join(words[:3])):
        return False
    plain = _PLAIN_WORD.findall(bare)
    return len(plain) >= _MIN_WORDS and sum(map(len, plain)) > 0.6 * sum(map(len, words))


def _is_balanced(line: str) -> bool:
    return line.count("`") % 2 == 0 and line.count("(") == line.count(")")
