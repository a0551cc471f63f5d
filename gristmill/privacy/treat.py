"""What is done with what was found: redacted, or the whole text refused; by kind."""

from collections.abc import Mapping
from dataclasses import dataclass

from gristmill.privacy.finding import Span, replaced, without_overlaps
from gristmill.privacy.personal import Kind, personal_data
from gristmill.privacy.secrets import secrets


@dataclass(frozen=True)
class Treated:
    """A text after treatment, how often each kind was found, and the kinds for which it has to be refused."""

    text: str
    found: Mapping[str, int]
    refused: tuple[str, ...]


@dataclass(frozen=True)
class Treatments:
    """The kinds to look for: those to redact, those to refuse."""

    redact: frozenset[str]
    reject: frozenset[str]
    secrets: bool
    """Whether secrets are looked for; all of their kinds are then treated as the kind `secrets`."""

    def spans(self, text: str) -> list[Span]:
        """What is looked for and stands in the text, in order."""
        kinds = [kind for kind in Kind if kind.value in self.redact | self.reject]
        found = personal_data(text, kinds) if kinds else []
        return without_overlaps([*found, *secrets(text)]) if self.secrets else found

    def apply(self, text: str) -> Treated:
        """The text with everything redacted that is not a reason to refuse it."""
        spans = self.spans(text)
        found: dict[str, int] = {}
        for span in spans:
            found[span.kind] = found.get(span.kind, 0) + 1
        refused = tuple(kind for kind in found if self._group(kind) in self.reject)
        return Treated(replaced(text, spans) if spans else text, found, refused)

    def _group(self, kind: str) -> str:
        return kind if kind in set(Kind) else "secrets"
