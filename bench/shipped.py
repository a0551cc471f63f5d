"""Every recipe that ships, run by the default model on real passages from one start of the engine.

    python -m bench.shipped                    two passages and one draw for each recipe
    python -m bench.shipped --write            and a row of each into docs/recipe-rows.json, for docs/recipes.md
    python -m bench.shipped --only star magpie

SmolLM2-135M is far too small for most of them: what is shown is that each step asks, is read and checked, and that each
sample ends as rows or with a reason. Answers are cut at 160 tokens, so that all of it takes minutes.

Prints one JSON object as its last line: `recipes` (name -> `samples`, `rows`, `refused` by reason, `failed`), `rows`,
`failed` (samples that ended by a fault and not by a check: 0 is wanted), `seconds`.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gristmill.cli.recipe_table import ROWS
from gristmill.engine.asker import Asker
from gristmill.engine.build import build_engine
from gristmill.engine.drive import run_samples
from gristmill.engine.journal import open_journal
from gristmill.params.generate import EngineParams, ModelParams
from gristmill.recipes.catalogue import names
from gristmill.recipes.compile import recipe_program
from gristmill.recipes.outcome import Outcome
from gristmill.recipes.program import Program
from gristmill.recipes.request import Answered, Request

ROOT = Path(__file__).parents[1]
MAX_TOKENS = 160
SEEDS: tuple[dict[str, Any], ...] = (
    {
        "passage": "A log is a file that records every change before it is made. "
        "A transaction groups several statements so that all of them take effect or none does. The database "
        "writes each change to a log before it touches the table. If the power fails, the log is read again at the "
        "next start, and what was not committed is undone.",
        "title": "Transactions",
        "question": "A log holds 12 statements of 3 transactions of equal length. How many statements has each?",
        "answer": "4",
        "persona": "A database administrator who is on call at night",
        "code": 'def double(number: int) -> int:\n    """Twice the number."""\n    return 2 * number\n',
    },
    {
        "passage": "Yeast is a fungus that feeds on the sugar in flour. "
        "Bread rises because yeast eats the sugar in the dough and gives off gas. Warm dough rises faster "
        "than cold dough. If it rises too long, the bubbles burst, and the loaf sinks in the oven.",
        "title": "Bread",
        "question": "A baker needs 500 grams of flour for a loaf. How many grams for 6 loaves?",
        "answer": "3000",
        "persona": "A baker who teaches children",
        "code": "def grams(loaves):\n    return 500 * loaves\n",
    },
)


@dataclass(frozen=True)
class Sample:
    """One sample of one recipe."""

    name: str
    program: Program
    seed: dict[str, Any]


def main() -> None:
    """Runs them and prints what came of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", help="recipes; all by default")
    parser.add_argument("--quick", action="store_true", help="one passage")
    parser.add_argument("--write", action="store_true", help=f"write docs/{ROWS}")
    given = parser.parse_args()
    began = time.monotonic()
    outcomes = run(given.only or recipes(), SEEDS[:1] if given.quick else SEEDS)
    told = {name: account(found) for name, found in outcomes.items()}
    if given.write:
        (ROOT / "docs" / ROWS).write_text(json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    summary = {
        "recipes": {name: {key: value for key, value in facts.items() if key != "row"} for name, facts in told.items()},
        "rows": sum(facts["rows"] for facts in told.values()),
        "failed": sum(facts["failed"] for facts in told.values()),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(summary))


def recipes() -> list[str]:
    """Every recipe in recipes/, without the rubrics."""
    return [name for name in names(ROOT / "recipes") if not name.startswith("judge-")]


def run(wanted: list[str], seeds: tuple[dict[str, Any], ...]) -> dict[str, list[Outcome]]:
    """Recipe -> the outcome of each of its samples, from one start of the real engine."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in wanted}
    with tempfile.TemporaryDirectory() as folder, open_journal(Path(folder) / "journal.sqlite") as journal:
        run_samples(
            _samples(wanted, seeds),
            _walk,
            lambda sample, outcome: outcomes[sample.name].append(outcome),
            journal=journal,
            engine=build_engine(EngineParams(), ModelParams(), Path(folder)),
        )
    return outcomes


def account(outcomes: list[Outcome]) -> dict[str, Any]:
    """What became of a recipe's samples, with its first row."""
    refusals = [outcome.refused for outcome in outcomes if outcome.refused]
    rows = [dict(row.content) for outcome in outcomes for row in outcome.rows]
    reasons = Counter(refusal.reason for refusal in refusals)
    facts = {
        "samples": len(outcomes),
        "rows": len(rows),
        "refused": ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items())),
        "failed": sum(refusal.failed for refusal in refusals),
    }
    return {**facts, "row": rows[0]} if rows else facts


def _samples(wanted: list[str], seeds: tuple[dict[str, Any], ...]) -> Iterator[Sample]:
    for name in wanted:
        program = recipe_program(ROOT / "recipes", name, attempts=2)
        for seed in seeds:
            yield Sample(name, program, seed)


async def _walk(sample: Sample, ask: Asker) -> Outcome:
    async def brief(request: Request) -> Answered:
        tokens = min(request.sampling.max_tokens, MAX_TOKENS)
        return await ask(replace(request, sampling=replace(request.sampling, max_tokens=tokens)))

    return await sample.program.run({**sample.seed, "draw": 0}, 0, brief)


if __name__ == "__main__":
    main()
