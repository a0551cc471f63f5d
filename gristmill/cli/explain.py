"""`gristmill explain ID`: how a row came to be, or why it was rejected."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import typer
from rich.markup import escape

from gristmill.cli.output import AsJson, out, show_json
from gristmill.engine.lookup import JournalReader
from gristmill.errors import InputError
from gristmill.frame.parquet import read_batches
from gristmill.layout import Layout, Stage, find_workspace
from gristmill.lineage.holders import find_row, versions_with
from gristmill.lineage.published import find_release
from gristmill.schema import SAMPLE
from gristmill.stages.filter import chain_of
from gristmill.store.client import connect
from gristmill.validation import load_params

# The latest stage that has a row knows most about it.
_SAMPLE_STAGES = (Stage.COMPOSE, Stage.JUDGE, Stage.FILTER, Stage.GENERATE)
_SHORTEST_PREFIX = 6


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(explain)


def explain(
    id_: str = typer.Argument(
        metavar="ID", help="A sample's or seed's id, or its first 6 characters or more; with --release also a text."
    ),
    release: str | None = typer.Option(
        None, help="Look in a release instead of data/: latest, v0.3.0, or an s3:// address."
    ),
    as_json: AsJson = False,
) -> None:
    """How a row came to be: its seeds, every prompt and answer, every verdict; or why it was rejected."""
    layout = find_workspace()
    story = tell_released(layout, id_, release) if release else tell(layout, id_)
    if as_json:
        show_json(story)
        return
    for title, content in story.items():
        _show(title, content)


def tell(layout: Layout, id_: str) -> dict[str, Any]:
    """All that is known of the id. Raises InputError when no stage knows it, or the prefix fits several."""
    if len(id_) < _SHORTEST_PREFIX:
        raise InputError(f"found {id_!r}", expected=f"at least {_SHORTEST_PREFIX} characters of an id")
    for stage in _SAMPLE_STAGES:
        for row in _rows(layout.data(stage), "sample_id", id_):
            return _sample_story(layout, stage, row)
    for stage in Stage:
        for refusal in _rows(layout.data(stage) / "rejected", "id", id_):
            return {"rejected by": {"stage": stage.value, **refusal}, **_written_before(layout, refusal["id"])}
    for row in _rows(layout.data(Stage.INGEST), "seed_id", id_):
        return {"seed": row}
    raise InputError(
        f"no stage knows the id {id_}", where=str(layout.root / "data"), do="see ids in `gristmill report`"
    )


def tell_released(layout: Layout, wanted: str, name: str) -> dict[str, Any]:
    """What is known of a row of a release, and which releases hold it. Raises InputError when it has no such row."""
    if len(wanted) < _SHORTEST_PREFIX:
        raise InputError(f"found {wanted!r}", expected=f"at least {_SHORTEST_PREFIX} characters of an id or a text")
    store, cache = connect(load_params(layout).store), layout.state / "cache"
    release = find_release(name, store)
    row = find_row(release, wanted, store, cache)
    if row is None:
        raise InputError(f"no row has {wanted!r} in its id or its text", where=release.address)
    held = versions_with(row["sample_id"], store, cache)
    return {"release": {"version": release.version, "held by": ", ".join(held)}} | _sample_story(
        layout, Stage.COMPOSE, row
    )


def _sample_story(layout: Layout, stage: Stage, row: dict[str, Any]) -> dict[str, Any]:
    columns = ("sample_id", "prompt", "response", "evidence", "split", "recipe", "recipe_hash", "draw", "depth")
    story: dict[str, Any] = {
        "row": {"last stage": stage.value} | {name: row[name] for name in columns if name in row},
        "model": {name: row[name] for name in ("model", "model_revision", "engine", "engine_version", "sampling")},
        "seeds": [_seed(layout, seed_id, row) for seed_id in row["seed_ids"]],
        "asked and answered": list(_answers(layout, row["request_keys"])),
        "passed": _filters(layout, row) if stage is not Stage.GENERATE else [],
    }
    if "judge_status" in row:
        names = ("judge_status", "judge_faults", "judge_scores", "judge_mean")
        story["judge"] = {name: row[name] for name in names}
        story["judge asked and answered"] = list(_answers(layout, row["judge_request_keys"]))
    return story


def _filters(layout: Layout, row: dict[str, Any]) -> list[Any]:
    """What each filter measures on the row, by the present parameters; those that compare rows by name alone."""
    chain = chain_of(layout, layout.state / "tmp")
    sample = pa.RecordBatch.from_pylist([{name: row[name] for name in SAMPLE.names}], schema=SAMPLE)
    compared = [{"filter": name, "measure": "compared with all rows"} for name in chain.set_names]
    return [*chain.measured(sample), *compared]


def _written_before(layout: Layout, sample_id: str) -> dict[str, Any]:
    """What is known of a rejected row from the stage before, where it was still a whole row."""
    for stage in reversed(_SAMPLE_STAGES):
        for row in _rows(layout.data(stage), "sample_id", sample_id):
            return _sample_story(layout, stage, row)
    return {}


def _seed(layout: Layout, seed_id: str, row: dict[str, Any]) -> dict[str, Any]:
    found = next(_rows(layout.data(Stage.INGEST), "seed_id", seed_id), None)
    return found or {"seed_id": seed_id, "text": row["context"], "origins": row["origins"]}


def _answers(layout: Layout, keys: list[str]) -> Iterator[dict[str, Any]]:
    journal = JournalReader(layout.journal)
    for key in keys:
        entry = journal.entry(key)
        if entry is None:
            yield {"key": key, "answer": "not in this clone's journal"}
            continue
        yield {"key": key, **{n: entry.asked[n] for n in ("step", "attempt", "asked")}, "answer": entry.answer.text}
    journal.close()


def _rows(folder: Path, column: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Rows whose id begins with the prefix; none when the stage has not run or refused nothing."""
    if not any(folder.glob("part-*.parquet")):
        return
    for batch in read_batches(folder):
        yield from batch.filter(pc.starts_with(batch[column], prefix)).to_pylist()


def _show(title: str, content: Any) -> None:
    out.print(f"\n[bold]{escape(title)}[/]")
    for item in content if isinstance(content, list) else [content]:
        if not isinstance(item, dict):
            out.print(f"  {escape(str(item))}")
            continue
        for name, value in item.items():
            shown = _conversation(value) if name == "asked" else str(value)
            out.print(f"  [cyan]{escape(name)}[/] {escape(shown)}")
        out.print("")


def _conversation(asked: Any) -> str:
    if isinstance(asked, str):
        return asked
    return "\n".join(f"{turn['role']}: {turn.get('content', '')}".rstrip() for turn in asked)
