"""The rows that the report shows: a few of the data set with their evidence marked, a few rejects of every reason.

Which ones is decided by their identities alone, so that the same data gives the same page. Personal
data and secrets are redacted once more. Long texts are cut, and say so. Memory: the rows that are shown.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import zip_longest
from pathlib import Path
from typing import Any

from gristmill.frame.parquet import read_batches, read_rows
from gristmill.frame.redact import excerpt, redact

_AROUND = 700
"""Characters of the passage that are shown on either side of the evidence."""
_BRIEF = 300
_CUT = "[...]"
_SHOWN_COLUMNS = (
    "sample_id",
    "prompt",
    "response",
    "rejected",
    "conversation",
    "evidence",
    "context",
    "origins",
    "model",
    "recipe",
    "split",
    "judge_mean",
    "judge_status",
    "judge_faults",
)


@dataclass(frozen=True)
class Marked:
    """A context with its evidence: the text before it, the evidence, the text after."""

    before: str
    evidence: str
    after: str


@dataclass(frozen=True)
class SampleView:
    """One row of the data set, ready to be shown."""

    id: str
    prompt: str
    response: str
    rejected: str
    """The worse answer of a preference pair."""
    conversation: str
    """JSON list of turns, where prompt and response are not the whole."""
    context: Marked
    source: str
    licence: str
    split: str
    recipe: str
    model: str
    judged: str
    faults: str


@dataclass(frozen=True)
class RejectView:
    """One refused row, ready to be shown."""

    stage: str
    id: str
    reason: str
    value: str
    threshold: str
    where: str
    text: str


def sample_views(folder: Path, count: int) -> list[SampleView]:
    """The `count` rows of data/compose with the smallest sample ids."""
    chosen: list[Mapping[str, Any]] = []
    for batch in read_batches(folder, _SHOWN_COLUMNS):
        chosen = nsmallest(count, [*chosen, *batch.to_pylist()], key=lambda row: row["sample_id"])
    return [_sample(row) for row in chosen]


def reject_views(folders: Mapping[str, Path], count: int) -> list[RejectView]:
    """Up to `count` rejects of the stages' rejected/ folders, every reason taking its turn."""
    by_reason: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for stage, folder in folders.items():
        for row in read_rows(folder) if folder.is_dir() else ():
            kept = by_reason.setdefault((stage, row["reason"]), [])
            kept.append(row)
            if len(kept) >= 2 * count:
                kept[:] = _smallest(kept, count)
    turns = zip_longest(*([(stage, row) for row in _smallest(rows, count)] for (stage, _), rows in by_reason.items()))
    chosen = [entry for turn in turns for entry in turn if entry is not None][:count]
    order = list(folders)
    return sorted((_reject(*entry) for entry in chosen), key=lambda view: (order.index(view.stage), view.reason))


def mark(context: str, evidence: str) -> Marked:
    """The context around its evidence, white space aside; it is all `before` where the evidence does not stand."""
    pieces = [re.escape(word) for word in evidence.split()]
    found = re.search(r"\s+".join(pieces), context) if pieces else None
    if found is None:
        return Marked(_start(redact(context), 2 * _AROUND), "", "")
    before, inside, after = (redact(text) for text in (context[: found.start()], found[0], context[found.end() :]))
    return Marked(_end(before, _AROUND), _start(inside, 2 * _AROUND), _start(after, _AROUND))


def _start(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} {_CUT}"


def _end(text: str, most: int) -> str:
    return text if len(text) <= most else f"{_CUT} {text[-most:]}"


def _smallest(rows: Sequence[Mapping[str, Any]], count: int) -> list[Mapping[str, Any]]:
    return nsmallest(count, rows, key=lambda row: (row["id"], row["text"]))


def _sample(row: Mapping[str, Any]) -> SampleView:
    mean = row["judge_mean"]
    return SampleView(
        id=row["sample_id"],
        prompt=excerpt(row["prompt"]),
        response=excerpt(row["response"]),
        rejected=excerpt(row["rejected"] or ""),
        conversation=excerpt(row["conversation"] or ""),
        context=mark(row["context"] or "", row["evidence"] or ""),
        source=_start(_joined(origin["address"] for origin in row["origins"]), _BRIEF),
        licence=_start(_joined(origin["licence"] or "not stated" for origin in row["origins"]), _BRIEF),
        split=row["split"],
        recipe=row["recipe"],
        model=row["model"],
        judged=row["judge_status"] if mean is None else f"{mean:.1f} of 5",
        faults=_start(redact(row["judge_faults"] or ""), _BRIEF),
    )


def _reject(stage: str, row: Mapping[str, Any]) -> RejectView:
    value, threshold, where = (_start(row[name] or "", _BRIEF) for name in ("value", "threshold", "where"))
    return RejectView(stage, row["id"], row["reason"], value, threshold, where, row["text"])


def _joined(texts: Iterable[str]) -> str:
    distinct: Sequence[str] = sorted(set(texts))
    return ", ".join(distinct)
