"""Sample rows made from real text (the language reference that ships with Python), and workspaces that hold them.

The passages and evidence are real; prompt and response are put together from the evidence's own
words, so that every row passes the default filters unless a test spoils it.
"""

import json
import shutil
from itertools import islice
from pydoc_data.topics import topics

import pyarrow as pa
import yaml

from gristmill.frame.parquet import read_rows
from gristmill.frame.stage import Refusal, stage_run
from gristmill.identity import sample_id, text_hash
from gristmill.layout import Layout, Stage
from gristmill.schema import JUDGED, SAMPLE, SEED
from gristmill.text import content_words, paragraph_spans, sentences, words
from tests.closure import ROOT

FILTERS = [
    {"name": "length"},
    {"name": "form", "prompt": "question"},
    {"name": "boilerplate"},
    {"name": "language"},
    {"name": "grounding"},
    {"name": "exact_dedup"},
]
PARAMS = {
    "ingest": {"sources": [{"name": "python-docs", "kind": "python-docs", "licence": "PSF-2.0"}]},
    "filter": {"filters": FILTERS},
    "gate": {"min_rows": 5},
    "audit": {"token_budget": 200},
}
RECIPE_HASH = "5" * 32


def workspace(root, **sections):
    """A workspace with params.yaml and locks of a first release."""
    layout = Layout(root)
    layout.params.write_text(yaml.safe_dump({**PARAMS, **sections}))
    layout.parent_lock.parent.mkdir()
    layout.recipes.mkdir()
    shutil.copy(ROOT / "recipes" / "qa-from-docs.yaml", layout.recipes)
    layout.parent_lock.write_text(json.dumps({"version": 1, "parent": None}))
    layout.sources_lock.write_text(json.dumps({"version": 1, "sources": []}))
    layout.retracted.write_text("tombstones: []\n")
    return layout


def seeds(count):
    """Real passages, one for each seed, in the order of the reference's topics."""
    return list(islice(_passages(), count))


def sample(seed, **changed):
    """A row written from the seed that passes the default filters."""
    evidence = next(s for s in sentences(seed["text"]) if _speaks(s))
    content = list(dict.fromkeys(content_words(evidence)))
    row = {
        "sample_id": sample_id([seed["seed_id"]], RECIPE_HASH, "tiny@1", 0),
        "recipe": "qa-from-docs",
        "recipe_hash": RECIPE_HASH,
        "draw": 0,
        "depth": 1,
        "type": "sft",
        "prompt": f"What does the reference say about {content[0]} and {content[1]}?",
        "response": " ".join(words(evidence)[-6:]),
        "chosen": None,
        "rejected": None,
        "conversation": None,
        "tools": None,
        "reference": None,
        "verifier": None,
        "evidence": evidence,
        "context": seed["text"],
        "fields": "{}",
        "seed_ids": [seed["seed_id"]],
        "origins": seed["origins"],
        "model": "tiny",
        "model_revision": "1",
        "engine": "scripted",
        "engine_version": "1",
        "sampling": "{}",
        "request_keys": ["k"],
        "prompt_hashes": ["h"],
        "prompt_tokens": 120,
        "completion_tokens": 30,
    }
    return {**row, **changed}


def samples(count):
    """So many good rows, each from a seed of its own."""
    return [sample(seed) for seed in seeds(count)]


def judged(row, mean=4.0):
    """The row with the judge's scores; None is a reply that did not parse."""
    scores = [] if mean is None else [{"criterion": name, "score": int(mean)} for name in ("accuracy", "clarity")]
    return {
        **row,
        "judge_status": "unparsed" if mean is None else "scored",
        "judge_faults": None if mean is None else "none found",
        "judge_scores": scores,
        "judge_mean": mean,
        "judge_request_keys": ["j"],
    }


def batch_of(rows):
    """The rows as a record batch of SAMPLE."""
    return pa.RecordBatch.from_pylist(rows, schema=SAMPLE)


def write_seeds(layout, rows):
    """data/ingest, with its books."""
    with stage_run(Stage.INGEST, layout) as run:
        _pass(run, "passages", SEED, rows)


def write_samples(layout, rows, *, rejected=0, failed=0):
    """data/generate, with books that also count so many rejected and failed samples."""
    with stage_run(Stage.GENERATE, layout) as run:
        ledger = _pass(run, "samples", SAMPLE, rows)
        for number in range(rejected + failed):
            ledger.entered += 1
            outcome = "rejected" if number < rejected else "failed"
            run.reject(
                ledger, Refusal(f"{number:032x}", "unparsed" if number < rejected else "engine", outcome=outcome)
            )
        run.used(prompt_tokens=1000, completion_tokens=500)


def write_judged(layout, rows):
    """data/judge, with its books."""
    with stage_run(Stage.JUDGE, layout) as run:
        _pass(run, "samples", JUDGED, rows)
        run.used(prompt_tokens=200, completion_tokens=100)


def refusals(layout, stage):
    """The rejects that a stage kept: reason by id."""
    folder = layout.data(stage) / "rejected"
    return {row["id"]: row for row in read_rows(folder)} if folder.is_dir() else {}


def _pass(run, unit, schema, rows):
    ledger, out = run.ledger(unit), run.writer(schema)
    for row in rows:
        out.append(row)
        ledger.entered += 1
        ledger.out += 1
    return ledger


def _passages():
    seen = set()
    for topic, text in sorted(topics.items()):
        spans = paragraph_spans(text)
        for first in range(1, len(spans), 4):
            passage = "\n\n".join(text[a:b] for a, b in spans[first : first + 4])
            evidence = next((sentence for sentence in sentences(passage) if _speaks(sentence)), None)
            if evidence and evidence not in seen:
                seen.add(evidence)
                yield _seed(topic, passage)


def _seed(topic, passage):
    origin = {"source": "python-docs", "address": f"python-docs#{topic}", "offset": 0, "licence": "PSF-2.0"}
    return {
        "seed_id": text_hash(passage),
        "text": passage,
        "title": topic,
        "tokens": len(words(passage)),
        "depth": 0,
        "origins": [{**origin, "document_id": text_hash(topic)}],
    }


def _speaks(sentence):
    """Whether a sentence is prose enough to ask about."""
    found = words(sentence)
    return 10 <= len(found) <= 40 and len(set(content_words(sentence))) >= 6 and content_words(" ".join(found[-6:]))
