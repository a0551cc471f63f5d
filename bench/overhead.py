"""What the pipeline adds to a row: the whole generate stage with an engine that answers at once.

    python -m bench.overhead                                    20,000 rows, scripted engine
    python -m bench.overhead --engine openai                    the same against a local endpoint over HTTP
    python -m bench.overhead --engine openai --delay-ms 500     20,480 rows, each answer half a second away
    python -m bench.overhead --quick                            a tenth of the rows

The scripted engine runs qa-from-docs over real passages of about 300 tokens of the Python documentation, two draws of
each as params.yaml has it; the `answerer` module answers. Passages with fewer than two facts are left out (three of
four): their draws end before they ask, and cost less than a row. `accepted_share` is the rows that came out.
Over HTTP (and with `--recipe qa-json`) the recipe is bench/recipes/qa-json.yaml: one chat request for each passage, one
JSON object back, validated against its schema.
The journal is on and cold, Parquet is written, books are kept; making the seeds and starting Python are left out. The
endpoint (tests/engine/endpoint.py) is a process of its own that shares the machine; its constraint check is part of
the time.

Prints one JSON object as its last line: `rows_per_s`, `cpu_us_per_row` (of this process alone, which says more where
others share the machine), and with the scripted engine `us_per_row_by_part`: each part run
alone over the same rows (reading seeds; rendering, walking through the program and validating; the journal; writing),
and what is left of the whole (the engine loop, the stage's frame).
"""

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import yaml

from gristmill.engine import answerer
from gristmill.engine.journal import open_journal
from gristmill.frame.parquet import PartWriter, count_rows
from gristmill.identity import text_hash
from gristmill.layout import Layout, Stage
from gristmill.recipes.compile import recipe_program
from gristmill.recipes.outcome import Outcome
from gristmill.recipes.plan import PlannedSample, planned_samples, read_quota
from gristmill.recipes.questions.facts import nth_fact
from gristmill.recipes.request import Answer, Answered, Request, request_key
from gristmill.recipes.rows import sample_rows, shared_columns
from gristmill.schema import SAMPLE, SEED
from gristmill.stages import generate
from gristmill.text import estimate_tokens
from tests.engine.endpoint import Running

ROOT = Path(__file__).parents[1]
QA_JSON, QA_FROM_DOCS = "qa-json", "qa-from-docs"
RECIPES = {QA_JSON: ROOT / "bench" / "recipes" / "qa-json.yaml", QA_FROM_DOCS: ROOT / "recipes" / "qa-from-docs.yaml"}
DRAWS = {QA_JSON: 1, QA_FROM_DOCS: 2}
SCRIPTS = {QA_JSON: "bench.overhead:answer", QA_FROM_DOCS: None}
PASSAGE_WORDS = 230
"""Of English prose with its marks: about 300 tokens."""
PASSAGE_TOKENS = (240, 340)
ANSWER = json.dumps(
    {
        "question": "Which names does a class definition bind in the scope where it stands?",
        "answer": "The class name, to the class object that its suite makes.",
    }
)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["scripted", "openai"], default="scripted")
    parser.add_argument("--recipe", choices=sorted(RECIPES), default=QA_FROM_DOCS, help="for the scripted engine")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--delay-ms", type=float, default=0.0, help="how long the endpoint takes for an answer")
    parser.add_argument("--in-flight", type=int, default=128)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    given = parser.parse_args()
    rows = given.rows or (20_480 if given.delay_ms else 20_000) // (10 if given.quick else 1)
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as folder:
        recipe = QA_JSON if given.engine == "openai" else given.recipe
        layout = workspace(Path(folder), rows, recipe)
        if given.engine == "openai":
            print(json.dumps(over_http(layout, rows, given.delay_ms, given.in_flight)))
        else:
            print(json.dumps(scripted(layout, rows, given.in_flight, recipe)))


def over_http(layout: Layout, rows: int, delay_ms: float, in_flight: int) -> dict[str, Any]:
    """The stage against an endpoint in a process of its own."""
    endpoint = Running("--delay-ms", str(delay_ms), "--answer", ANSWER)
    try:
        write_params(layout, in_flight, kind="openai", endpoints=[endpoint.address])
        found = {"engine": "openai", **stage(layout, rows, in_flight)}
    finally:
        endpoint.end()
    return {**found, "delay_ms": delay_ms, "ideal_rows_per_s": in_flight / delay_ms * 1000} if delay_ms else found


def scripted(layout: Layout, rows: int, in_flight: int, recipe: str) -> dict[str, Any]:
    """The stage with the scripted engine, and its parts alone."""
    write_params(layout, in_flight, recipe, kind="scripted", script=SCRIPTS[recipe])
    found = {"recipe": recipe, **stage(layout, rows, in_flight)}
    seconds = parts(layout, recipe)
    seconds["rest"] = rows / found["rows_per_s"] - sum(seconds.values())
    by_part = {name: round(value / rows * 1e6, 1) for name, value in seconds.items()}
    return {"engine": "scripted", **found, "us_per_row_by_part": by_part}


def stage(layout: Layout, rows: int, in_flight: int) -> dict[str, Any]:
    """The whole stage: rows per second of wall clock, and what a row costs this process in CPU time, all threads."""
    before = time.process_time()
    seconds = timed(lambda: generate.run(layout))
    cpu = time.process_time() - before
    accepted = round(count_rows(layout.data(Stage.GENERATE)) / rows, 3)
    figures = {"rows_per_s": round(rows / seconds, 1), "cpu_us_per_row": round(cpu / rows * 1e6, 1)}
    return {"rows": rows, "in_flight": in_flight, "accepted_share": accepted, **figures}


def answer(_: Request) -> str:
    """The scripted engine's answer to everything."""
    return ANSWER


def parts(layout: Layout, recipe: str) -> dict[str, float]:
    """Seconds of each part of the stage, run alone over all rows; samples that were refused are not written."""
    program = recipe_program(layout.recipes, recipe, 1)
    columns = shared_columns(program, "bench", "1")
    plan: list[PlannedSample] = []
    outcomes: list[Outcome] = []
    requests: list[Request] = []
    script = answer if SCRIPTS[recipe] else answerer.answer

    async def ask(request: Request) -> Answered:
        requests.append(request)
        return Answered("0" * 32, Answer(script(request), "stop", 330, 40, 0, "scripted/1"))

    async def walk() -> None:
        for sample in plan:
            outcomes.append(await program.run(sample.inputs(), sample.draw, ask))

    def record() -> None:
        with open_journal(layout.root / "parts" / "journal.sqlite") as journal:
            for request in requests:
                content = request.content("bench@1")
                key = request_key(content)
                if journal.get(key) is None:
                    journal.append(key, content, Answer(ANSWER, "stop", 330, 40, 0, "scripted/1"))

    def write() -> None:
        with PartWriter(layout.root / "parts" / "rows", SAMPLE) as out:
            for sample, outcome in zip(plan, outcomes, strict=True):
                for row in sample_rows(sample, outcome, program, columns):
                    out.append(row)

    quota = read_quota(layout.quota_lock, recipe)
    return {
        "seeds": timed(lambda: plan.extend(planned_samples(layout.data(Stage.INGEST), quota))),
        "render_and_program": timed(lambda: asyncio.run(walk())),
        "journal": timed(record),
        "write": timed(write),
    }


def workspace(root: Path, rows: int, recipe: str = QA_JSON) -> Layout:
    """A folder with the seeds for so many rows, the recipe and its quota."""
    layout = Layout(root)
    (root / "recipes").mkdir()
    (root / "recipes" / f"{recipe}.yaml").write_text(RECIPES[recipe].read_text())
    layout.quota_lock.parent.mkdir()
    seeds, draws = rows // DRAWS[recipe], DRAWS[recipe]
    layout.quota_lock.write_text(json.dumps({"version": 1, "recipes": {recipe: {"seeds": seeds, "draws": draws}}}))
    passages = words() if recipe == QA_JSON else paragraphs()
    with PartWriter(layout.data(Stage.INGEST), SEED) as out:
        for text in itertools.islice(passages, seeds):
            out.append(seed(text))
    return layout


def words() -> Iterator[str]:
    """Passages of running words, all different, without end."""
    found = " ".join(topics.values()).split()
    for number in itertools.count():
        start = number * 37 % (len(found) - PASSAGE_WORDS)
        yield f"Passage {number}. {' '.join(found[start : start + PASSAGE_WORDS])}"


def paragraphs() -> Iterator[str]:
    """Passages of whole paragraphs with a fact for each draw, about 300 tokens each, without end.

    They come again; all are different by their first line.
    """
    found: list[str] = []
    passage: list[str] = []
    for paragraph in (each for name in sorted(topics) for each in topics[name].split("\n\n") if each.strip()):
        if passage and estimate_tokens("\n\n".join([*passage, paragraph])) > PASSAGE_TOKENS[1]:
            found.append("\n\n".join(passage))
            passage = []
        passage.append(paragraph)
    most = DRAWS[QA_FROM_DOCS] - 1
    fit = [text for text in found if estimate_tokens(text) >= PASSAGE_TOKENS[0] and nth_fact(text, most) is not None]
    for number in itertools.count():
        yield f"Passage {number}.\n\n{fit[number % len(fit)]}"


def seed(text: str) -> dict[str, Any]:
    """A seed's row."""
    origin = {"source": "bench", "document_id": "d", "address": "bench#d", "offset": 0, "licence": None}
    return {"seed_id": text_hash(text), "text": text, "title": None, "tokens": 300, "depth": 0, "origins": [origin]}


def write_params(layout: Layout, in_flight: int, recipe: str = QA_JSON, **engine: Any) -> None:
    """params.yaml for the one stage."""
    params = {
        "generate": {"recipe": recipe, "attempts": 1},
        "model": {"name": "tiny", "revision": "bench"},
        "engine": {"max_in_flight": in_flight, **engine},
    }
    layout.params.write_text(yaml.safe_dump(params))


def timed(work: Callable[[], object]) -> float:
    """Seconds that the work took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
