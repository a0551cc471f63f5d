"""Language of prompt and response together, by py3langid (Lui and Baldwin 2012; the model is in the package).

The measured value is p(allowed) / (p(allowed) + p(likeliest other)): is this text in a language
that is wanted, or rather in some other? The plain probability over all 140 labels is useless on
short technical text, where it spreads over many unlikely languages: it throws away about a quarter
of short English questions about Python names (`What does object.__init_subclass__() do?`), the
ratio next to none, while it still refuses almost all text in another language. The seed's evidence
is left out on purpose: English evidence would hide a foreign response.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from gristmill.errors import InputError
from gristmill.filters.verdict import Judging, Rule, texts_of
from gristmill.params.content import LanguageParams


@dataclass(frozen=True)
class Language(Judging):
    """Keeps rows in the allowed languages. Raises InputError for a code that the model does not know."""

    params: LanguageParams

    name = "language"

    def __post_init__(self) -> None:
        known = set(_identifier().labels)
        unknown = [code for code in self.params.allowed if code not in known]
        if unknown:
            raise InputError(
                f"no such language: {', '.join(unknown)}",
                where="filter language: allowed",
                expected=f"some of {' '.join(sorted(known))}",
            )

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What is measured of each row; the measured value is the probability described above."""
        pairs = zip(texts_of(batch, "prompt"), texts_of(batch, "response"), strict=True)
        allowed = frozenset(self.params.allowed)
        measured: npt.NDArray[np.float64] = np.fromiter(
            (allowed_probability(f"{prompt} {response}", allowed) for prompt, response in pairs),
            dtype=np.float64,
            count=batch.num_rows,
        )
        least = self.params.min_probability
        threshold = f"{'|'.join(self.params.allowed)} at least {least}"
        return (Rule("language", measured, measured >= least, threshold),)


def allowed_probability(text: str, allowed: frozenset[str]) -> float:
    """Probability of the likeliest allowed language against the likeliest other; 0.5 for a text without letters."""
    if not any(character.isalpha() for character in text):
        return 0.5
    best = {True: 0.0, False: 0.0}
    for language, probability in _identifier().rank(text):
        wanted = language in allowed
        best[wanted] = max(best[wanted], float(probability))
    return best[True] / (best[True] + best[False])


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
