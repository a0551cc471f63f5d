"""Real rows of the same form, mixed in: pinned by `sync`, checked when read, of generation depth 0.

They are pinned in inputs/sources.lock under `real_rows`, by address and SHA-256. Each row stands as a document of
its own. A row without prompt or response is refused and booked; what is no row at all stops the stage.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.errors import InputError
from gristmill.filters.exact_dedup import row_digest
from gristmill.params.compose import MixParams
from gristmill.params.ingest import Source
from gristmill.schema import COMPOSED
from gristmill.seeds.local import find_files, sha256_of

REAL = "real"
"""The recipe, source and judge's status that real rows carry."""
LOCKED = "real_rows"
"""Key in inputs/sources.lock."""


def lock_real_rows(mix: MixParams | None, root: Path) -> dict[str, Any]:
    """What sources.lock says of real rows; nothing when none are named. Raises InputError when there are none."""
    if mix is None:
        return {}
    found = find_files(root, Source(name=REAL, path=mix.real))
    return {LOCKED: [{"address": file.address, "sha256": sha256_of(file.path)} for file in found]}


def real_rows(mix: MixParams, lock: Mapping[str, Any], root: Path) -> Iterator[dict[str, Any]]:
    """The pinned rows, as COMPOSED but for `split`. Raises InputError for a file that is not what was pinned."""
    for file in lock.get(LOCKED, ()):
        path = root / file["address"]
        if not path.is_file() or sha256_of(path) != file["sha256"]:
            raise InputError(
                "the real rows are not those that were pinned",
                where=file["address"],
                expected=f"sha256 {file['sha256']}, as inputs/sources.lock says",
                do="bring the file back, or pin what is there: `gristmill sync`",
            )
        for number, (prompt, response) in enumerate(_pairs(path, mix), start=1):
            yield _row(prompt, response, f"{file['address']}#{number}", mix.licence)


def _row(prompt: str, response: str, address: str, licence: str | None) -> dict[str, Any]:
    digest = row_digest(prompt, response).hex()
    origin = {"source": REAL, "document_id": f"{REAL}:{digest}", "address": address, "offset": 0, "licence": licence}
    blank = {field.name: _nothing(field) for field in COMPOSED}
    return {
        **blank,
        "sample_id": digest,
        "recipe": REAL,
        "prompt": prompt,
        "response": response,
        "origins": [origin],
        "judge_status": REAL,
        "text_hash": digest,
        "fields": "{}",
        "sampling": "{}",
    }


def _nothing(field: pa.Field) -> Any:
    """A column's value for a row that nobody generated."""
    if field.nullable:
        return None
    if pa.types.is_list(field.type):
        return []
    return 0 if pa.types.is_integer(field.type) else ""


def _pairs(path: Path, mix: MixParams) -> Iterator[tuple[str, str]]:
    """Prompt and response of each row of a file."""
    rows = _parquet(path, mix) if path.suffix == ".parquet" else _lines(path)
    for number, row in enumerate(rows, start=1):
        pair = [
            row.get(column) if isinstance(row, dict) else None for column in (mix.prompt_column, mix.response_column)
        ]
        if not all(value is None or isinstance(value, str) for value in pair) or not isinstance(row, dict):
            raise InputError(
                "not a row of prompt and response",
                where=f"{path}: row {number}",
                expected=f"texts in {mix.prompt_column!r} and {mix.response_column!r}",
                do="correct the row, or name the columns in compose.mix",
            )
        yield pair[0] or "", pair[1] or ""


def _parquet(path: Path, mix: MixParams) -> Iterator[Any]:
    try:
        with pq.ParquetFile(path) as file:
            wanted = (mix.prompt_column, mix.response_column)
            if missing := [name for name in wanted if name not in file.schema_arrow.names]:
                raise InputError(
                    f"no column {missing[0]!r}",
                    where=str(path),
                    expected=f"one of {', '.join(file.schema_arrow.names)}",
                    do="name the columns in compose.mix",
                )
            for batch in file.iter_batches(batch_size=1024, columns=list(wanted)):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot be read as Parquet: {error}", where=str(path)) from error


def _lines(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                if line.strip():
                    yield orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise InputError(f"not JSON: {error}", where=f"{path}: line {number}") from error
