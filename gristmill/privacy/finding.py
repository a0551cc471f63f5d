"""What was found in a text: where, and of what kind. The value itself is never part of it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of a text, in characters, that is personal data or a secret of this kind."""

    start: int
    end: int
    kind: str
    score: float = 1.0


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; where two overlap, the surer one stays, then the longer one, then the first."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (-span.score, span.start - span.end, span.start)):
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted(kept)


def replaced(text: str, spans: Iterable[Span]) -> str:
    """The text with each span, none of them overlapping, replaced by `[kind]`."""
    parts, end = [], 0
    for span in sorted(spans):
        parts += [text[end : span.start], f"[{span.kind}]"]
        end = span.end
    return "".join([*parts, text[end:]])


def lines_of(text: str) -> Iterable[tuple[int, str]]:
    """Each line with the place where it begins."""
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1
