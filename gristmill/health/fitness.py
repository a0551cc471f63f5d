"""Can these two sets be compared at all? Where they cannot, every measure would still give a number, and mislead."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import islice
from typing import Any

from gristmill.errors import InputError
from gristmill.health.sets import TextSet, text_identity
from gristmill.text import words

MAX_SHARED = 0.05
"""Share of the candidate's distinct texts that may stand in the reference too."""
_FEW_SHARED = 10
"""So many may be shared in any case: set phrases, and the one answer that a collapsed model gives."""
MAX_LANGUAGE_DISTANCE = 0.5
_CHUNK_WORDS = 100
_CHUNKS = 50


def identities(texts: Sequence[str]) -> frozenset[int]:
    """The texts' hashes, to be watched for when the other set is read."""
    return frozenset(text_identity(text) for text in texts)


def check_fitness(candidate: TextSet, reference: TextSet) -> None:
    """Raises InputError when the sets are the same, share texts, or are in different languages.

    `reference` was read watching for the candidate's texts.
    """
    if (candidate.rows, candidate.digest) == (reference.rows, reference.digest):
        raise InputError(
            "candidate and reference hold the same texts",
            where=str(candidate.path),
            expected="generated text against real text that it was not made of",
            do="name another reference",
        )
    _check_shared(reference)
    _check_languages(candidate, reference)


def _check_shared(reference: TextSet) -> None:
    shared, distinct = len(reference.seen), len(reference.watched)
    if shared > max(_FEW_SHARED, MAX_SHARED * distinct):
        raise InputError(
            f"the reference contains {shared:,} of {distinct:,} distinct texts of the candidate",
            where=str(reference.path),
            expected=f"at most {MAX_SHARED:.0%} in both: a set measured against itself looks healthy",
            do="take the shared texts out of either set, or name real text that the candidate does not hold",
        )


def _check_languages(candidate: TextSet, reference: TextSet) -> None:
    found, wanted = languages(candidate.texts), languages(reference.texts)
    distance = sum(abs(found[code] - wanted[code]) for code in {*found, *wanted}) / 2
    if distance > MAX_LANGUAGE_DISTANCE:
        raise InputError(
            f"the candidate is in {_most(found)}, the reference in {_most(wanted)}",
            where=str(candidate.path),
            expected="both in the same language: between languages the measures say nothing of collapse",
            do="name a reference in the candidate's language",
        )


def languages(texts: Sequence[str]) -> Counter[str]:
    """Shares of the languages (ISO 639-1) among the first texts, told from 100 words at a time."""
    found = Counter(_identifier().classify(chunk)[0] for chunk in islice(_chunks(texts), _CHUNKS))
    return Counter({code: count / found.total() for code, count in found.items()})


def _chunks(texts: Sequence[str]) -> Sequence[str]:
    """Texts joined to at least 100 words each; the rest at the end counts only when there is nothing else."""
    chunks: list[str] = []
    open_: list[str] = []
    count = 0
    for text in texts:
        open_.append(text)
        count += len(words(text))
        if count >= _CHUNK_WORDS:
            chunks.append("\n".join(open_))
            open_, count = [], 0
        if len(chunks) == _CHUNKS:
            break
    return chunks or ["\n".join(open_)]


def _most(shares: Counter[str]) -> str:
    code, share = shares.most_common(1)[0]
    return f"{code!r} ({share:.0%})"


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)
