"""Words without their endings, so that `raises an error` and `an error is raised` share what they say.

A light stemmer: plural and verb endings of English go, and a final e. It errs towards joining
words; it compares a question with the sentence it was made from, nothing more.
"""

import re
from functools import lru_cache

from gristmill.text import STOP_WORDS

FUNCTION_WORDS = (STOP_WORDS - {"us"}) | {
    *(
        "onto",
        "shall",
        "may",
        "might",
        "must",
        "done",
        "whose",
        "either",
        "neither",
        "every",
        "also",
        "within",
        "s",
        "t",
    )
}
"""`us` is left out, for it is also what is left of `use`."""

_WORD = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*")
_IRREGULAR = {
    "made": "make",
    "given": "give",
    "taken": "take",
    "bound": "bind",
    "found": "find",
    "written": "write",
    "kept": "keep",
}
_Y = re.compile(r"(?:ies|ied)$")
_ENDING = re.compile(r"(?<!s)s$|(?<=[sxzh])es$|ed$|ing$")
_FINAL_E = re.compile(r"(?<=[a-z]{2})e$")


def stems(text: str) -> list[str]:
    """The text's words and numbers in order, lower-case; function words as they are, the others without endings."""
    return [_stem(word) for word in _WORD.findall(text.lower())]


def content_stems(text: str) -> frozenset[str]:
    """The stems that carry meaning."""
    return frozenset(stem for stem in stems(text) if stem not in FUNCTION_WORDS)


def longest_run(left: list[str], right: list[str]) -> int:
    """Length of the longest run of words that both hold."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(right):
        places.setdefault(word, []).append(place)
    best, runs = 0, dict[int, int]()  # place in `right` -> length of the run that ends there
    for word in left:
        runs = {place: runs.get(place - 1, 0) + 1 for place in places.get(word, ())}
        best = max(best, *runs.values()) if runs else best
    return best


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    word = _IRREGULAR.get(word, word)
    if word in FUNCTION_WORDS:
        return word
    if len(word) > 4 and _Y.search(word):
        return _Y.sub("y", word)
    if len(word) > 3 and "_" not in word:
        return _FINAL_E.sub("", _ENDING.sub("", word))
    return word
