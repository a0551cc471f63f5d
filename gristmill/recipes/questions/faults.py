"""What is wrong with a question and its answer, as far as a program can tell: a list of named faults, in order.

The two that did most for quality, when read: the question must hold the whole condition that its
answer depends on, and may be negative only where its statement is.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from gristmill.recipes.questions.facts import Fact
from gristmill.recipes.questions.grammar import needed
from gristmill.recipes.questions.stems import FUNCTION_WORDS, longest_run, stems

_WORDS = (5, 30)
_MIN_SHARE_OF_STATEMENT = 0.75
"""Of the question's content stems, so many stand in the statement."""
_MAX_COPIED = (0.86, 0.7)
"""Longest run of words shared with the statement, as a share of the question's words and of the statement's."""
_OPENER = re.compile(
    r"(what|which|how|when|why|where|who|whose|is|are|was|were|do|does|did|can|could|must|should|may|might|will|would"
    r"|has|have)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(not|no|never|neither|nor|none|cannot|without)\b", re.IGNORECASE)
_LEFTOVER = re.compile(
    r"\b(question|answer|text|passage|sentence|paragraph|excerpt|snippet|above|below|following|mentioned|described"
    r"|according to)\b|\n|\?.|Q:|A:",
    re.IGNORECASE,
)
_DANGLES = re.compile(r"\S+ \S+ (this|these|those|it|they|them|he|she|such)\b", re.IGNORECASE)
_HANGING = re.compile(r" (to|in|by|with|for|from|as|at|on|of|into)\?$")
_LINK = re.compile(r"(to|in|on|at|by|with|for|from|as|using|through|via) ")


@dataclass(frozen=True, slots=True)
class _Draft:
    """A question with the fact that it was made from, and the stems of both."""

    question: str
    fact: Fact
    words: list[str]
    asked: set[str]
    """The question's content."""
    told: list[str]
    said: list[str]


def question_fault(question: str, fact: Fact) -> str:
    """The first fault of a question that should be answered by the fact's answer; empty when it has none."""
    words = stems(question)
    draft = _Draft(question, fact, words, _content(words), stems(fact.answer), stems(fact.statement))
    for name, has in _FAULTS.items():
        if has(draft):
            return name
    return ""


def _off_statement(draft: _Draft) -> bool:
    asked = draft.asked - {"happen"}
    return len(asked & set(draft.said)) < max(1.0, _MIN_SHARE_OF_STATEMENT * len(asked))


def _copies(draft: _Draft) -> bool:
    of_question, of_statement = _MAX_COPIED
    most = min(of_question * len(draft.question.split()), of_statement * len(draft.fact.statement.split()))
    return longest_run(draft.words, draft.said) > most


def _leaks(draft: _Draft) -> bool:
    last = draft.words[-1] if draft.words else ""
    ends_in_answer = last in draft.told[:2] and last in _content(draft.told)
    return ends_in_answer or longest_run(draft.words, draft.told) >= 3


def _negates(draft: _Draft) -> bool:
    asks_not = bool(_NEGATION.search(draft.question))
    says_not = bool(_NEGATION.search(draft.fact.statement.replace(draft.fact.answer, "")))
    return asks_not != says_not and (asks_not or draft.fact.opening.startswith("What happens"))


def _ends_wrong(draft: _Draft) -> bool:
    """A hanging `to` or `by` has to fit what the answer begins with."""
    hanging, answer = _HANGING.search(draft.question), draft.fact.answer
    if not hanging:
        return False
    if hanging[1] == "to" and answer.startswith("to "):
        return True
    return f"{hanging[1]} {answer}" not in draft.fact.statement and not _LINK.match(answer)


def _repeats(draft: _Draft) -> bool:
    said = Counter(draft.said)
    return any(n > max(1, said[stem]) for stem, n in Counter(draft.words).items() if stem not in FUNCTION_WORDS)


def _answer_in_question(draft: _Draft) -> bool:
    return not _content(draft.told) or " ".join(draft.told) in " ".join(draft.words)


def _answer_repeats_question(draft: _Draft) -> bool:
    told = _content(draft.told)
    return len(told - draft.asked) < 0.5 * len(told)


def _misses_condition(draft: _Draft) -> bool:
    return not needed(draft.fact.statement, draft.fact.opening) <= draft.asked


def _not_english(draft: _Draft) -> bool:
    question = draft.question
    letters = sum(map(str.isalpha, question))
    return not question.isascii() or letters < 0.5 * (len(question) - question.count(" "))


def _content(found: list[str]) -> set[str]:
    return {stem for stem in found if stem not in FUNCTION_WORDS}


_FAULTS: dict[str, Callable[[_Draft], bool]] = {
    "no_question_mark": lambda draft: not draft.question.endswith("?"),
    "bad_length": lambda draft: not _WORDS[0] <= len(draft.question.split()) <= _WORDS[1],
    "bad_opener": lambda draft: not _OPENER.match(draft.question),
    "leftover": lambda draft: bool(_LEFTOVER.search(draft.question)),
    "not_english": _not_english,
    "dangles": lambda draft: bool(_DANGLES.match(draft.question)),
    "off_statement": _off_statement,
    "misses_condition": _misses_condition,
    "negates": _negates,
    "ends_wrong": _ends_wrong,
    "repeats_itself": _repeats,
    "copies_statement": _copies,
    "leaks_answer": _leaks,
    "answer_in_question": _answer_in_question,
    "answer_repeats_question": _answer_repeats_question,
}
