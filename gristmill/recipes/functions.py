"""The functions that templates and expressions may call, by name or as filters. docs/recipes.md lists them.

Each is pure: the same arguments give the same value on every machine, or a resumed run would ask
something else than it asked before.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import xxhash

from gristmill.recipes.questions.facts import nth_fact
from gristmill.recipes.questions.faults import question_fault
from gristmill.recipes.tool_calls import call_fault, stub_result
from gristmill.text import content_words, sentences, words

_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")

_FENCED = re.compile(r"^```[^\n`]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)
"""A fence is a line of its own, with the language behind it or not."""


def one_line(text: str) -> str:
    """The text with every run of white space made one space."""
    return " ".join(text.split())


def pick(options: Sequence[Any], *salt: Any) -> Any:
    """One of the options, decided by the content of options and salt: the same each time. Raises on none."""
    if not options:
        raise ValueError("pick: there is nothing to pick from")
    return options[xxhash.xxh3_64_intdigest(orjson.dumps([options, salt])) % len(options)]


def overlap(text: str, source: str) -> float:
    """Share of the text's content words that stand in the source; 0 when it has none."""
    told = set(content_words(text))
    return len(told & set(content_words(source))) / len(told) if told else 0.0


def draw_from(options: Sequence[Any], count: int, *salt: Any) -> list[Any]:
    """So many different options in a drawn order (all, when there are fewer), decided as `pick` decides."""
    ranked = sorted(range(len(options)), key=lambda i: xxhash.xxh3_64_intdigest(orjson.dumps([i, options[i], salt])))
    return [options[i] for i in ranked[:count]]


def mean(numbers: Sequence[float]) -> float:
    """The arithmetic mean. Raises on none."""
    return sum(numbers) / len(numbers)


def between(text: str, start: str, end: str) -> str:
    """What stands between the last `start` and the `end` after it (or the text's end), stripped; empty without them."""
    _, found, rest = text.rpartition(start)
    return rest.partition(end)[0].strip() if found else ""


def last_number(text: str) -> str:
    """The last number in the text, as it stands but for commas between thousands; empty where there is none."""
    found = _NUMBER.findall(text)
    return found[-1].replace(",", "") if found else ""


def same_answer(text: str, right: str) -> bool:
    """Whether both name the same answer: as numbers where both have one, else as words without case and punctuation."""
    numbers = last_number(text), last_number(right)
    if all(numbers):
        return float(numbers[0]) == float(numbers[1])
    return bool(words(right)) and words(text.lower()) == words(right.lower())


def code_in(text: str) -> str:
    """The longest block of code that stands between fences, without them; empty where there is none."""
    return max(_FENCED.findall(text), key=len, default="").strip("\n")


def similarity(text: str, other: str) -> float:
    """ROUGE-L F1 over lower-case words: twice the longest common subsequence over both lengths (Lin 2004)."""
    a, b = words(text.lower()), words(other.lower())
    if not (a and b):
        return 0.0
    row = [0] * (len(b) + 1)
    for word in a:
        before = 0
        for j, other_word in enumerate(b, 1):
            above = row[j]
            row[j] = before + 1 if word == other_word else max(above, row[j - 1])
            before = above
    return 2 * row[-1] / (len(a) + len(b))


def jaccard(text: str, other: str) -> float:
    """Share of the words of both texts together that stand in both, 0 to 1; 0 where neither has any."""
    a, b = set(words(text.lower())), set(words(other.lower()))
    return len(a & b) / len(a | b) if a | b else 0.0


def opens_with(text: str, openings: Sequence[str]) -> bool:
    """Whether the text begins with one of the openings, whatever the case."""
    return text.strip().casefold().startswith(tuple(each.casefold() for each in openings))


def phrases_in(text: str, phrases: Sequence[str]) -> list[str]:
    """Those of the phrases that stand in the text as whole words, whatever the case and the marks between."""
    told = f" {' '.join(words(text.casefold()))} "
    return [each for each in phrases if f" {' '.join(words(each.casefold()))} " in told]


def numbered(texts: Sequence[str]) -> str:
    """The texts on lines of their own, as `[1] first`."""
    return "\n".join(f"[{number}] {one_line(text)}" for number, text in enumerate(texts, 1))


def as_json(value: Any) -> str:
    """The value as JSON on one line."""
    return orjson.dumps(value).decode()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        *(sentences, words, content_words, one_line, overlap, similarity, between, last_number, same_answer, code_in),
        *(as_json, jaccard, opens_with, phrases_in, numbered, call_fault, stub_result),
        *(pick, draw_from, mean, nth_fact, question_fault),
    )
}
"""By name, as recipes call them."""
