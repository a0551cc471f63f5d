"""The published rules once more, text by text in plain Python: slow, and easy to hold against the papers."""

import re
from collections import Counter

from gristmill.filters.c4 import count_sentences
from gristmill.filters.marks import is_symbol
from gristmill.filters.words import split_chunk

STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


def words(text):
    return [word for chunk in text.split() for word in split_chunk(chunk)]


def share(part, whole):
    return part / whole if whole else 0


def gopher_quality(text):
    found = words(text)
    names = [word for word in found if not all(is_symbol(character) for character in word)]
    lines = text.splitlines()
    length = share(sum(map(len, names)), len(names))
    ellipsis = ("...", "…")
    rules = [
        ("gopher_too_few_words", len(names) >= 50),
        ("gopher_too_many_words", len(names) <= 100_000),
        ("gopher_words_too_short", length >= 3),
        ("gopher_words_too_long", length <= 10),
        ("gopher_hashes", share(text.count("#"), len(found)) <= 0.1),
        ("gopher_ellipses", share(text.count("...") + text.count("…"), len(found)) <= 0.1),
        ("gopher_bullet_lines", share(sum(s.lstrip().startswith(("•", "-")) for s in lines), len(lines)) <= 0.9),
        ("gopher_ellipsis_lines", share(sum(s.rstrip().endswith(ellipsis) for s in lines), len(lines)) <= 0.3),
        (
            "gopher_words_without_letters",
            share(sum(any(c.isalpha() for c in word) for word in found), len(found)) >= 0.8,
        ),
        ("gopher_stop_words", len(STOP_WORDS & set(found)) >= 2),
    ]
    return first(rules)


def gopher_repetition(text):
    found = words(text)
    return first([*line_rules(text), *ngram_rules(text, found)])


def line_rules(text):
    paragraphs, lines = re.split(r"\n{2,}", text.strip()), re.split(r"\n+", text)
    paragraph, paragraph_chars = duplicates(paragraphs)
    line, line_chars = duplicates(lines)
    yield "gopher_duplicate_paragraphs", share(paragraph, len(paragraphs)) <= 0.3
    yield "gopher_duplicate_paragraph_chars", share(paragraph_chars, len(text)) <= 0.2
    yield "gopher_duplicate_lines", share(line, len(lines)) <= 0.3
    yield "gopher_duplicate_line_chars", share(line_chars, len(text)) <= 0.2


def ngram_rules(text, found):
    for n, most in ((2, 0.2), (3, 0.18), (4, 0.16)):
        grams = [" ".join(found[i : i + n]) for i in range(len(found) - n + 1)]
        top, count = Counter(grams).most_common(1)[0] if grams else ("", 0)
        yield f"gopher_top_{n}gram", share(len(top) * count, len(text)) <= most
    for n, most in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.1)):
        yield f"gopher_duplicate_{n}grams", share(repeated_chars(found, n), len(text)) <= most


def repeated_chars(found, n):
    seen, chars, place = set(), 0, 0
    while place + n <= len(found):
        gram = tuple(found[place : place + n])
        if gram in seen:
            chars += sum(map(len, gram))
            place += n
        else:
            seen.add(gram)
            place += 1
    return chars


def duplicates(items):
    seen, count, chars = set(), 0, 0
    for item in items:
        if item in seen:
            count, chars = count + 1, chars + len(item)
        seen.add(item)
    return count, chars


def c4(text):
    sentences = 0
    for line in (line.strip() for line in text.splitlines()):
        bare = re.sub(r"\[\d*\]|\[edit\]|\[citation needed\]", "", line)
        ended = bare.endswith((".", "?", "!", '"', "'")) and not bare.endswith("...")
        if not ended or len(line.split()) < 3 or any(len(word) > 1000 for word in line.split()):
            continue
        if "lorem ipsum" in bare.lower():
            return "c4_lorem_ipsum"
        if "javascript" in bare.lower():
            continue
        if "{" in bare:
            return "c4_curly_bracket"
        if not any(phrase in bare.lower() for phrase in POLICY):
            sentences += count_sentences(bare)
    return None if sentences >= 5 else "c4_too_few_sentences"


def fineweb(text):
    lines = [line for line in text.split("\n") if line.strip()]
    ended = sum(line[-1] in ".!?。" for line in lines)
    rules = [
        ("fineweb_no_lines", bool(lines)),
        ("fineweb_lines_without_end", share(ended, len(lines)) >= 0.12),
        ("fineweb_short_lines", share(sum(len(line) <= 30 for line in lines), len(lines)) <= 0.67),
        ("fineweb_duplicate_line_chars", share(duplicates(lines)[1], len(text.replace("\n", ""))) <= 0.01),
        ("fineweb_newlines", share(text.count("\n"), len(words(text))) <= 0.3),
    ]
    return first(rules)


def first(rules):
    return next((reason for reason, holds in rules if not holds), None)
