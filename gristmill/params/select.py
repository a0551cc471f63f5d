"""Parameters of `filter` and `judge`: what is kept, and how it is scored."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from gristmill.params.filters import C4Params, FinewebParams, GopherQualityParams, GopherRepetitionParams
from gristmill.params.section import Section


class LengthParams(Section):
    """Words in the prompt and in the response."""

    min_prompt_words: int = Field(default=4, ge=0)
    """Shorter prompts are rejected."""
    max_prompt_words: int = Field(default=60, ge=1)
    """Longer prompts are rejected."""
    min_response_words: int = Field(default=1, ge=0)
    """Shorter responses are rejected."""
    max_response_words: int = Field(default=200, ge=1)
    """Longer responses are rejected."""


class LanguageParams(Section):
    """Language of prompt and response together (py3langid)."""

    allowed: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]] = Field(default=["en"], min_length=1)
    """ISO 639 codes that are kept."""
    min_probability: float = Field(default=0.5, ge=0, le=1)
    """Least probability of the allowed languages against the likeliest other language (0.5: as likely as that one)."""


class PromptForm(StrEnum):
    """What a prompt has to look like."""

    ANY = "any"
    QUESTION = "question"


class FormParams(Section):
    """What prompt and response have to look like, whatever they say."""

    prompt: PromptForm = PromptForm.ANY
    """`question`: prompts that don't end in a question mark are rejected; `any` takes all."""
    min_new_words: int = Field(default=1, ge=0)
    """Content words that the response must add to the prompt's; 0 lets a response that only repeats it pass."""


class BoilerplateParams(Section):
    """Phrases of an assistant that talks about itself or its task instead of doing it."""

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


class SupportParams(Section):
    """Whether the response stands on the evidence, and the evidence in the seed."""

    min_response_overlap: float = Field(default=0.8, ge=0, le=1)
    """Share of the response's content words that must stand in the evidence."""
    min_prompt_overlap: float = Field(default=0.2, ge=0, le=1)
    """Share of the prompt's content words that must stand in the seed's text."""


class TextColumn(StrEnum):
    """A column of samples that holds text."""

    PROMPT = "prompt"
    RESPONSE = "response"


class FilterParams(Section):
    """Cheap checks, before the judge costs anything, in this order; the first that fails gives the reason."""

    length: LengthParams = LengthParams()
    """Bounds on length."""
    form: FormParams = FormParams()
    """Question or not, answer or mere echo."""
    boilerplate: BoilerplateParams = BoilerplateParams()
    """Phrases that no row should hold."""
    text_column: TextColumn = TextColumn.RESPONSE
    """What the four published filters (the next four sections) look at."""
    gopher_quality: GopherQualityParams | None = None
    """Gopher's signs of prose; off while `null`, and `{}` takes the paper's constants. So for the next three."""
    gopher_repetition: GopherRepetitionParams | None = None
    """Gopher's bounds on repetition."""
    c4: C4Params | None = None
    """C4's sentences."""
    fineweb: FinewebParams | None = None
    """FineWeb's look of lines."""
    language: LanguageParams = LanguageParams()
    """Languages kept."""
    support: SupportParams | None = SupportParams()
    """Grounding in the seed's text; `null` for recipes that give no evidence."""


class JudgeParams(Section):
    """A model scores every kept sample; the scores annotate, `compose` may select by them."""

    rubric: str = Field(default="judge-qa", pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Name of a rubric in recipes/, without `.yaml`."""
    attempts: int = Field(default=2, ge=1, le=10)
    """Times a judgement that does not parse is asked for again; then the row is marked `unparsed`."""
