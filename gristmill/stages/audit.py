"""audit: measures the new part and the composed whole against the seeds; always succeeds, however little there is.

Writes verdict.json (what the gate needs), measures.json (everything) and plots/*.csv.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gristmill.audit.cost import Tokens, cost_of
from gristmill.audit.diversity import WordSample, distinct_2, ratio, types_at
from gristmill.audit.funnel import Funnel, funnel_of
from gristmill.audit.plots import write_plots
from gristmill.audit.tally import Tally
from gristmill.audit.verdict import verdict_of
from gristmill.frame.parquet import count_rows, read_rows
from gristmill.frame.stage import StageRun, read_books, stage_run
from gristmill.layout import Layout, Stage
from gristmill.params.load import load_section
from gristmill.params.publish import AuditParams
from gristmill.text import sentences

_BOOKS_OF = (Stage.INGEST, Stage.GENERATE, Stage.FILTER, Stage.JUDGE, Stage.COMPOSE)
_ASKING = (Stage.GENERATE, Stage.JUDGE)
_COUNTED = ("sample_id", "prompt", "response", "split", "judge_mean", "judge_scores")


def run(layout: Layout) -> None:
    """Audits data/compose against data/ingest and the books of all stages before."""
    params = load_section(AuditParams, layout.params, "audit")
    with stage_run(Stage.AUDIT, layout) as run:
        books = {stage: read_books(layout, stage) for stage in _BOOKS_OF}
        funnel = funnel_of([books[stage] for stage in _BOOKS_OF])
        new, whole = _tally(run, params, funnel.parent_rows)
        diversity = _diversity(_seed_words(layout, params), {"new": new, "whole": whole})
        tokens = {stage.value: _tokens(books[stage]) for stage in _ASKING}
        cost = cost_of(tokens, funnel.accepted, params)
        measures = _measures(funnel, {"new": new, "whole": whole}, diversity, cost)
        _write(run.folder / "measures.json", measures)
        _write(run.folder / "verdict.json", verdict_of(funnel, whole.summary(), diversity))
        write_plots(run.folder / "plots", funnel, whole)


def _tally(run: StageRun, params: AuditParams, parent_rows: int) -> tuple[Tally, Tally]:
    """Counts the new part and the whole; the parent's rows come first in data/compose."""
    source = run.layout.data(Stage.COMPOSE)
    ledger = run.ledger("rows")
    new, whole = (Tally(WordSample(params.token_budget)) for _ in range(2))
    run.progress.total = count_rows(source)
    for number, row in enumerate(read_rows(source, _COUNTED)):
        whole.add(row)
        if number >= parent_rows:
            new.add(row)
        ledger.entered += 1
        ledger.out += 1
        run.progress.advance(1)
    return new, whole


def _seed_words(layout: Layout, params: AuditParams) -> WordSample:
    """The seeds' sample, sentence by sentence."""
    sample = WordSample(params.token_budget)
    for seed in read_rows(layout.data(Stage.INGEST), ("seed_id", "text")):
        for number, sentence in enumerate(sentences(seed["text"])):
            sample.add(f"{seed['seed_id']}:{number}", sentence)
    return sample


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


def _tokens(books: Mapping[str, Any]) -> Tokens:
    used = books["used"]
    return Tokens(used["prompt_tokens"], used["completion_tokens"])


def _measures(
    funnel: Funnel, parts: Mapping[str, Tally], diversity: Mapping[str, Any], cost: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "funnel": [step.as_dict() for step in funnel.steps],
        "parts": {name: tally.summary() for name, tally in parts.items()},
        "diversity": diversity,
        "cost": cost,
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
