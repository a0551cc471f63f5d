"""Form: a prompt that should be a question is one, and a response says something that the prompt did not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.verdict import Judging, Rule, at_most, texts_of
from gristmill.params.content import FormParams, PromptForm
from gristmill.text import content_words

_CLOSING = "\"'\u201d\u2019)]*_` \n\t"


@dataclass(frozen=True)
class Form(Judging):
    """Checks what a row looks like. Answers made of stop words alone (`it is`) add nothing and are refused too."""

    params: FormParams

    name = "form"

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What is measured of each row: the prompt's form first."""
        prompts, responses = texts_of(batch, "prompt"), texts_of(batch, "response")
        endings: npt.NDArray[np.str_] = np.array([prompt.rstrip(_CLOSING)[-1:] for prompt in prompts], dtype=np.str_)
        asks = (endings == "?") | (endings == "？") | _without(batch)  # noqa: RUF001 - full-width, as in Chinese
        new = np.array([_new_words(*pair) for pair in zip(prompts, responses, strict=True)], dtype=np.int64)
        least = self.params.min_new_words
        symbols: npt.NDArray[np.float64] = np.array([_symbols(text) for text in responses], dtype=np.float64)
        return (
            Rule("not_a_question", endings, asks | (self.params.prompt is PromptForm.ANY), "ends in ?"),
            at_most("response_of_symbols", symbols, self.params.max_symbols),
            Rule("response_repeats_prompt", new, new >= least, f"at least {least} new words"),
        )


def _without(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """True for rows that have no prompt at all."""
    found: npt.NDArray[np.bool_] = batch["prompt"].is_null().to_numpy(zero_copy_only=False)
    return found


def _symbols(text: str) -> float:
    """Share of the characters that are neither letter nor digit; blanks don't count."""
    plain = "".join(text.split())
    return sum(not character.isalnum() for character in plain) / len(plain) if plain else 0.0


def _new_words(prompt: str, response: str) -> int:
    return len(set(content_words(response)) - set(content_words(prompt)))
