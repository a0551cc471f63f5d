"""Grounding: the evidence stands in the seed's text, the response in the evidence, and the prompt is about the seed.

All by words: the evidence verbatim after white space is folded, the others by the share of their
distinct content words (`gristmill.text.content_words`) that stand there. A text without content
words has a share of 0. Beyond that, where asked for: runs of words, numbers and names of the response that the
seed's text does not have, and the nearness of their embeddings. What shares words need not follow from them: this
bounds invention, it does not prove truth.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.grams import Worded, common_share
from gristmill.filters.verdict import Judging, Rule, at_least, at_most, share, texts_of
from gristmill.params.content import EvidencePolicy, GroundingParams
from gristmill.stretches import Ints
from gristmill.text import content_words

_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_NAME = re.compile(r"(?<=[\w,;:)] )[^\W\d_a-z]\w+")


@dataclass(frozen=True)
class Grounding(Judging):
    """Holds each row against its own seed."""

    params: GroundingParams

    name = "grounding"

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What is measured of each row: evidence, then response, then prompt, then what was asked for beyond."""
        prompts, responses, evidence, contexts = (
            texts_of(batch, column) for column in ("prompt", "response", "evidence", "context")
        )
        given = np.array([bool(span.strip()) for span in evidence], dtype=np.bool_)
        optional = self.params.evidence is EvidencePolicy.OPTIONAL
        verbatim = np.array([stands_in(*pair) for pair in zip(evidence, contexts, strict=True)], dtype=np.bool_)
        support = [span if span.strip() else text for span, text in zip(evidence, contexts, strict=True)]
        response = _shares(responses, support if optional else evidence)
        prompt = np.where(batch["prompt"].is_null().to_numpy(zero_copy_only=False), 1.0, _shares(prompts, contexts))
        least_response, least_prompt = self.params.min_response_overlap, self.params.min_prompt_overlap
        return (
            Rule("no_evidence", np.where(given, "given", "none"), given | optional, "a span of the seed's text"),
            Rule("evidence_not_in_context", np.where(verbatim, "verbatim", "altered"), verbatim, "verbatim"),
            Rule("response_not_in_evidence", response, response >= least_response, f"at least {least_response}"),
            Rule("prompt_not_about_context", prompt, prompt >= least_prompt, f"at least {least_prompt}"),
            *self._beyond(batch, responses, [f"{a}\n{b}" for a, b in zip(contexts, prompts, strict=True)], contexts),
        )

    def _beyond(
        self, batch: pa.RecordBatch, responses: list[str], known: list[str], contexts: list[str]
    ) -> Iterator[Rule]:
        """The rules that are off until they are asked for, and the score."""
        bounds = self.params
        ngrams = _ngram_shares(batch, bounds.ngram)
        new_numbers, numbers = _new(_NUMBER, responses, known)
        new_names, names = _new(_NAME, responses, known)
        if bounds.min_ngram_overlap:
            yield at_least("response_ngrams_not_in_context", ngrams, bounds.min_ngram_overlap)
        if bounds.max_new_numbers is not None:
            yield at_most("new_numbers", new_numbers, bounds.max_new_numbers)
        if bounds.max_new_names is not None:
            yield at_most("new_names", new_names, bounds.max_new_names)
        if bounds.min_similarity is not None:
            yield at_least("response_far_from_context", _similarities(responses, contexts), bounds.min_similarity)
        if bounds.min_score:
            parts = (_shares(responses, contexts), ngrams, 1 - share(new_numbers, numbers), 1 - share(new_names, names))
            yield at_least("grounding_score", np.mean(parts, axis=0), bounds.min_score)


def stands_in(span: str, text: str) -> bool:
    """Whether the span stands in the text word for word, white space aside."""
    return " ".join(span.split()) in " ".join(text.split())


def overlap(text: str, source: str) -> float:
    """Share of the text's distinct content words that the source has; 0 without content words."""
    wanted = set(content_words(text))
    return len(wanted & set(content_words(source))) / len(wanted) if wanted else 0.0


def _shares(texts: Iterable[str], sources: Iterable[str]) -> npt.NDArray[np.float64]:
    return np.array([overlap(*pair) for pair in zip(texts, sources, strict=True)], dtype=np.float64)


def _new(shape: re.Pattern[str], texts: list[str], known: list[str]) -> tuple[Ints, Ints]:
    """How many different things of this shape each text has that is not known, and how many in all."""
    found = [(set(shape.findall(text)), source) for text, source in zip(texts, known, strict=True)]
    new = [sum(not re.search(rf"(?<!\w){re.escape(each)}(?!\w)", source) for each in all_) for all_, source in found]
    return np.array(new, dtype=np.int64), np.array([len(all_) for all_, _ in found], dtype=np.int64)


def _ngram_shares(batch: pa.RecordBatch, n: int) -> npt.NDArray[np.float64]:
    """Share of the response's runs of n words that the seed's text has; 1 for a response of fewer words."""
    own, theirs = (Worded(batch[column]).grams(n) for column in ("response", "context"))
    total = np.bincount(own.text, minlength=batch.num_rows)
    return np.where(total > 0, common_share(own, theirs, total), 1.0)


def _similarities(responses: list[str], contexts: list[str]) -> npt.NDArray[np.float64]:
    model = _embedder()
    first, second = (model.embed(texts, norm=True) for texts in (responses, contexts))
    found: npt.NDArray[np.float64] = np.sum(first * second, axis=1).astype(np.float64)
    return found


@cache
def _embedder() -> Any:
    """Wordllama with the weights that its package holds; imported when a similarity is asked for."""
    import wordllama

    return wordllama.WordLlama.load(cache_dir=str(Path(wordllama.__file__).parent), disable_download=True)
