"""Shards: Parquet files named by their sha256, the same bytes for the same rows, however they come in.

Rows are packed into batches of 1,024 from the start of a shard, and all sizes are taken from
these, so that neither the reader's batches nor the machine show in the bytes. The rows of a parent
release are cut where its shards were cut (`cuts`): they give the very same files, and a cumulative
release uploads only what is new. No split shares a file with another; an empty split has none.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.frame.parquet import ROW_GROUP_BYTES, PartWriter
from gristmill.schema import PUBLISHED

SHARDS = "shards"
SPLITS = ("train", "validation", "test")
_BATCH_ROWS = 1024
_UNCUT = 1 << 62


@dataclass(frozen=True)
class ShardFile:
    """One published file; `path` is relative to the release's prefix."""

    path: str
    split: str
    rows: int
    bytes: int
    sha256: str


@dataclass
class SplitWriter:
    """Writes the rows of one split, first along the parent's `cuts` (rows per shard), then by `shard_bytes`."""

    split: str
    folder: Path
    shard_bytes: int
    cuts: Sequence[int] = ()
    files: list[ShardFile] = field(default_factory=list)
    _pending: list[pa.RecordBatch] = field(default_factory=list)
    _pending_rows: int = 0
    _writer: PartWriter | None = None
    _cut: int = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds PUBLISHED rows of this split."""
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        while self._pending_rows >= self._wanted():
            self._pack(self._wanted())

    def close(self) -> list[ShardFile]:
        """Writes what is left; gives the split's files in the order of their rows."""
        if self._pending_rows:
            self._pack(self._pending_rows)
        self._close_run()
        return self.files

    def _wanted(self) -> int:
        """Rows of the next batch: 1,024, or what is left up to the parent's next cut."""
        return min(_BATCH_ROWS, self._left_to_cut())

    def _left_to_cut(self) -> int:
        if self._cut >= len(self.cuts):
            return _UNCUT
        return self.cuts[self._cut] - (self._writer.rows if self._writer else 0)

    def _pack(self, rows: int) -> None:
        """Writes the first `rows` pending rows as one compact batch."""
        table = pa.Table.from_batches(self._pending, schema=PUBLISHED)
        packed = table.take(pa.array(range(rows))).combine_chunks()
        self._pending = table.slice(rows).to_batches()
        self._pending_rows -= rows
        if self._writer is None:
            at_cut = self._cut < len(self.cuts)
            self._writer = PartWriter(
                self._run_folder(),
                PUBLISHED,
                row_group_bytes=min(ROW_GROUP_BYTES, self.shard_bytes),
                part_bytes=_UNCUT if at_cut else self.shard_bytes,
            )
        for batch in packed.to_batches():
            self._writer.write(batch)
        if self._left_to_cut() == 0:
            self._close_run()
            self._cut += 1

    def _run_folder(self) -> Path:
        return self.folder / f"{self.split}-{self._cut:05d}"

    def _close_run(self) -> None:
        if self._writer is None:
            return
        self.files += [self._published(part) for part in self._writer.close()]
        self._run_folder().rmdir()
        self._writer = None

    def _published(self, part: Path) -> ShardFile:
        """Moves a finished part to the name that its content gives it."""
        rows = pq.read_metadata(part).num_rows
        size = part.stat().st_size
        with part.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        path = f"{SHARDS}/{sha256}.parquet"
        part.rename(self.folder / path)
        return ShardFile(path, self.split, rows, size, sha256)


def write_shards(
    batches: Iterator[pa.RecordBatch], folder: Path, shard_bytes: int, cuts: Mapping[str, Sequence[int]]
) -> list[ShardFile]:
    """Writes COMPOSED rows as shards into `folder`/shards, each split by itself; files in the order of the splits."""
    (folder / SHARDS).mkdir(parents=True)
    writers = {split: SplitWriter(split, folder, shard_bytes, cuts.get(split, ())) for split in SPLITS}
    for batch in batches:
        published = as_published(batch)
        for split, writer in writers.items():
            rows = published.filter(pc.equal(published["split"], split))
            if rows.num_rows:
                writer.write(rows)
    return [file for writer in writers.values() for file in writer.close()]


def as_published(batch: pa.RecordBatch) -> pa.RecordBatch:
    """COMPOSED rows with the column `messages`.

    The row's conversation where it has one, else the prompt as the user's turn and the response as the assistant's; a
    plain text has none. Of a tool's call only the text is told here: `conversation` holds the whole.
    """
    rows = zip(*(batch[name].to_pylist() for name in ("type", "prompt", "response", "conversation")), strict=True)
    messages = pa.array([_messages(*row) for row in rows], PUBLISHED.field("messages").type)
    return pa.RecordBatch.from_arrays([messages, *batch.columns], schema=PUBLISHED)


def _messages(type_: str, prompt: str, response: str, conversation: str | None) -> list[tuple[str, str]]:
    if type_ == "text":
        return []
    answer = ("assistant", response)
    if conversation is None:
        return [("user", prompt), answer]
    turns = [(turn["role"], turn.get("content") or "") for turn in json.loads(conversation)]
    return [*turns, answer] if type_ == "preference" else turns
