"""The functions that templates and expressions may call, by name or as filters. docs/recipes.md lists them.

Each is pure: the same arguments give the same value on every machine, or a resumed run would ask
something else than it asked before.
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import xxhash

from gristmill.recipes.questions.facts import nth_fact
from gristmill.recipes.questions.faults import question_fault
from gristmill.text import content_words, sentences, words


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


FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (sentences, words, content_words, one_line, pick, overlap, nth_fact, question_fault)
}
"""By name, as recipes call them."""
