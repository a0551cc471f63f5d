"""A release's shards -> a folder of Parquet in a shape that trainers read, a sub-folder for each split."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from gristmill.errors import GristmillError, InputError
from gristmill.frame.parquet import PartWriter
from gristmill.tables.views import COLUMNS, SCHEMAS, Row, View, records

_BATCH_ROWS = 1024


@dataclass(frozen=True)
class SplitFile:
    """One shard, at hand."""

    split: str
    path: Path


@dataclass
class Written:
    """What came of it: rows read, records by split, and rows whose type has no place in the view."""

    rows: int = 0
    left_out: int = 0
    records: dict[str, int] = field(default_factory=dict)


def exported_files(folder: Path) -> list[SplitFile]:
    """The shards of data/export, or of any folder with a release's manifest.json. Raises InputError without one."""
    try:
        files = json.loads((folder / "manifest.json").read_text())["files"]
    except FileNotFoundError:
        raise InputError(
            "there is no manifest.json",
            where=str(folder),
            expected="an exported data set",
            do="run `gristmill run` or `dvc repro export`, or name a release with --release",
        ) from None
    return [SplitFile(file["split"], folder / file["path"]) for file in files]


def write_view(files: Sequence[SplitFile], view: View, out: Path) -> Written:
    """Writes the records of all rows. Raises InputError when `out` holds something, GristmillError without a record."""
    if out.exists() and any(out.iterdir()):
        raise InputError("the folder holds something already", where=str(out), expected="a new folder, or an empty one")
    written = Written()
    for split in dict.fromkeys(file.split for file in files):
        rows = _rows([file.path for file in files if file.split == split])
        with PartWriter(out / split, SCHEMAS[view]) as writer:
            for row in rows:
                before = writer.rows
                for record in records(row, view):
                    writer.append(record)
                written.rows += 1
                written.left_out += writer.rows == before
        written.records[split] = writer.rows
    if not sum(written.records.values()):
        raise GristmillError(
            f"not one of {written.rows} rows has a place in the view {view}",
            where=str(out),
            expected=_WANTED[view],
            do="choose another view",
        )
    return written


_WANTED = {
    View.ALPACA: "rows of one question and one answer",
    View.SHAREGPT: "conversations, or prompts with responses",
    View.MESSAGES: "conversations, or prompts with responses",
    View.DPO: "rows of type preference",
    View.KTO: "rows of type preference",
    View.GRPO: "rows with a reference answer",
    View.TEXT: "rows of type text",
}


def _rows(paths: Sequence[Path]) -> Iterator[Row]:
    for path in paths:
        with pq.ParquetFile(path) as file:
            names = [name for name in ("sample_id", *COLUMNS) if name in file.schema_arrow.names]
            older = {"type": "sft", **dict.fromkeys(COLUMNS[3:])}
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=names):
                yield from ({**older, **row} for row in batch.to_pylist())
