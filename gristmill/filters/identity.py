"""Identity: answers in which the model says who it is, or who made it.

What a name means depends on who says it: a text about an assistant may name it. So a name counts only behind words such
as `I am`, or `made by` in a sentence about the speaker.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.verdict import Judging, Rule, texts_of
from gristmill.params.conduct import IdentityParams

ASSISTANTS = (
    *(
        "ChatGPT",
        "GPT-3",
        "GPT-4",
        "GPT-5",
        "OpenAI",
        "Claude",
        "Anthropic",
        "Gemini",
        "Bard",
        "Gemma",
        "Google",
        "LLaMA",
    ),
    *(
        "Llama",
        "Meta AI",
        "Mistral",
        "Mixtral",
        "Qwen",
        "Alibaba",
        "DeepSeek",
        "Phi-4",
        "Copilot",
        "Microsoft",
        "Grok",
        "xAI",
    ),
    *("SmolLM", "Hugging Face", "Cohere", "Command R", "Palmyra", "Writer", "Kimi", "Nemotron"),
)
_KIND = (
    r"(?:an? )?(?:large |artificial |helpful |virtual )*"
    r"(?:language model|AI|AI model|AI assistant|artificial intelligence|chatbot)"
)


@dataclass(frozen=True)
class Identity(Judging):
    """Refuses rows whose response introduces its speaker; the measured value is what it said."""

    params: IdentityParams

    name = "identity"

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What is measured of each row."""
        said = [self.self_description(text) for text in texts_of(batch, "response")]
        found: npt.NDArray[np.object_] = np.array(said, dtype=np.object_)
        return (Rule("self_identification", found, found == "", "the response does not say who speaks"),)

    def self_description(self, text: str) -> str:
        """The words by which the text says who speaks, or an empty string."""
        match = self._shape.search(" ".join(text.replace("\u2019", "'").split()))
        return match.group()[:80] if match else ""

    @cached_property
    def _shape(self) -> re.Pattern[str]:
        allowed = {name.casefold() for name in self.params.allowed}
        names = [name for name in (*ASSISTANTS, *self.params.names) if name.casefold() not in allowed]
        name = "(?:" + "|".join(re.escape(each) for each in sorted(names, key=len, reverse=True)) + r")(?!\w)"
        made = r"(?:made|created|developed|trained|built|designed|released|provided) by "
        return re.compile(
            rf"\bas {_KIND}\b|\b(?:I am|I'm|my name is|call me|this is)\W+(?:{_KIND}\b|{name})"
            rf"|\b(?:I was|I am|I'm|I have been|I've been|me,?) (?:an? [\w ]{{0,40}})?{made}{name}"
            rf"|\bmy (?:creators?|developers?|makers?|training data|knowledge cutoff)\b",
            re.IGNORECASE,
        )
