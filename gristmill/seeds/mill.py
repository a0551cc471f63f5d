"""Documents -> passages: what becomes of everything in one file, in order, without knowing other files.

An entry says one of three things: a document was read, a document or passage was refused, a passage passed. Entries
depend on the file's content, its source and the parameters alone, so they can be kept (gristmill.seeds.prepared).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

from gristmill.frame.stage import Refusal
from gristmill.identity import text_hash
from gristmill.params.ingest import IngestParams, PassageBorder, Source
from gristmill.seeds.document import Document, Found, Section
from gristmill.seeds.passages import Passage, prose_share, split
from gristmill.seeds.privacy import Guard
from gristmill.seeds.prose import headings
from gristmill.seeds.spill import Candidate, Origin


@dataclass(frozen=True)
class Read:
    """A document that was read; `private` counts the personal data and secrets taken out of it, by kind."""

    private: dict[str, int]


@dataclass(frozen=True)
class Refused:
    """A document or passage that does not go on."""

    unit: str
    refusal: Refusal
    private: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Passed:
    """A passage that becomes a seed, unless its text is there already."""

    candidate: Candidate
    origin: Origin


Entry = Read | Refused | Passed


def entries(found: Iterable[Found], source: Source, ingest: IngestParams) -> Iterator[Entry]:
    """What becomes of each document and of its passages."""
    for raw in found:
        guard = Guard(ingest.privacy)
        document = guard.treat(source.name, raw)
        private = dict(guard.facts().get(source.name, {}))
        if isinstance(document, Refusal):
            yield Refused("documents", document, private)
            continue
        yield Read(private)
        for title, passage in passages(document, ingest):
            yield _settled(document, title, passage, source, ingest)


def passages(document: Document, ingest: IngestParams) -> Iterator[tuple[str | None, Passage]]:
    """The document's passages, each with the title to show; none spans two sections."""
    limits = ingest.passages
    sections = document.sections
    if limits.by is PassageBorder.HEADINGS and not sections:
        sections = tuple(Section(*found) for found in headings(document.text))
    starts = [section.offset for section in sections] or [0]
    names = [section.heading for section in sections] or [""]
    for heading, (start, end) in zip(names, pairwise([*starts, len(document.text)]), strict=True):
        title = ": ".join(dict.fromkeys(part for part in (document.title, heading) if part)) or None
        for passage in split(document.text[start:end], limits):
            yield title, Passage(start + passage.offset, passage.text, passage.tokens)


def _settled(
    document: Document, title: str | None, passage: Passage, source: Source, ingest: IngestParams
) -> Refused | Passed:
    """The passage as a candidate, or why it is none."""
    limits = ingest.passages
    where = f"{document.address} at character {passage.offset}"
    if passage.tokens < limits.min_tokens:
        value, bound = f"{passage.tokens} tokens", f"at least {limits.min_tokens}"
        return _refused(passage, "too_short", value, bound, where)
    share = prose_share(passage.text) if limits.min_prose_share else 1.0
    if share < limits.min_prose_share:
        bound = f"at least {limits.min_prose_share:g}"
        return _refused(passage, "not_prose", f"{share:.2f} of the characters", bound, where)
    about = document.about
    language = about.language or source.language or (_language(passage.text) if ingest.detect_language else None)
    candidate = Candidate(passage.text, title, passage.tokens, language, about.stratum, about.fields)
    licence = about.licence or source.licence
    return Passed(candidate, Origin(source.name, document.id, document.address, passage.offset, licence))


def _refused(passage: Passage, reason: str, value: str, bound: str, where: str) -> Refused:
    return Refused("passages", Refusal(text_hash(passage.text), reason, value, bound, where, passage.text))


def _language(text: str) -> str | None:
    """The likeliest language's tag; None for a text without letters."""
    return str(_identifier().classify(text)[0]) if any(map(str.isalpha, text)) else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # its model takes a second to load

    return LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=False)
