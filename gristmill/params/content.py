"""Parameters of the filters on what a sample says and how it looks."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gristmill.params.section import FilterSection, Section


class LengthParams(FilterSection):
    """Words in the prompt and in the response."""

    name: Literal["length"] = "length"
    """The filter."""
    min_prompt_words: int = Field(default=4, ge=0)
    """Shorter prompts are rejected."""
    max_prompt_words: int = Field(default=60, ge=1)
    """Longer prompts are rejected."""
    min_response_words: int = Field(default=1, ge=0)
    """Shorter responses are rejected."""
    max_response_words: int = Field(default=200, ge=1)
    """Longer responses are rejected."""


class LanguageParams(FilterSection):
    """Language of prompt and response together (py3langid)."""

    name: Literal["language"] = "language"
    """The filter."""
    allowed: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]] = Field(default=["en"], min_length=1)
    """ISO 639 codes that are kept."""
    min_probability: float = Field(default=0.5, ge=0, le=1)
    """Least probability of the allowed languages against the likeliest other language (0.5: as likely as that one)."""


class PromptForm(StrEnum):
    """What a prompt has to look like."""

    ANY = "any"
    QUESTION = "question"


class Balanced(Section):
    """Phrases that are fine now and then, such as `I'm sorry` or `Sure!`."""

    phrases: list[str] = Field(min_length=1)
    """Found as whole words, whatever the case."""
    max_share: float = Field(gt=0, lt=1)
    """Largest share of rows with one of them among the rows that pass here; which ones stay, a hash decides."""


class EvidencePolicy(StrEnum):
    """Whether a row must name the span that supports it."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class FormParams(FilterSection):
    """What prompt and response have to look like, whatever they say."""

    name: Literal["form"] = "form"
    """The filter."""
    prompt: PromptForm = PromptForm.ANY
    """`question`: prompts that don't end in a question mark are rejected; `any` takes all."""
    max_symbols: float = Field(default=1, ge=0, le=1)
    """Largest share of the response's characters (blanks left out) that are neither letters nor digits."""
    min_new_words: int = Field(default=1, ge=0)
    """Content words that the response must add to the prompt's; 0 lets a response that only repeats it pass."""


class BoilerplateParams(FilterSection):
    """Phrases of an assistant that talks about itself or its task instead of doing it."""

    name: Literal["boilerplate"] = "boilerplate"
    """The filter."""
    phrases: list[str] = Field(
        default=[
            "as an ai",
            "as a language model",
            "ai language model",
            "ai assistant",
            "i'm sorry",
            "i am sorry",
            "i cannot",
            "i can't",
            "i don't have access",
            "here is a question",
            "here's a question",
            "the passage",
            "the text above",
            "the above text",
            "the given text",
            "the provided text",
        ]
    )
    """Rows with one of these in prompt or response are rejected, whatever the case; `[]` turns this off."""
    balanced: list[Balanced] = Field(default_factory=list)
    """Groups of phrases that may stay up to a share. Later filters change shares: place this last."""


class GroundingParams(FilterSection):
    """Whether the response stands on the evidence, and the evidence in the seed."""

    needs: ClassVar = ("context",)
    name: Literal["grounding"] = "grounding"
    """The filter."""
    evidence: EvidencePolicy = EvidencePolicy.REQUIRED
    """`optional`: a row without evidence is held against the seed's whole text."""
    min_response_overlap: float = Field(default=0.8, ge=0, le=1)
    """Share of the response's content words that must stand in the evidence."""
    min_prompt_overlap: float = Field(default=0.2, ge=0, le=1)
    """Share of the prompt's content words that must stand in the seed's text."""
    ngram: int = Field(default=3, ge=2, le=20)
    """Length of the runs of words that `min_ngram_overlap` and the score look at."""
    min_ngram_overlap: float = Field(default=0, ge=0, le=1)
    """Share of the response's runs of words that must stand in the seed's text."""
    max_new_numbers: int | None = Field(default=None, ge=0)
    """Most numbers in the response that the seed's text does not have; `null` does not look."""
    max_new_names: int | None = Field(default=None, ge=0)
    """Most names (words with a capital inside a sentence) that neither the seed's text nor the prompt has."""
    min_similarity: float | None = Field(default=None, ge=-1, le=1)
    """Least cosine of the response's and the seed's embeddings (wordllama, 256 dimensions); `null` computes none."""
    min_score: float = Field(default=0, ge=0, le=1)
    """Least score: the mean of word overlap, n-gram overlap, and the shares of numbers and names that are not new."""


class ExactDedupParams(FilterSection):
    """Rows whose prompt and response are those of an earlier row, whatever their case, marks and blanks."""

    name: Literal["exact_dedup"] = "exact_dedup"
    """The filter."""
