"""audit: measures the new part and the whole against seeds and parent; always succeeds, however little there is.

Writes verdict.json (what the gate needs), measures.json (everything) and plots/*.csv.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gristmill.audit.bias import bias_of
from gristmill.audit.cost import Kept, Tokens, cost_of
from gristmill.audit.diversity import WordSample, distinct_2, ratio, types_at
from gristmill.audit.funnel import IN_PARENT, SAMPLES, Funnel, funnel_of
from gristmill.audit.plots import write_plots
from gristmill.audit.tally import Tally
from gristmill.audit.verdict import verdict_of
from gristmill.compose.parent import fetch_shards, open_parent, read_composed, read_pin
from gristmill.frame.parquet import count_rows, read_rows
from gristmill.frame.stage import StageRun, read_books, stage_run
from gristmill.health.drift import SAMPLED_ROWS
from gristmill.health.release import Before, Now, health_of
from gristmill.health.rows import COLUMNS, RowSample, Sampler, Smallest, rejected_rows
from gristmill.layout import Layout, Stage
from gristmill.params.journal import CostParams
from gristmill.params.load import load_section
from gristmill.params.publish import AuditParams, StoreParams
from gristmill.store.client import connect
from gristmill.text import sentences

_BOOKS_OF = (Stage.INGEST, Stage.GENERATE, Stage.FILTER, Stage.JUDGE, Stage.COMPOSE)
_ASKING = (Stage.GENERATE, Stage.JUDGE)
_COUNTED = (*COLUMNS, "depth", "split", "judge_mean", "judge_scores")
_BIAS_TEXTS = 10_000
"""Texts on either side in which mentions of people are counted."""
_REFUSING = (Stage.FILTER, Stage.COMPOSE)


def run(layout: Layout) -> None:
    """Audits data/compose against data/ingest and the books of all stages before."""
    params = load_section(AuditParams, layout.params, "audit")
    with stage_run(Stage.AUDIT, layout) as run:
        books = {stage: read_books(layout, stage) for stage in _BOOKS_OF}
        funnel = funnel_of([books[stage] for stage in _BOOKS_OF])
        new, whole = _count(run, params, funnel.parent_rows)
        now = Now(new.rows.samples(), whole.rows.samples(), _rejected(layout))
        health = health_of(_before(layout), now, params.min_rows)
        parts = {"new": new.tally, "whole": whole.tally}
        seeds = _seed_text(layout, params)
        diversity = _diversity(seeds.words, parts)
        bias = {name: bias_of(seeds.texts.kept(), part.texts.kept()) for name, part in (("new", new), ("whole", whole))}
        tokens = {stage.value: _tokens(books[stage]) for stage in _ASKING}
        kept = Kept(new.tally.rows, new.tally.tokens)
        prices = load_section(CostParams, layout.params, "cost")
        cost = cost_of(tokens, funnel.accepted, prices, kept, _recipes(books))
        _write(run.folder / "measures.json", _measures(funnel, parts, diversity, cost, health, bias))
        _write(run.folder / "verdict.json", verdict_of(funnel, whole.tally.summary(), diversity, health, bias["new"]))
        write_plots(run.folder / "plots", funnel, whole.tally)


@dataclass(frozen=True)
class _Part:
    """The new part or the whole: what is counted of all rows, and a sample of them."""

    tally: Tally
    rows: Sampler
    texts: Smallest[str]

    def add(self, row: Mapping[str, Any]) -> None:
        self.tally.add(row)
        self.texts.offer(row["sample_id"], lambda: f"{row['prompt']}\n{row['response']}")
        if row["depth"]:  # a real row is no generated one: nothing of it can have drifted
            self.rows.offer(row)


def _before(layout: Layout) -> Before | None:
    """The parent release as inputs/parent.lock pins it, whatever `compose` made of its rows."""
    pin = read_pin(layout.parent_lock)
    if pin is None:
        return None
    read = connect(load_section(StoreParams, layout.params, "store")).read_address
    parent = open_parent(pin, read)
    rows = Sampler(SAMPLED_ROWS)
    for batch in read_composed(fetch_shards(parent, read, layout.state / "cache")):
        for row in batch.select([*COLUMNS, "depth"]).to_pylist():
            if row["depth"]:
                rows.offer(row)
    return Before(pin.tag, rows.samples(), parent.verdict.get("health", {}))


def _rejected(layout: Layout) -> dict[str, dict[str, RowSample]]:
    """What the filters and the selection refused, sampled; not what the parent holds already."""
    return rejected_rows(_refusals(layout), read_rows(layout.data(Stage.GENERATE), COLUMNS), SAMPLED_ROWS)


def _refusals(layout: Layout) -> Iterator[tuple[str, str]]:
    for stage in _REFUSING:
        folder = layout.data(stage) / "rejected"
        for row in read_rows(folder, ("id", "reason", "unit")) if folder.is_dir() else ():
            if row["unit"] == SAMPLES and row["reason"] != IN_PARENT:
                yield row["reason"], row["id"]


def _count(run: StageRun, params: AuditParams, parent_rows: int) -> tuple[_Part, _Part]:
    """Counts the new part (what was generated) and the whole; the parent's rows come first in data/compose."""
    source = run.layout.data(Stage.COMPOSE)
    ledger = run.ledger("rows")
    new, whole = (
        _Part(Tally(WordSample(params.token_budget)), Sampler(SAMPLED_ROWS), Smallest(_BIAS_TEXTS)) for _ in range(2)
    )
    run.progress.total = count_rows(source)
    for number, row in enumerate(read_rows(source, _COUNTED)):
        whole.add(row)
        if number >= parent_rows and row["depth"]:
            new.add(row)
        ledger.entered += 1
        ledger.out += 1
        run.progress.advance(1)
    return new, whole


@dataclass(frozen=True)
class _SeedText:
    """Samples of the seeds' sentences."""

    words: WordSample
    texts: Smallest[str]


def _seed_text(layout: Layout, params: AuditParams) -> _SeedText:
    """The seeds' samples, sentence by sentence."""
    found = _SeedText(WordSample(params.token_budget), Smallest(_BIAS_TEXTS))
    for seed in read_rows(layout.data(Stage.INGEST), ("seed_id", "text")):
        for number, sentence in enumerate(sentences(seed["text"])):
            identity = f"{seed['seed_id']}:{number}"
            found.words.add(identity, sentence)
            found.texts.offer(identity, partial(str, sentence))
    return found


def _diversity(seeds: WordSample, parts: Mapping[str, Tally]) -> dict[str, Any]:
    types = types_at(seeds)
    measured = {name: (types_at(tally.words), distinct_2(tally.words)) for name, tally in parts.items()}
    return {
        "word_budget": seeds.budget,
        "seeds": {"types": types.as_dict(), "distinct_2": distinct_2(seeds).as_dict()},
        "parts": {
            name: {"types": t.as_dict(), "types_ratio": ratio(t, types).as_dict(), "distinct_2": d.as_dict()}
            for name, (t, d) in measured.items()
        },
    }


def _recipes(books: Mapping[Stage, Mapping[str, Any]]) -> dict[str, str]:
    """The recipe that `generate` walked, and the rubric of `judge`."""
    named = {
        stage.value: books[stage]["used"].get(key) for stage, key in zip(_ASKING, ("recipe", "rubric"), strict=True)
    }
    return {stage: name for stage, name in named.items() if name}


def _tokens(books: Mapping[str, Any]) -> Tokens:
    used = books["used"]
    return Tokens(used["prompt_tokens"], used["completion_tokens"])


def _measures(
    funnel: Funnel,
    parts: Mapping[str, Tally],
    diversity: Mapping[str, Any],
    cost: Mapping[str, Any],
    health: Mapping[str, Any],
    bias: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "funnel": [step.as_dict() for step in funnel.steps],
        "parts": {name: tally.summary() for name, tally in parts.items()},
        "diversity": diversity,
        "cost": cost,
        "health": health,
        "bias": bias,
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
