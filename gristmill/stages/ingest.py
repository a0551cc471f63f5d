"""Sources -> seeds: documents in normal form, cut into passages, each text once.

Two ledgers: `documents` (every document found, or refused in its file) and `passages` (those cut
from the documents; out are the seeds); with a sample a third one, `seeds`. What was prepared from a file that has
not changed is taken from the private state instead of read again. Files are compared with inputs/sources.lock
first, all of them, and read one after the other in its order. Memory is bounded by the largest document: a seed's
row is complete only when its last origin is known, so passages wait in a temporary file (see
gristmill.seeds.spill) and are written in the end, in order of first appearance.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import InputError
from gristmill.frame.stage import Refusal, StageRun, stage_run
from gristmill.identity import text_hash
from gristmill.layout import Layout, Stage
from gristmill.params.ingest import Format, IngestParams, Sample, Source, SourceKind
from gristmill.params.load import load_section
from gristmill.params.publish import StoreParams
from gristmill.schema import SEED
from gristmill.seeds import python_docs
from gristmill.seeds.document import Found, Reading
from gristmill.seeds.formats import read_documents
from gristmill.seeds.mill import Entry, Passed, Refused, entries
from gristmill.seeds.pinned import PinnedFile, PinnedSource, opened, pinned_sources, place_of, verify
from gristmill.seeds.prepared import PreparedFiles
from gristmill.seeds.recognise import named_format
from gristmill.seeds.sources import read_lock
from gristmill.seeds.spill import SeedSpill

if TYPE_CHECKING:
    from gristmill.store.client import Store

_EXAMPLES = 3
_SINGLE = (Format.TEXT, Format.MARKDOWN, Format.HTML, Format.PDF)


def run(layout: Layout) -> None:
    """Runs the stage. Raises InputError when the sources are not as pinned, or no seed is left."""
    ingest = load_section(IngestParams, layout.params, "ingest")
    lock = read_lock(layout.sources_lock)
    sources = pinned_sources(lock, ingest, str(layout.sources_lock))

    @cache
    def store() -> "Store":
        from gristmill.store.client import connect  # only when a source lies in a store

        return connect(load_section(StoreParams, layout.params, "store"))

    kept = PreparedFiles(layout.state / "seeds", ingest)
    with stage_run(Stage.INGEST, layout) as stage:
        take_sources(sources, ingest, layout, store, stage, kept)
        stage.metric(files_not_read_again=kept.reused)
    kept.prune()


def take_sources(
    sources: list[PinnedSource],
    ingest: IngestParams,
    layout: Layout,
    store: Callable[[], "Store"],
    stage: StageRun,
    kept: PreparedFiles | None,
) -> None:
    """Verifies the sources and writes their seeds through `stage`. Without `kept` every file is read."""
    verify(sources, layout, store)
    stage.progress.unit = "documents"
    stage.progress.total = _documents_expected(sources)
    with _private_folder(layout) as folder, closing(SeedSpill(folder / "seeds.sqlite")) as seeds:
        mill = _Mill(ingest, stage, seeds)
        counts = [mill.take(pinned, _entries(pinned, ingest, layout, store, kept)) for pinned in sources]
        mill.write_seeds()
    private = {source: dict(sorted(found.items())) for source, found in mill.private.items() if found}
    stage.used(sources=counts, private=private, **_python_docs(sources))


@dataclass
class _Mill:
    """What becomes of documents and passages in, seeds out, both sides booked."""

    ingest: IngestParams
    stage: StageRun
    seeds: SeedSpill
    refused: Counter[str] = field(default_factory=Counter)
    private: dict[str, Counter[str]] = field(default_factory=dict)
    """Personal data and secrets found, by source and kind."""
    examples: list[Refusal] = field(default_factory=list)

    def take(self, pinned: PinnedSource, entries: Iterable[Entry]) -> dict[str, Any]:
        """Takes one source's entries; gives its counts."""
        documents, passages = self.stage.ledger("documents"), self.stage.ledger("passages")
        before = (documents.out, passages.entered, passages.out)
        for entry in entries:
            self._take(entry, pinned)
        vanished = {"vanished": list(pinned.vanished)} if pinned.vanished else {}
        return {
            "name": pinned.source.name,
            "files": len(pinned.files),
            "documents": documents.out - before[0],
            "passages": passages.entered - before[1],
            "seeds": passages.out - before[2],
            **vanished,
        }

    def write_seeds(self) -> None:
        """Writes the seeds, or a sample of them. Raises InputError when there are none."""
        if self.ingest.sample:
            self._sample(self.ingest.sample)
        out = self.stage.writer(SEED)
        for row in self.seeds.rows():
            out.append(row)
        if not out.rows:
            raise self._nothing_left()

    def _take(self, entry: Entry, pinned: PinnedSource) -> None:
        if isinstance(entry, Passed):
            self.stage.ledger("passages").entered += 1
            self._settle(entry, pinned.source.weight)
            return
        self.private.setdefault(pinned.source.name, Counter()).update(entry.private)
        unit = entry.unit if isinstance(entry, Refused) else "documents"
        ledger = self.stage.ledger(unit)
        ledger.entered += 1
        if unit == "documents":
            self.stage.progress.advance(1)
        if isinstance(entry, Refused):
            self._refuse(unit, entry.refusal)
        else:
            ledger.out += 1

    def _settle(self, passed: Passed, weight: float) -> None:
        """Makes the passage a seed, or refuses it as a repeat."""
        if self.seeds.add(passed.candidate, passed.origin, weight):
            self.stage.ledger("passages").out += 1
            return
        text, origin = passed.candidate.text, passed.origin
        where = f"{origin.address} at character {origin.offset}"
        identity = text_hash(text)
        self._refuse("passages", Refusal(identity, "duplicate", identity, "a text seen once", where, text))

    def _sample(self, sample: Sample) -> None:
        ledger = self.stage.ledger("seeds")
        ledger.entered = self.stage.ledger("passages").out
        for identity, where in self.seeds.sample(sample):
            self._refuse("seeds", Refusal(identity, "not_sampled", threshold=f"{sample.seeds} seeds", where=where))
        ledger.out = ledger.entered - ledger.rejected.total()

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


def _entries(
    pinned: PinnedSource,
    ingest: IngestParams,
    layout: Layout,
    store: Callable[[], "Store"],
    kept: PreparedFiles | None,
) -> Iterator[Entry]:
    """What becomes of the source's documents, file by file."""
    source = pinned.source
    for file in pinned.files:
        fresh = entries(_found(file, source, ingest, layout, store), source, ingest)
        yield from kept.entries(file, source, fresh) if kept else fresh


def _found(
    file: PinnedFile, source: Source, ingest: IngestParams, layout: Layout, store: Callable[[], "Store"]
) -> Iterator[Found]:
    """The file's documents and refusals."""
    if source.kind is SourceKind.PYTHON_DOCS:
        yield from python_docs.documents()
        return
    with opened(file, place_of(file, layout), store) as stream:
        yield from read_documents(stream, Reading(file.address, source, ingest))


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
