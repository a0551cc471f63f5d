"""What the program itself knows about text: sentences, words, and how many tokens a model will see.

Pure functions on strings, the lowest level of the library: seeds are cut by them, recipes choose
among them, filters compare with them. No model and no tokenizer is loaded.

A sentence ends at `.`, `!` or `?` (closing quotes and brackets included) when white space follows
and what comes next can begin a sentence. Dotted names (`os.path`), version numbers (3.11) and
abbreviations (e.g., i.e., cf.) end none. A blank line, a list mark and a heading always begin a new one.
"""

# ruff: noqa: RUF001 (typographic quotes and full-width marks are meant where they stand)

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

Span = tuple[int, int]

_VISIBLE = re.compile(r"\S")
_PARAGRAPH_BREAK = re.compile(r"\n(?:[ \t]*\n)+")
_LINE_START = re.compile(r"\n(?=[ \t]*(?:[*•+-] |\d{1,3}[.)] |[a-z][.)] |#{1,6} |>>> |\.\.\. |\|))")
_END = re.compile(r"""[.!?…。！？](?:(?<=[.!?…])[.!?…]*["'”’»)\]}*_`]*(?=\s)|(?<=[。！？])["”’」』）]*)""")
"""Its first mark stands alone in front, for a set of characters there is what `re` finds quickly."""
_OPENING = "\"'“‘«([{<*_`¿¡—-"
_CODE_NAME = re.compile(r"[a-z_][\w]*(?:\.\w+|\(|_\w)")
_ACRONYM = re.compile(r"(?:^|[\s(])(?:[A-Za-z]\.)+[A-Za-z]$")
_LIST_MARK = re.compile(r"^\s*(?:\d{1,3}|[a-zA-Z])$")

_ABBREVIATIONS = frozenset(
    re.findall(
        r"\S+",
        "e.g i.e cf vs viz al approx resp ca dr mr mrs prof st fig figs eqs secs sect chap vol pp eds inc ltd co corp"
        " dept gen gov jan feb apr jun jul aug sep sept oct nov",
    )
)
"""Followed by more of the same sentence, whatever the case of the next word."""
_BEFORE_NUMBERS = frozenset(("no", "nos", "nr", "p", "ed", "est", "dec", "mar", "ms", "ch", "eq", "sec"))
"""Also words, names or quantities: abbreviations only before a number (`no. 5`)."""
_STARTERS = frozenset(
    re.findall(
        r"\w+",
        "A An And As At But By For From He However I If In It Its On Or She Some That The Their Then There These They"
        " This Those To We What When Where Which While With You",
    )
)
"""Words that begin a sentence after an acronym (`in the U.S. The court ...`)."""

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_FRINGE = ".,;:!?…()[]{}\"'“”‘’„«»`¿¡。！？、，；："
_TOKEN_GAP = re.compile(r"\n+|[ \t]{2,}")
_REMEMBERED_LENGTH = 24
_TOKEN_PIECE = re.compile(
    r"(?P<word>[A-Z]?[a-z]+)|(?P<capitals>[A-Z]+)|(?P<rule>([-=*+.~#_])\4{3,})"
    r"|(?P<wide>[\u2e80-\ua4cf\uf900-\ufaff\uff00-\uffef])|(?P<rare>[\uac00-\ud7af\U00010000-\U0010ffff])"
    r"|(?P<one>[!-~]|[^\W\d_])|(?P<other>\S)"
)

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a about above after again all also am an and any are as at be because been before being below between both"
        " but by can could did do does doing down during each few for from further had has have having he her here"
        " hers him his how i if in into is it its itself just me more most my no nor not now of off on once only or"
        " other our out over own same she should so some such than that the their them then there these they this"
        " those through to too under until up us very was we were what when where which while who whom why will with"
        " would you your",
    )
)
"""English function words; question words are among them."""


def sentences(text: str) -> list[str]:
    """The text's sentences in order, each a verbatim slice of `text` without the white space around it."""
    return [text[start:end] for start, end in sentence_spans(text)]


def sentence_spans(text: str) -> list[Span]:
    """Start and end of each sentence, in characters; only white space lies between them."""
    return [span for paragraph in paragraph_spans(text) for span in _sentences_within(text, paragraph)]


def paragraph_spans(text: str) -> list[Span]:
    """Start and end of each paragraph: what blank lines separate, without the white space at its ends.

    The indentation of a paragraph's first line belongs to it.
    """
    borders = [(0, 0), *(match.span() for match in _PARAGRAPH_BREAK.finditer(text)), (len(text), len(text))]
    spans = []
    for (_, begin), (end, _) in pairwise(borders):
        visible = _VISIBLE.search(text, begin, end)
        if visible:
            start = max(begin, text.rfind("\n", begin, visible.start()) + 1)
            spans.append((start, start + len(text[start:end].rstrip())))
    return spans


def words(text: str) -> list[str]:
    """Runs of letters, digits and underscores, as they stand; an apostrophe inside belongs to the word."""
    return _WORD.findall(text)


def content_words(text: str) -> list[str]:
    """The words that carry meaning: casefolded, straight apostrophes, `STOP_WORDS` left out; order and repeats kept."""
    folded = (word.casefold().replace("’", "'") for word in words(text))
    return [word for word in folded if word not in STOP_WORDS]


def normalised(text: str) -> str:
    """The form under which two texts count as the same, for exact duplicates.

    Unicode's NFKC_Casefold, white space folded to one blank, sentence punctuation and quotes
    taken from the ends of words. Operators (`a - b`, `a * b`) and underscores
    stay: in technical text they are the meaning.
    """
    folded = unicodedata.normalize("NFD", text).casefold()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
    bare = (word.strip(_FRINGE) for word in folded.split())
    return " ".join(word for word in bare if word)


def estimate_tokens(text: str) -> int:
    """Tokens that a byte-pair tokenizer of about 50,000 pieces will make of `text`; rather a few more than less.

    By kind of run: a small-letter word (capitalised or not) 1, from 8 letters on 1 more for each 5;
    capitals 1 for each 3; digits, other letters and ASCII marks 1 each; a drawn rule (`-----`)
    1 and 1 more for each 16; newlines together 1; several blanks together 1; a CJK character or
    typographic mark 2; a Hangul syllable or emoji 3.
    """
    return len(_TOKEN_GAP.findall(text)) + sum(map(_word_tokens, text.split()))


def _word_tokens(word: str) -> int:
    """Tokens of what stands between blanks; short words, which come again, are remembered."""
    return _short_word_tokens(word) if len(word) <= _REMEMBERED_LENGTH else _count_tokens(word)


def _count_tokens(word: str) -> int:
    return sum(_piece_tokens(match) for match in _TOKEN_PIECE.finditer(word))


@lru_cache(maxsize=1 << 16)
def _short_word_tokens(word: str) -> int:
    return _count_tokens(word)


def _piece_tokens(match: re.Match[str]) -> int:
    length = match.end() - match.start()
    match match.lastgroup:
        case "word":
            return 1 if length <= 7 else 2 + (length - 8) // 5
        case "capitals":
            return (length + 2) // 3
        case "rule":
            return 1 + length // 16
        case "wide" | "other":
            return 2
        case "rare":
            return 3
        case _:
            return 1


def _sentences_within(text: str, paragraph: Span) -> Iterator[Span]:
    """The sentences of one paragraph, trimmed."""
    start, stop = paragraph
    for end in [*_ends(text, paragraph), stop]:
        piece = text[start:end]
        if piece.strip():
            yield start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
        start = end


def _ends(text: str, paragraph: Span) -> list[int]:
    """Where sentences end inside the paragraph, in ascending order."""
    start, stop = paragraph
    marks = {match.end() for match in _END.finditer(text, start, stop) if _ends_sentence(text, match, start, stop)}
    lines = {match.end() for match in _LINE_START.finditer(text, start, stop)}
    return sorted(marks | lines)


def _ends_sentence(text: str, match: re.Match[str], start: int, stop: int) -> bool:
    if match.group()[0] in "。！？":
        return True
    following = text[match.end() : min(match.end() + 40, stop)].lstrip()
    if not following or not _can_begin(following):
        return False
    before = text[max(start, match.start() - 40) : match.start()]
    if match.group().startswith("."):
        return not _dot_of_abbreviation(before, following, match)
    return bool(before.strip())


def _can_begin(following: str) -> bool:
    """Whether a sentence can begin so: not with a small letter, unless that is a name from code (`os.path`, `len(`)."""
    bare = following.lstrip(_OPENING) or following
    if following[0] in _OPENING and following[0] not in "—-":
        return True
    return not bare[0].islower() or bool(_CODE_NAME.match(bare))


def _dot_of_abbreviation(before: str, following: str, match: re.Match[str]) -> bool:
    """Whether the dot after `before` belongs to an abbreviation, an initial, a list mark or a placeholder."""
    if not before.strip() or before[-1].isspace() or _LIST_MARK.match(before[before.rfind("\n") + 1 :]):
        return True  # " ... ", or "1." at the beginning of a line
    if len(match.group().rstrip("\"'”’»)]}*_`")) > 1:
        return False
    last = before.rsplit(maxsplit=1)[-1].lstrip(_OPENING)
    word = last.casefold()
    if word in _BEFORE_NUMBERS and following[0].isdigit():
        return True
    if word in _ABBREVIATIONS:
        return True
    if before[-2:-1] == "." and _ACRONYM.search(before):
        return re.split(r"\W", following, maxsplit=1)[0] not in _STARTERS
    return len(last) == 1 and last.isupper() and last != "I" and following[0].isupper()
