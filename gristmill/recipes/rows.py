"""From a sample's outcome to its rows, with the provenance that the answers carry."""

from collections.abc import Mapping
from typing import Any

import orjson
import xxhash

from gristmill.identity import sample_id
from gristmill.recipes.outcome import Outcome, Row, Trial
from gristmill.recipes.plan import PlannedSample
from gristmill.recipes.program import Program

_CONTENT = (
    "prompt",
    "response",
    "chosen",
    "rejected",
    "conversation",
    "tools",
    "reference",
    "verifier",
    "evidence",
    "context",
)


def sample_rows(
    sample: PlannedSample, outcome: Outcome, program: Program, constants: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The rows of the samples' schema that an outcome gives; none when it was refused.

    `constants` are the columns that a whole run shares. Tokens are shared out over the rows of a fan-out, so that
    their sum is what was spent.
    """
    if not outcome.rows:
        return []
    shared = {**constants, **_provenance(sample, outcome)}
    answers = [trial.answered.answer for trial in outcome.trials]
    prompt_tokens = _shares(sum(answer.prompt_tokens for answer in answers), len(outcome.rows))
    completion_tokens = _shares(sum(answer.completion_tokens for answer in answers), len(outcome.rows))
    return [
        {
            **shared,
            "sample_id": identity_of(sample, constants, row.number),
            "type": program.type,
            **{name: row.content.get(name) for name in _CONTENT},
            "fields": orjson.dumps(_fields(outcome, program, row), option=orjson.OPT_NON_STR_KEYS).decode(),
            "prompt_tokens": prompt_tokens[place],
            "completion_tokens": completion_tokens[place],
        }
        for place, row in enumerate(outcome.rows)
    ]


def identity_of(sample: PlannedSample, constants: Mapping[str, Any], number: int | None = None) -> str:
    """The identity of a sample, or of a row of its fan-out."""
    model = f"{constants['model']}@{constants['model_revision']}"
    return sample_id([sample.seed["seed_id"]], constants["recipe_hash"], model, sample.draw, number)


def _fields(outcome: Outcome, program: Program, row: Row) -> dict[str, Any]:
    """The steps' values; of a fan-out's source only the row's own item."""
    if row.number is None:
        return outcome.fields
    rest = {name: value for name, value in outcome.fields.items() if name not in program.output.spread}
    return {**rest, program.output.item: row.item}


def _shares(total: int, rows: int) -> list[int]:
    """The sum in equal parts; what is left over goes to the first."""
    part, rest = divmod(total, rows)
    return [part + rest, *[part] * (rows - 1)]


def _provenance(sample: PlannedSample, outcome: Outcome) -> dict[str, Any]:
    engine, _, version = _engines(outcome.trials).partition("/")
    return {
        "draw": sample.draw,
        "depth": sample.seed["depth"] + 1,
        "seed_ids": [sample.seed["seed_id"]],
        "origins": sample.seed["origins"],
        "engine": engine,
        "engine_version": version,
        "sampling": orjson.dumps({trial.request.step: trial.request.settings for trial in outcome.trials}).decode(),
        "request_keys": [trial.answered.key for trial in outcome.trials],
        "prompt_hashes": [str(xxhash.xxh3_128_hexdigest(trial.request.prompt_bytes())) for trial in outcome.trials],
    }


def shared_columns(program: Program, model: str, revision: str) -> dict[str, Any]:
    """The columns that all rows of a run share."""
    return {
        "recipe": program.name,
        "recipe_hash": program.hash,
        "model": model,
        "model_revision": revision,
    }


def _engines(trials: list[Trial]) -> str:
    """The engine, as `name/version`; answers recorded by several versions name them all."""
    engines = list(dict.fromkeys(trial.answered.answer.engine for trial in trials))
    if len(engines) <= 1:
        return engines[0] if engines else "none/"
    names = dict.fromkeys(engine.partition("/")[0] for engine in engines)
    return f"{'+'.join(names)}/{'+'.join(engine.partition('/')[2] for engine in engines)}"
