"""The gate and a model whose temperature is turned down: from which one on it calls the new rows a loss.

    python -m bench.gate            150 passages a release, the real default model on vLLM: some minutes
    python -m bench.gate --quick    60 passages

The seeds are the language reference's passages, its documents dealt in two halves. The parent release is written from
the first half at temperature 1.0 by an open recipe (the model writes the question itself); then the second half
at 1.0, which has to pass, and at 0, where the model says only what is likeliest. Prints one JSON object as its last
line: per temperature `rows`, `largest` (deviation), `bound`, `verdict`, the measures beyond the bound and what the
audit says was changed; `ok` when 1.0 passes and 0 trips.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from gristmill.frame.parquet import PartWriter, read_rows
from gristmill.health.causes import changes
from gristmill.health.drift import drifts
from gristmill.health.rows import COLUMNS, Row, row_of
from gristmill.identity import text_hash
from gristmill.layout import Layout, Stage
from gristmill.params.load import parse
from gristmill.params.root import Params
from gristmill.schema import SEED
from gristmill.seeds.sources import lock_sources, write_lock
from gristmill.stages import generate, ingest
from gristmill.text import words

RECIPE = """
name: ask
version: 1
summary: A question on a passage, written freely.
source: inferred
inputs: [passage]
steps:
  - name: question
    messages:
      - user: |
          {{{{ passage }}}}

          Write one short question about this text. Reply with the question only.
    sampling: {{temperature: {temperature}, max_tokens: 80, stop: ["\\n", "?"], keep_stop: true}}
output: {{type: sft, prompt: "{{{{ question }}}}", response: "-", context: "{{{{ passage }}}}"}}
"""
PARENT = 1.0
TEMPERATURES = (1.0, 0.0)
DEVIATIONS, MIN_ROWS = 3.0, 20


def main() -> None:
    """Writes all releases, measures them, prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer passages")
    passages = 60 if parser.parse_args().quick else 150
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        layout = prepared(Path(folder))
        seeds = list(read_rows(layout.data(Stage.INGEST)))
        halves = [[seed for seed in seeds if half(seed) == side][:passages] for side in (0, 1)]
        parent = written(layout, halves[0], PARENT)
        found = {f"{t:g}": judged(parent, written(layout, halves[1], t)) for t in TEMPERATURES}
    for temperature, figures in found.items():
        print(temperature, figures)
    ok = found["1"]["verdict"] == "pass" and found["0"]["verdict"] == "trip"
    print(json.dumps({"parent_rows": len(parent), "temperatures": found, "ok": ok}))


def prepared(root: Path) -> Layout:
    """A workspace with seeds."""
    layout = Layout(root)
    layout.recipes.mkdir()
    content = {
        "ingest": {"sources": [{"name": "python-docs", "kind": "python-docs"}]},
        "generate": {"recipe": "ask", "attempts": 1},
        "model": {"max_model_len": 2048},
        "engine": {"kind": "vllm", "max_in_flight": 64},
    }
    layout.params.write_text(yaml.safe_dump(content))
    params = parse(Params, content, "bench")
    write_lock(layout.sources_lock, lock_sources(params.ingest, layout, _no_store))
    ingest.run(layout)
    return layout


def _no_store() -> Any:
    raise AssertionError("the built-in source needs no store")


def half(seed: Mapping[str, Any]) -> int:
    """Which half a seed's document was dealt to."""
    return int(text_hash(seed["origins"][0]["document_id"]), 16) % 2


def written(layout: Layout, seeds: list[dict[str, Any]], temperature: float) -> list[Row]:
    """What the model writes from the seeds; rows with words."""
    (layout.recipes / "ask.yaml").write_text(RECIPE.format(temperature=temperature))
    with PartWriter(layout.data(Stage.INGEST), SEED) as out:
        for seed in seeds:
            out.append(seed)
    quota = {"version": 1, "recipes": {"ask": {"seeds": len(seeds), "draws": 1}}}
    layout.quota_lock.write_text(json.dumps(quota))
    generate.run(layout)
    return list(_rows(layout))


def _rows(layout: Layout) -> Iterator[Row]:
    for row in read_rows(layout.data(Stage.GENERATE), COLUMNS):
        if words(row["prompt"]):
            yield row_of(row)


def judged(parent: list[Row], new: list[Row]) -> dict[str, Any]:
    """What the gate would say, with its default bound."""
    (found,) = drifts(parent, [new], MIN_ROWS)
    if not found.moves:
        return {"rows": len(new), "verdict": "unmeasured", "needs": found.needs}
    bound = statistics.mean(found.trials) + DEVIATIONS * statistics.stdev(found.trials)
    moved = {move.measure.value: round(move.deviation, 1) for move in found.moves if move.deviation > bound}
    return {
        "rows": len(new),
        "compared": found.rows,
        "verdict": "trip" if moved else "pass",
        "largest": round(found.largest, 1),
        "bound": round(bound, 1),
        "moved": moved,
        "changed": changes(parent, new),
    }


if __name__ == "__main__":
    main()
