"""What the grammar of a statement offers to ask: the opening of a question, and the part that answers it.

    If the disk is full, the database refuses new writes.
        `What happens if the disk ...`  ->  the database refuses new writes
    Log files are kept in the log folder.
        `Where are log files ...`  ->  in the log folder

An answer is always a part of the statement. The opening holds the subject, so that what is left
for the model is the end of the question. Rules that offered wrong pairs were tightened by reading
what came out; what they miss is only lost, not wrong.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.recipes.questions.statements import has_verb
from gristmill.recipes.questions.stems import content_stems

VERBS = re.compile(
    r"(?<![\w`])(is|are|can|may|must|should|will|allows?|raises?|returns|makes?|uses|takes|causes|yields?|specif(?:y|ies)"
    r"|defines?|binds|creates?|calls|evaluates?|contains?|provides?|represents?|supports?|produces?|refers?|means"
    r"|requires?|implements?|accepts?|determines?|gives?|needs?|describes?|overrides|has|have|introduces?|converts?"
    r"|removes|consists?|depends?|holds|does|do|cannot)(?![\w`])"
)
PARTICIPLE = r"(?:\w+ly )?(?:\w+(?:ed|en|wn|un|und|lt|ld|id)|made|put|set)"
_PASSIVE = re.compile(rf"({PARTICIPLE}) (by [a-z]+ing|using|through|via|in|on|at|to|by|from|with|as|for|into) .+")
_MODAL_PASSIVE = re.compile(f"be {_PASSIVE.pattern}")
_DONE = re.compile(rf" (?:be )?(?:\w+ly |also |then )?({PARTICIPLE})(?= )")
_MODALS = ("can", "may", "must", "should", "will")
_CONDITION = re.compile(r"(If|When|Whenever|Once) ([^,]+), (?:then )?(?!and |or |but )(.+)")
_NO_CONSEQUENCE = re.compile(r"(so|which|where|as|even|including|rather|unless|except|and|or|any|instead)\b|return\b")
_SUBORDINATE = re.compile(r",|\b(that|which|who|where|if|when|to)\b")
_ADVERB = re.compile(
    r"^(also|then|only|already|itself|themselves|simply|therefore|always|usually|generally|actually|normally|thus) "
)
_NEGATED = re.compile(r"(not|no|never|neither|n't)\b")
_NO_SUBJECT = re.compile(r"(if|just|for|in|on|by|with|from|at|to|as|like|given|while|although|even)\b")
_WHEN = re.compile(
    r"^(?!.*(?:,| and | or ).* (?:if|when) )\S.*? (?:only )?"
    r"((?:if|when|whenever) (?:a|an|the|_+|no|all|any|one|both) .+)"
)
_REASONS = ("because", "so that", "in order to")
_WHY = re.compile(rf",? ((?:{'|'.join(_REASONS)}) .+)")
_TAIL = re.compile(
    r",? (?:only )?(?:if|when|whenever|once|because|so that|unless|but|while|although|since|even"
    r"|and (?:is|are|must|may|can|will|has|have|the|then))(?= )|,|;"
)
_LIST_AFTER_COMMA = re.compile(r"(?:^|,) ?(?:and|or) |^[^,]* (?:and|or) ")
_ALLOW = re.compile(r"(.{3,40}?) to ([a-z].+)")
_BY = re.compile(r"([a-z]+ .+?) (by [a-z]+ing .+|using .+)")
_PREPOSITION = re.compile(r"(in|on|at|by|as|for|up|out|with)\b")
_NO_PLACE = re.compile(
    r"(in|on|at) (to|as|or|and|order|addition|place|which|case|such|any|all|most|general)\b|.* order$"
)
_NAMED_KIND = re.compile(
    r"(methods?|functions?|operators?|statements?|exceptions?|attributes?|modules?|clauses?|keywords?|class|types?"
    r"|expressions?|commands?|constructor)$"
)
_HANGING = ("and", "or", "of", "the", "a", "to", "by", "with", "that", "which", "is", "are")
_HANGING_END = re.compile(rf"\b({'|'.join(_HANGING)})$")
_PRONOUN = re.compile(r"\b(it|its|they|their|them)\b")
_MASKED = re.compile(r"`[^`]*`|\([^()]*\)")


@dataclass(frozen=True)
class Pair:
    """The first words of a question, and its answer."""

    opening: str
    answer: str


@dataclass(frozen=True)
class Clause:
    """A main clause taken apart: `rest` is all that follows the verb, `short` ends before the next clause begins."""

    subject: str
    verb: str
    rest: str
    short: str

    @property
    def asker(self) -> str:
        """The verb that a question about it begins with."""
        if self.verb in ("is", "are", *_MODALS):
            return self.verb
        return "does" if self.verb.endswith("s") else "do"


def mask(text: str) -> str:
    """The text with code and brackets blanked out, every character kept in its place."""
    if "`" not in text and "(" not in text:
        return text
    return _MASKED.sub(lambda hit: "_" * len(hit[0]), text)


def pairs(statement: str) -> list[Pair]:
    """What can be asked about a statement; empty when its grammar offers nothing."""
    body = statement.rstrip(".")
    hidden = mask(body)
    condition = _CONDITION.match(hidden)
    if condition:
        found = _after_condition(body, condition)
    else:
        clause = _main_clause(body, hidden)
        found = [*_reasons(clause), *_objects(clause), *_names(clause)] if clause else []
    return [pair for pair in map(_trimmed, found) if _can_stand(pair)]


def needed(statement: str, opening: str) -> frozenset[str]:
    """Content stems that the question must hold: the whole condition after `What happens`, else the verb."""
    hidden = mask(statement)
    if opening.startswith("What happens"):
        return content_stems(statement[: hidden.index(",")])
    verb = VERBS.search(hidden)
    if not verb:
        return frozenset()
    done = _DONE.match(hidden[verb.end() :])
    return content_stems(f"{verb[1]} {done[1] if done else ''}")


def _after_condition(body: str, found: re.Match[str]) -> list[Pair]:
    if not has_verb(found[2]) or _NO_CONSEQUENCE.match(found[3]):
        return []
    words = body[found.start(2) : found.end(2)].split()
    word = "if" if found[1] == "If" else "when"
    opening = f"What happens {word} {' '.join(words[: max(2, len(words) // 2)])}"
    return [Pair(opening, body[found.start(3) :])]


def _main_clause(body: str, hidden: str) -> Clause | None:
    verb = VERBS.search(hidden)
    if not verb or verb.start() < 2 or _SUBORDINATE.search(hidden[: verb.start()]):
        return None
    subject = _lower_first(body[: verb.start()].strip())
    rest = _ADVERB.sub("", body[verb.end() :].strip())
    if verb[1] in ("cannot", "does", "do") or _NEGATED.match(rest):
        return None
    if len(subject.split()) > 7 or _NO_SUBJECT.match(subject):
        return None
    return Clause(subject, verb[1], rest, _short(rest))


def _short(rest: str) -> str:
    """`rest` up to where the next clause begins."""
    hidden = mask(rest)
    stop = _TAIL.search(hidden)
    if not stop:
        return rest
    after = hidden[stop.end() :]
    if stop[0] == "," and not has_verb(after.split(",")[0]) and _LIST_AFTER_COMMA.search(after):
        return rest  # the comma of an enumeration, not of a clause
    short = rest[: stop.start()].strip()
    conditional = stop[0].strip() in ("if", "when", "whenever", "once")
    if conditional and re.search(r"\b(that|which|who)\b", mask(short)):
        return rest  # the condition belongs to the relative clause
    return short


def _reasons(clause: Clause) -> Iterator[Pair]:
    """When and why, where the clause says so."""
    hidden = mask(clause.rest)
    when = _WHEN.search(hidden) if "if " in hidden or "when" in hidden else None
    why = _WHY.search(hidden) if any(word in hidden for word in _REASONS) else None
    if when:
        yield Pair(f"When {clause.asker} {clause.subject}", clause.rest[when.start(1) :])
    if why:
        yield Pair(f"Why {clause.asker} {clause.subject}", clause.rest[why.start(1) :])


def _objects(clause: Clause) -> Iterator[Pair]:
    """What, where and how: at most one, by the first rule that takes hold."""
    asked = f"{clause.asker} {clause.subject}"
    done = (_MODAL_PASSIVE if clause.asker in _MODALS else _PASSIVE).match(clause.short)
    allow = _ALLOW.match(clause.short) if clause.verb in ("allow", "allows") else None
    by = _BY.match(clause.short) if clause.asker in _MODALS[:4] and not clause.short.startswith("be ") else None
    if done and clause.asker not in ("do", "does"):
        yield from _passive(clause, asked, done)
    elif allow:
        yield Pair(f"What {asked} {clause.verb.rstrip('s')} {allow[1]} to", allow[2])
    elif by:
        yield Pair(f"How {asked}", by[2])
    elif clause.asker in ("is", "are"):
        if re.match(r"(a|an|the|any|one) (?!same)", clause.short):
            yield Pair(f"What {asked}", clause.short)
    elif clause.asker in _MODALS:
        yield from _modal(asked, clause.short)
    elif clause.short and not _PREPOSITION.match(clause.short):
        yield Pair(f"What {asked}", clause.short.removeprefix("that "))


def _passive(clause: Clause, asked: str, done: re.Match[str]) -> Iterator[Pair]:
    be = "be " if clause.asker in _MODALS else ""
    participle, link = done[1], done[2]
    whole, after = clause.short[done.start(2) :], clause.short[done.end(2) :].strip()
    told = whole if participle == "used" else after
    if participle == "used" and link in ("to", "for"):
        yield Pair(f"What {asked} {be}used", whole)
    elif link in ("using", "through", "via") or " " in link:
        yield Pair(f"How {asked}", whole)
    elif link in ("in", "on", "at"):
        if not _NO_PLACE.match(whole):
            yield Pair(f"Where {asked}", whole)
    elif not re.match(r"(in|on|at|by|to|well|a way)\b", told) and (link != "to" or _is_noun_phrase(told)):
        yield Pair(f"What {asked} {be}{participle} {link}", told)


def _modal(asked: str, short: str) -> Iterator[Pair]:
    first, _, others = short.partition(" ")
    if first == "be":
        if re.match(r"(a|an|the|any|one)\b", others):
            yield Pair(f"What {asked} be", others)
    elif first not in ("have", "not", "also", "occur", "appear", "happen", "only") and not re.match(
        r"(in|on|at|to|by|as|from|for|with|between|during|up|out)\b", others
    ):
        yield Pair(f"What {asked} {first}", others.removeprefix("that "))


def _names(clause: Clause) -> Iterator[Pair]:
    """Which function, method or exception: where the subject is a name from code."""
    code = re.fullmatch(r"(?:the )?(`[^`]+`)((?: \w+)*?)(?: (\w+))?", clause.subject)
    if not code or len(clause.rest.split()) < 5 or re.search(r"\b(its|their|it|they)\b", clause.rest):
        return
    kind = code[3] if code[3] and _NAMED_KIND.search(code[3]) else _kind_of(code[1])
    if kind:
        yield Pair(f"Which {kind} {clause.verb}", clause.subject if code[3] else code[1])


def _kind_of(code: str) -> str | None:
    if re.search(r"(Error|Exception|Iteration)`$", code):
        return "exception"
    if re.search(r"__\w+__\(", code):
        return "method"
    return "function" if "()" in code else None


def _is_noun_phrase(text: str) -> bool:
    return bool(re.match(r"(a|an|the|any)\b|`", text))


def _lower_first(text: str) -> str:
    """A small first letter for an ordinary word from the start of a sentence; a lone `Element` stays a name."""
    first, _, more = text.partition(" ")
    ordinary = re.fullmatch(r"[A-Z][a-z-]*", first) and first not in ("Python", "Unicode", "Boolean")
    return text[:1].lower() + text[1:] if ordinary and (more or first.endswith("s")) else text


def _trimmed(pair: Pair) -> Pair:
    return Pair(pair.opening, pair.answer.strip(" ,"))


def _can_stand(pair: Pair) -> bool:
    """Whether the answer can stand alone: 1-30 words, brackets and code closed, something to hold on to."""
    answer = pair.answer
    return (
        1 <= len(answer.split()) <= 30
        and answer.count("(") == answer.count(")")
        and answer.count("[") == answer.count("]")
        and answer.count("`") % 2 == 0
        and answer not in ("the default", "the same", "a way")
        and not (answer.endswith(_HANGING) and _HANGING_END.search(answer))
        and bool(content_stems(answer))
        and not (("it" in pair.opening or "the" in pair.opening) and _PRONOUN.search(pair.opening))
    )
