"""Sources -> seeds: documents in normal form, cut into passages, each text once.

Two ledgers: `documents` (every document found, or refused in its file) and `passages` (those cut
from the documents; out are the seeds). Files are compared with inputs/sources.lock first, all of
them, and read one after the other in its order. Memory is bounded by the largest document: a seed's
row is complete only when its last origin is known, so passages wait in a temporary file (see
gristmill.seeds.spill) and are written in the end, in order of first appearance.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.errors import InputError
from gristmill.frame.stage import Refusal, StageRun, stage_run
from gristmill.identity import text_hash
from gristmill.layout import Layout, Stage
from gristmill.params.ingest import Format, IngestParams, SourceKind
from gristmill.params.load import load_section
from gristmill.params.publish import StoreParams
from gristmill.schema import SEED
from gristmill.seeds import python_docs
from gristmill.seeds.document import Document, Found, Reading
from gristmill.seeds.formats import read_documents
from gristmill.seeds.passages import Passage, prose_share, split
from gristmill.seeds.pinned import PinnedSource, opened, pinned_sources, verify
from gristmill.seeds.privacy import Guard
from gristmill.seeds.recognise import named_format
from gristmill.seeds.sources import read_lock
from gristmill.seeds.spill import Candidate, Origin, SeedSpill

if TYPE_CHECKING:
    from gristmill.store.client import Store

_EXAMPLES = 3
_SINGLE = (Format.TEXT, Format.MARKDOWN, Format.HTML, Format.PDF)


def run(layout: Layout) -> None:
    """Runs the stage. Raises InputError when the sources are not as pinned, or no seed is left."""
    ingest = load_section(IngestParams, layout.params, "ingest")
    sources = pinned_sources(read_lock(layout.sources_lock), ingest, str(layout.sources_lock))

    @cache
    def store() -> "Store":
        from gristmill.store.client import connect  # only when a source lies in a store

        return connect(load_section(StoreParams, layout.params, "store"))

    verify(sources, layout.root, store)
    with stage_run(Stage.INGEST, layout) as stage, _private_folder(layout) as folder:
        stage.progress.unit = "documents"
        stage.progress.total = _documents_expected(sources)
        with closing(SeedSpill(folder / "seeds.sqlite")) as seeds:
            mill = _Mill(ingest, stage, seeds, Guard(ingest.privacy))
            counts = [mill.take(pinned, _found(pinned, ingest, layout, store, folder)) for pinned in sources]
            mill.write_seeds()
        stage.used(sources=counts, private=mill.guard.facts(), **_python_docs(sources))


@dataclass
class _Mill:
    """Documents in, seeds out, both sides booked."""

    ingest: IngestParams
    stage: StageRun
    seeds: SeedSpill
    guard: Guard
    refused: Counter[str] = field(default_factory=Counter)
    examples: list[Refusal] = field(default_factory=list)

    def take(self, pinned: PinnedSource, documents: Iterator[Found]) -> dict[str, int | str]:
        """Takes one source's documents; gives its counts."""
        ledger = self.stage.ledger("documents")
        self.stage.ledger("passages")
        before = ledger.out
        passages = seeds = 0
        for raw in documents:
            found = self.guard.treat(pinned.source.name, raw)
            ledger.entered += 1
            self.stage.progress.advance(1)
            if isinstance(found, Refusal):
                self._refuse("documents", found)
                continue
            ledger.out += 1
            made, new = self._take_document(pinned, found)
            passages, seeds = passages + made, seeds + new
        return {
            "name": pinned.source.name,
            "files": len(pinned.files),
            "documents": ledger.out - before,
            "passages": passages,
            "seeds": seeds,
        }

    def write_seeds(self) -> None:
        """Writes the seeds. Raises InputError when there are none."""
        out = self.stage.writer(SEED)
        for row in self.seeds.rows():
            out.append(row)
        if not out.rows:
            raise self._nothing_left()

    def _take_document(self, pinned: PinnedSource, document: Document) -> tuple[int, int]:
        """Passages made of the document, and the seeds that were new among them."""
        ledger = self.stage.ledger("passages")
        made = new = 0
        for title, passage in _passages(document, self.ingest):
            ledger.entered += 1
            made += 1
            refusal = self._settle(pinned, document, title, passage)
            if refusal:
                self._refuse("passages", refusal)
            else:
                ledger.out += 1
                new += 1
        return made, new

    def _settle(self, pinned: PinnedSource, document: Document, title: str | None, passage: Passage) -> Refusal | None:
        """Makes the passage a seed, or tells why not."""
        limits = self.ingest.passages
        seed_id = text_hash(passage.text)
        where = f"{document.address} at character {passage.offset}"
        if passage.tokens < limits.min_tokens:
            value, bound = f"{passage.tokens} tokens", f"at least {limits.min_tokens}"
            return Refusal(seed_id, "too_short", value, bound, where, passage.text)
        share = prose_share(passage.text)
        if share < limits.min_prose_share:
            bound = f"at least {limits.min_prose_share:g}"
            return Refusal(seed_id, "not_prose", f"{share:.2f} of the characters", bound, where, passage.text)
        about, source = document.about, pinned.source
        licence, language = about.licence or source.licence, about.language or source.language
        origin = Origin(source.name, document.id, document.address, passage.offset, licence)
        candidate = Candidate(passage.text, title, passage.tokens, language, about.stratum, about.fields)
        if self.seeds.add(candidate, origin):
            return None
        return Refusal(seed_id, "duplicate", seed_id, "a text seen once", where, passage.text)

    def _refuse(self, unit: str, refusal: Refusal) -> None:
        self.stage.reject(self.stage.ledger(unit), refusal)
        self.refused[f"{unit} {refusal.reason}"] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(refusal)

    def _nothing_left(self) -> InputError:
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.refused.most_common())
        places = "; ".join(f"{refusal.where} {refusal.reason} {refusal.value}".strip() for refusal in self.examples)
        return InputError(
            f"no seed is left: {reasons or 'the sources hold no document'}" + (f" (first: {places})" if places else ""),
            where="ingest",
            expected="at least one passage that passes ingest.passages",
            do="mend the files, set the source's `text_column` where a column is missing,"
            " or loosen ingest.passages in params.yaml",
        )


def _found(
    pinned: PinnedSource, ingest: IngestParams, layout: Layout, store: Callable[[], "Store"], folder: Path
) -> Iterator[Found]:
    """The source's documents and refusals, file by file."""
    if pinned.source.kind is SourceKind.PYTHON_DOCS:
        yield from python_docs.documents()
        return
    for file in pinned.files:
        with opened(file, layout.root, store, folder) as path, path.open("rb") as stream:
            yield from read_documents(stream, Reading(file.address, pinned.source, ingest))


def _passages(document: Document, ingest: IngestParams) -> Iterator[tuple[str | None, Passage]]:
    """The document's passages, each with the title to show; none spans two sections."""
    limits = ingest.passages
    starts = [section.offset for section in document.sections] or [0]
    headings = [section.heading for section in document.sections] or [""]
    for heading, (start, end) in zip(headings, pairwise([*starts, len(document.text)]), strict=True):
        title = ": ".join(part for part in (document.title, heading) if part) or None
        for passage in split(document.text[start:end], limits.max_tokens, limits.min_tokens):
            yield title, Passage(start + passage.offset, passage.text, passage.tokens)


def _documents_expected(sources: list[PinnedSource]) -> int | None:
    """How many documents will come, where the files' names tell: texts are one each, rows nobody has counted."""
    total = 0
    for pinned in sources:
        if pinned.source.kind is SourceKind.PYTHON_DOCS:
            total += python_docs.topic_count()
            continue
        if any(named_format(file.address) not in _SINGLE for file in pinned.files):
            return None
        total += len(pinned.files)
    return total


def _python_docs(sources: list[PinnedSource]) -> dict[str, str]:
    """The built-in source's content, where it is used."""
    used = any(pinned.source.kind is SourceKind.PYTHON_DOCS for pinned in sources)
    return {"python_docs_sha256": python_docs.fingerprint()} if used else {}


@contextmanager
def _private_folder(layout: Layout) -> Iterator[Path]:
    """A fresh folder for what must not grow in memory; removed afterwards."""
    folder = layout.state / "tmp" / "ingest-spill"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
