"""Length in words: prompts and responses that are too short to say something, or that ran away."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.verdict import Judging, Rule
from gristmill.params.content import LengthParams
from gristmill.text import words


@dataclass(frozen=True)
class Length(Judging):
    """Bounds on the number of words (`gristmill.text.words`) in prompt and response."""

    params: LengthParams

    name = "length"

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What is measured of each row: too short before too long, prompt before response."""
        bounds, prompt, response = self.params, _counts(batch["prompt"]), _counts(batch["response"])
        without = batch["prompt"].is_null().to_numpy(zero_copy_only=False)
        return (
            _at_least("prompt_too_short", prompt, bounds.min_prompt_words, without),
            _at_most("prompt_too_long", prompt, bounds.max_prompt_words),
            _at_least("response_too_short", response, bounds.min_response_words),
            _at_most("response_too_long", response, bounds.max_response_words),
        )


def _counts(texts: pa.StringArray) -> npt.NDArray[np.int64]:
    return np.fromiter((len(words(text or "")) for text in texts.to_pylist()), dtype=np.int64, count=len(texts))


def _at_least(
    reason: str, counts: npt.NDArray[np.int64], least: int, exempt: npt.NDArray[np.bool_] | bool = False
) -> Rule:
    return Rule(reason, counts, (counts >= least) | exempt, f"at least {least} words")


def _at_most(reason: str, counts: npt.NDArray[np.int64], most: int) -> Rule:
    return Rule(reason, counts, counts <= most, f"at most {most} words")
