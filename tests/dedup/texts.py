"""Texts with planted near-duplicates, from the sentences of the language reference that ships with Python."""

import random
from functools import cache
from pydoc_data.topics import topics

from gristmill.text import sentences, words


@cache
def passages(count, length=60):
    """So many different texts of about so many words."""
    chosen = random.Random(1)
    pool = [sentence for text in topics.values() for sentence in sentences(text) if len(words(sentence)) > 5]
    found = []
    while len(found) < count:
        parts = []
        while sum(len(part.split()) for part in parts) < length:
            parts.append(chosen.choice(pool))
        found.append(" ".join(parts))
    return tuple(found)


def changed(text, places, word="different"):
    """The text with so many of its words replaced, evenly spread."""
    parts = text.split()
    for number in range(places):
        parts[(2 * number + 1) * len(parts) // (2 * places)] = f"{word}{number}"
    return " ".join(parts)


def shingles(text):
    """The shingles by the definition, slowly."""
    found = [word.lower() for word in words(text.replace("'", " ").replace("\u2019", " "))]
    if len(found) < 5:
        return {tuple(found)} if found else set()
    return {tuple(found[i : i + 5]) for i in range(len(found) - 4)}


def similarity(one, other):
    """True Jaccard similarity, slowly."""
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b) if a | b else 0.0
