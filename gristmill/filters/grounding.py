"""Support: the evidence stands in the seed's text, the response in the evidence, and the prompt is about the seed.

All by words: the evidence verbatim after white space is folded, the others by the share of their
distinct content words (`gristmill.text.content_words`) that stand there. A text without content
words has a share of 0. What shares words need not follow from them: this bounds invention, it
does not prove truth.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.verdict import Judging, Rule, texts_of
from gristmill.params.content import GroundingParams
from gristmill.text import content_words


@dataclass(frozen=True)
class Grounding(Judging):
    """Holds each row against its own seed. Rows without evidence are refused."""

    params: GroundingParams

    name = "grounding"

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What is measured of each row: evidence, then response, then prompt."""
        prompts, responses, evidence, contexts = (
            texts_of(batch, column) for column in ("prompt", "response", "evidence", "context")
        )
        given: npt.NDArray[np.bool_] = np.array([bool(span.strip()) for span in evidence], dtype=np.bool_)
        verbatim: npt.NDArray[np.bool_] = np.array(
            [stands_in(*pair) for pair in zip(evidence, contexts, strict=True)], dtype=np.bool_
        )
        response, prompt = _shares(responses, evidence), _shares(prompts, contexts)
        least_response, least_prompt = self.params.min_response_overlap, self.params.min_prompt_overlap
        return (
            Rule("no_evidence", np.where(given, "given", "none"), given, "a span of the seed's text"),
            Rule("evidence_not_in_context", np.where(verbatim, "verbatim", "altered"), verbatim, "verbatim"),
            Rule("response_not_in_evidence", response, response >= least_response, f"at least {least_response}"),
            Rule("prompt_not_about_context", prompt, prompt >= least_prompt, f"at least {least_prompt}"),
        )


def stands_in(span: str, text: str) -> bool:
    """Whether the span stands in the text word for word, white space aside."""
    return " ".join(span.split()) in " ".join(text.split())


def overlap(text: str, source: str) -> float:
    """Share of the text's distinct content words that the source has; 0 without content words."""
    wanted = set(content_words(text))
    return len(wanted & set(content_words(source))) / len(wanted) if wanted else 0.0


def _shares(texts: Iterable[str], sources: Iterable[str]) -> npt.NDArray[np.float64]:
    return np.array([overlap(*pair) for pair in zip(texts, sources, strict=True)], dtype=np.float64)
