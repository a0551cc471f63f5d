"""Personal data and secrets in documents: redacted before a passage is cut, or the document refused.

So no model ever sees them, and a key that spans two passages is gone from both. Offsets of sections, and of passages in
a seed's origins, count characters of the redacted document.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gristmill.frame.stage import Refusal
from gristmill.params.private import PrivacyParams
from gristmill.privacy.finding import Span
from gristmill.privacy.redact import in_json
from gristmill.privacy.settings import treatments_of
from gristmill.privacy.treat import Treatments
from gristmill.seeds.document import Found


@dataclass(frozen=True)
class Guard:
    """Treats documents; counts what was found, by source and kind, and never repeats it."""

    params: PrivacyParams
    found: dict[str, Counter[str]] = field(default_factory=dict)

    def treat(self, source: str, document: Found) -> Found:
        """The document without what is private, or its refusal."""
        if isinstance(document, Refusal):
            return document
        treatments = treatments_of(self.params)
        treated = treatments.apply(document.text)
        counts = self.found.setdefault(source, Counter())
        counts.update(treated.found)
        if treated.refused:
            reasons = ", ".join(f"{treated.found[kind]} {kind}" for kind in treated.refused)
            return Refusal(document.address, "private", reasons, "none", document.address, document.text)
        title = treatments.apply(document.title).text if document.title else document.title
        about = replace(document.about, fields=_inside(document.about.fields, treatments))
        if not treated.found:
            return replace(document, title=title, about=about)
        spans = treatments.spans(document.text)
        sections = tuple(
            replace(each, offset=moved(each.offset, spans), heading=treatments.apply(each.heading).text)
            for each in document.sections
        )
        return replace(document, text=treated.text, title=title, sections=sections, about=about)

    def facts(self) -> Mapping[str, Mapping[str, int]]:
        """How often each kind was found in each source."""
        return {source: dict(sorted(counts.items())) for source, counts in self.found.items() if counts}


def _inside(fields: str | None, treatments: Treatments) -> str | None:
    """A JSON object with its texts treated."""
    if not fields or not treatments.spans(fields):
        return fields
    return in_json(fields, lambda text: treatments.apply(text).text)


def moved(offset: int, spans: Sequence[Span]) -> int:
    """Where a place in the text lies once the spans are replaced by their kinds."""
    for span in reversed(spans):
        if span.start < offset:
            offset += len(span.kind) + 2 - (min(span.end, offset) - span.start)
    return offset
