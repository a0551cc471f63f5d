"""English words as the published filters count them: punctuation marks are words of their own.

What stands between white space is a *chunk*; how it falls into words depends on nothing around it,
so a chunk is split once however often it comes. The rules are those by which spaCy's English
tokenizer (and with it datatrove's filters) splits: marks are taken from both ends, one at a
time; contractions part (`don't` is `do` `n't`); abbreviations and emoticons stay whole; inside,
a chunk parts at hyphens between letters, at dots between a small and a capital letter, and at
commas, colons, slashes and signs of comparison before letters. Addresses of pages stay whole.
"""

# ruff: noqa: RUF001 (typographic quotes and full-width marks are meant where they stand)

import re
from itertools import product

_LETTER = r"[^\W\d_]"
_UNCASED = r"\u0590-\u06ff\u0900-\u0dff\u1200-\u137f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_LOWER = rf"a-zß-öø-ÿāăąćčďđēėęěğīįıłńňōőœřśşšťūůűźżžΐά-ώа-яёіїєґўӣӯ{_UNCASED}"
_UPPER = rf"A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĖĘĚĞĪĮİŁŃŇŌŐŒŘŚŞŠŤŪŮŰŹŻŽΆ-ΏΑ-ΫА-ЯЁІЇЄҐЎ{_UNCASED}"
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉⟦⟧"
_PUNCTUATION = r"…,:;!?¿؟¡()\[\]{}<>_#*&。？！，、；：～·।،۔؛٪"
_CURRENCY = "$£€¥฿₽﷼₴₠-₿"
_ICONS = (
    r"¦©®°҂\u2100-\u2101\u2103-\u2106\u2108-\u2109\u2114\u2116-\u2117\u211e-\u2123\u2125\u2127\u2129\u212e"
    r"\u2195-\u2199\u219c-\u219f\u21a1-\u21a2\u21a4-\u21a5\u21a7-\u21ad\u21af-\u21cd\u21d0-\u21d1\u21d3\u21d5-\u21f3"
    r"\u2300-\u2307\u230c-\u2328\u232b-\u23db\u23e2-\u244a\u249c-\u25b6\u25b8-\u25c0\u25c2-\u25f7\u2600-\u266e"
    r"\u2670-\u2767\u2794-\u27bf\u2800-\u28ff\u2b00-\u2bff\ufffc\ufffd\U0001f000-\U0001faff"
)
UNITS = (
    *("km²", "km³", "km/h", "kmh", "km", "kg", "kPa", "KB", "kb", "K", "m²", "m³", "m/s", "mm²", "mm³", "mm", "mg"),
    *("mph", "mbar", "mb", "m", "MB", "Mb", "M", "dm²", "dm³", "dm", "cm²", "cm³", "cm", "ha", "µm", "µg", "nm", "yd"),
    *("in", "ft", "g", "gb", "GB", "G", "tb", "TB", "t", "T", "lb", "oz", "hPa", "Pa", "%"),
)
"""Taken from the numbers before them; a longer unit stands before what it begins with."""
_UNITS = "|".join(UNITS)

_PREFIX = re.compile(rf"…+|\.\.+|[§%=—–{_PUNCTUATION}{_QUOTES}{_CURRENCY}{_ICONS}]|(?:US|C|A)\$|\+(?![0-9])")
_SUFFIX = re.compile(
    rf"(?:\.\.+|['’][sS]|(?<=[0-9])\+|(?<=[0-9])(?:{_UNITS}|[{_CURRENCY}])"
    rf"|(?<=[0-9%²+\-{_LOWER}{_PUNCTUATION}{_QUOTES}])\.|(?<=[{_UPPER}][{_UPPER}])\."
    rf"|[—–{_PUNCTUATION}{_QUOTES}{_ICONS}])$"
)
_INFIX = re.compile(
    rf"\.\.+|…|[{_ICONS}]|(?<=[0-9])[+\-*^](?=[0-9-])|(?<=[{_LOWER}{_QUOTES}])\.(?=[{_UPPER}{_QUOTES}])"
    rf"|(?<={_LETTER}),(?={_LETTER})|(?:(?<={_LETTER})|(?<=[0-9]))(?:---|--|——|[-–—~])(?={_LETTER})"
    rf"|(?:(?<={_LETTER})|(?<=[0-9]))[:<>=/](?={_LETTER})"
)
_ADDRESS = re.compile(
    r"(?:[\w+.-]{2,}://)?(?:\S+(?::\S*)?@)?"
    r"(?:(?!(?:10|127)\.|169\.254\.|192\.168\.)\d{1,3}(?:\.\d{1,3}){3}"
    rf"|(?:(?:[A-Za-z0-9\u00a1-\uffff][A-Za-z0-9\u00a1-\uffff_-]{{0,62}})?[A-Za-z0-9\u00a1-\uffff]\.)+[{_LOWER}]{{2,63}})"
    r"(?::\d{2,5})?(?:[/?#]\S*)?"
)
_UNIT_AFTER_NUMBER = re.compile(rf"([0-9A-Za-z]*[0-9])({_UNITS})")

WHOLE = frozenset(
    re.findall(
        r"\S+",
        r"""' '' \") \t \n <space> C++ and/or w/o 'S 's ‘S ‘s 're 'd 'em 'll 'nuff 'Cause 'cause 'cos 'Cos 'coz 'cuz
        'bout ma'am Ma'am o'clock O'clock lovin' havin' doin' goin' nothin' somethin' ol' Lovin' Doin' Goin'
        Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun.
        Kan. Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla.
        Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis. a.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov.
        i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. p.m. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s.
        :) :-) :)) :-)) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :(( :-(( ): )-:
        =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o :* :-* :3 :-3 =3
        :> :-> :X :-X :x :-x :D :-D ;D ;-D =D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__- v.v V.V v_v V_V o_o o_O O_o
        O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3 (^_^) (-_-) (._.) (>_<) (*_*)""",
    )
) | {f"{letter}." for letter in "abcdefghijklmnopqrstuvwxyzäöü"}
"""Words that keep their marks: abbreviations and emoticons."""


def split_chunk(chunk: str) -> list[str]:
    """The words of what stands between two pieces of white space, in order; joined they are the chunk again."""
    if chunk.isalpha() and not chunk.isascii():
        return [chunk]
    if chunk.isascii() and chunk.isalnum():
        return PARTED.get(chunk) or _number_with_unit(chunk) or [chunk]
    bare, before, after = _without_fringe(chunk)
    return _rejoined([*before, *(_inner(bare) if bare else []), *reversed(after)])


def _number_with_unit(chunk: str) -> list[str] | None:
    if chunk.isalpha() or chunk.isdigit():
        return None
    match = _UNIT_AFTER_NUMBER.fullmatch(chunk)
    return list(match.groups()) if match else None


def _without_fringe(text: str) -> tuple[str, list[str], list[str]]:
    """The chunk without the marks at its ends, and these, from the outside in."""
    before: list[str] = []
    after: list[str] = []
    while text and not _special(text):
        prefix, suffix = _ends(text)
        if not prefix and not suffix:
            break
        rest = text[len(prefix) :]
        if prefix and rest and _special(rest):
            return rest, [*before, prefix], after
        shorter = text[: len(text) - len(suffix)]
        if suffix and shorter and _special(shorter):
            return shorter, before, [*after, suffix]
        if prefix:
            before.append(prefix)
        if suffix:
            after.append(suffix)
        text = text[len(prefix) : len(text) - len(suffix)]
    return text, before, after


def _ends(text: str) -> tuple[str, str]:
    """The mark that the text begins with, and the one that the rest ends with; empty where there is none."""
    found = _PREFIX.match(text)
    prefix = found.group() if found else ""
    ending = _SUFFIX.search(text, len(prefix))
    return prefix, ending.group() if ending else ""


def _rejoined(words: list[str]) -> list[str]:
    """The words, with neighbours put together that make an abbreviation or emoticon (`f():` ends in `):`)."""
    for i in range(len(words) - 1, 0, -1):
        if words[i - 1] + words[i] in WHOLE:
            words[i - 1 : i + 1] = [words[i - 1] + words[i]]
    return words


def _special(text: str) -> bool:
    return text in PARTED or text in WHOLE


def _inner(text: str) -> list[str]:
    """A chunk without fringe, parted where its inside parts."""
    if text in PARTED:
        return PARTED[text]
    if text.isalnum() or text in WHOLE or ("." in text and _ADDRESS.fullmatch(text)):
        return [text]
    pieces: list[str] = []
    start = 0
    for match in _INFIX.finditer(text):
        if match.start() == 0:
            continue
        pieces += [text[start : match.start()], match.group()]
        start = match.end()
    return [piece for piece in (*pieces, text[start:]) if piece]


def _contractions() -> dict[str, list[str]]:
    """Words that part although no mark tells where: each with its parts."""
    forms = [
        *((word, end) for word in ("i",) for end in ("'m",)),
        *product(("i", "you", "he", "she", "it", "we", "they"), ("'ll", "'d")),
        *product(("i", "you", "we", "they"), ("'ve",)),
        *product(("you", "we", "they"), ("'re",)),
        *product(("he", "she", "it"), ("'s",)),
        *product(("who", "what", "when", "where", "why", "how", "there", "that", "this"), ("'s", "'ll", "'d")),
        *product(("who", "what", "when", "where", "why", "how", "there", "these", "those"), ("'re", "'ve")),
        *product(("these", "those"), ("'ll", "'d")),
        *product(("could", "might", "must", "should", "would"), ("'ve",)),
        *product(_BEFORE_NOT, ("n't",)),
        ("let", "'s"),
        ("not", "'ve"),
    ]
    parted = {"cannot": ["can", "not"], "gonna": ["gon", "na"], "gotta": ["got", "ta"]}
    for word, end in forms:
        for bare in (end, end.replace("'", "")) if word != "let" else (end,):
            parted[word + bare] = [word, bare]
    parted |= {"".join(parts).capitalize(): [parts[0].capitalize(), *parts[1:]] for parts in parted.values()}
    for hour, half in product(range(1, 13), ("a.m.", "am", "p.m.", "pm")):
        parted[f"{hour}{half}"] = [str(hour), half]
    return {whole: parts for whole, parts in parted.items() if whole.lower() not in _ALSO_WORDS}


_BEFORE_NOT = (
    *("ca", "could", "do", "does", "did", "had", "may", "might", "must", "need", "ought", "sha", "should", "wo"),
    *("would", "ai", "are", "is", "was", "were", "have", "has", "dare"),
)
_ALSO_WORDS = frozenset(("ill", "its", "hell", "shell", "shed", "were", "well"))
PARTED = _contractions()
"""Chunks that part although no mark tells where, with their words."""
