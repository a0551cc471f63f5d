"""From a sample's outcome to its row, with the provenance that the answers carry."""

from collections.abc import Mapping
from typing import Any

import orjson
import xxhash

from gristmill.recipes.outcome import Outcome, Trial
from gristmill.recipes.plan import PlannedSample
from gristmill.recipes.program import Program


def sample_row(identity: str, sample: PlannedSample, outcome: Outcome, constants: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the samples' schema. `constants` are the columns that a whole run shares.

    Raises KeyError when the outcome was refused: it has no output then.
    """
    output = outcome.output or {}
    engine, _, version = _engines(outcome.trials).partition("/")
    answers = [trial.answered.answer for trial in outcome.trials]
    return {
        **constants,
        "sample_id": identity,
        "draw": sample.draw,
        "depth": sample.seed["depth"] + 1,
        "prompt": output["prompt"],
        "response": output["response"],
        "evidence": output.get("evidence"),
        "context": output.get("context"),
        "fields": orjson.dumps(outcome.fields).decode(),
        "seed_ids": [sample.seed["seed_id"]],
        "origins": sample.seed["origins"],
        "engine": engine,
        "engine_version": version,
        "sampling": orjson.dumps({trial.request.step: trial.request.sampling for trial in outcome.trials}).decode(),
        "request_keys": [trial.answered.key for trial in outcome.trials],
        "prompt_hashes": [str(xxhash.xxh3_128_hexdigest(trial.request.prompt_bytes())) for trial in outcome.trials],
        "prompt_tokens": sum(answer.prompt_tokens for answer in answers),
        "completion_tokens": sum(answer.completion_tokens for answer in answers),
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
