"""Leakage: what was said to the model comes back in the answer.

Three things are compared with the response, by runs of words (`gristmill.filters.grams`): the recipe's own templates
(their text without what is filled in), the row's prompt, and, where wanted, the seed's text. Markers of chat templates
are looked for as they stand.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from gristmill.filters.grams import Worded, common_share
from gristmill.filters.verdict import Judging, Rule, at_most, texts_of
from gristmill.params.conduct import LeakageParams
from gristmill.stretches import Hashes

_FILLED_IN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True)
class Leakage(Judging):
    """Refuses responses that repeat a template, or too much of their prompt or seed."""

    params: LeakageParams
    templates: Hashes
    """Runs of words of the recipes' templates."""

    name = "leakage"

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What is measured of each row."""
        n, rows = self.params.words, batch.num_rows
        grams = Worded(batch["response"]).grams(n)
        total = np.bincount(grams.text, minlength=rows)
        leaked = np.bincount(grams.text[np.isin(grams.hashes, self.templates)], minlength=rows)
        marks = np.array([self._marker(text) for text in texts_of(batch, "response")], dtype=np.object_)
        prompt, seed = (common_share(grams, Worded(batch[column]).grams(n), total) for column in ("prompt", "context"))
        return (
            Rule("leaked_marker", marks, marks == "", "none of the markers"),
            Rule("leaked_template", leaked, leaked == 0, f"no run of {n} words of the recipe"),
            at_most("copied_prompt", prompt, self.params.max_prompt_copy),
            at_most("copied_seed", seed, self.params.max_seed_copy),
        )

    def _marker(self, text: str) -> str:
        return next((marker for marker in self.params.markers if marker in text), "")


def leakage(params: LeakageParams, templates: Sequence[str]) -> Leakage:
    """The filter, with the runs of words of these templates."""
    pieces = [piece for text in templates for piece in _FILLED_IN.split(text)]
    return Leakage(params, np.unique(Worded(pieces).grams(params.words).hashes))


def template_texts(recipe: Mapping[str, Any]) -> list[str]:
    """All that a recipe file says to the model: messages and prompts, wherever they stand in it."""
    found: list[str] = []
    for key, value in recipe.items():
        if key in ("messages", "prompt", "opening") and not isinstance(value, Mapping):
            found += _strings(value)
        elif key != "output":
            found += [text for each in _mappings(value) for text in template_texts(each)]
    return found


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for child in children for text in _strings(child)]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        return [value]
    return [each for child in value for each in _mappings(child)] if isinstance(value, list) else []
