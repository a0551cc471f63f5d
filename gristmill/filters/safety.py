"""Safety: words and phrases by category, and how often they come. Off unless params list it.

Such lists know words, not meanings: a text that warns of something holds the same words as one that teaches it, a
harmful text can do without all of them, and they are English. They are a first sieve for seeds and models that are not
known, and no replacement for a classifier or for people who read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa

from gristmill.filters.verdict import Judging, Rule, at_most, texts_of
from gristmill.params.conduct import SafetyParams
from gristmill.text import words

LISTS = {
    "self_harm": (
        *(
            "kill myself",
            "kill yourself",
            "end my life",
            "end your life",
            "commit suicide",
            "suicide method",
            "cut myself",
        ),
        *("cutting myself", "self-harm", "hang myself", "want to die", "overdose on", "starve myself"),
    ),
    "violence": (
        *("behead", "beheading", "dismember", "torture", "stab him", "stab her", "slit his throat", "slit her throat"),
        *("massacre", "mass shooting", "murder him", "murder her", "strangle", "lynch", "execute the hostages"),
    ),
    "weapons": (
        *("build a bomb", "make a bomb", "pipe bomb", "nail bomb", "molotov cocktail", "nerve agent", "sarin", "ricin"),
        *(
            "chemical weapon",
            "biological weapon",
            "dirty bomb",
            "ghost gun",
            "3d-printed gun",
            "untraceable gun",
            "thermite",
        ),
    ),
    "sexual": (
        *(
            "porn",
            "pornography",
            "pornographic",
            "hardcore sex",
            "blowjob",
            "handjob",
            "cumshot",
            "orgasm",
            "masturbate",
        ),
        *("masturbation", "nude photos", "sex tape", "incest", "sexual intercourse with", "erotic story"),
    ),
    "hate": (
        *(
            "subhuman",
            "master race",
            "racial purity",
            "white power",
            "ethnic cleansing",
            "gas the",
            "go back to your country",
        ),
        *("inferior race", "race traitor", "vermin like them", "exterminate the", "heil hitler"),
    ),
    "drugs": (
        *("cook meth", "make meth", "synthesise meth", "synthesize meth", "crystal meth", "cook crack", "make heroin"),
        *("buy cocaine", "buy heroin", "fentanyl recipe", "get high on", "smoke crack", "snort"),
    ),
}


@dataclass(frozen=True)
class Safety(Judging):
    """Scores each category: hits for each hundred words of prompt and response."""

    params: SafetyParams

    name = "safety"

    def rules(self, batch: pa.RecordBatch) -> Sequence[Rule]:
        """What is measured of each row, category by category."""
        pairs = zip(texts_of(batch, "prompt"), texts_of(batch, "response"), strict=True)
        texts = [" ".join(f"{prompt} {response}".split()) for prompt, response in pairs]
        hundreds = np.array([max(1, len(words(text))) / 100 for text in texts])
        found = []
        for category in self.params.categories:
            hits = np.array([len(_shape(category).findall(text)) for text in texts], dtype=np.int64)
            found.append(at_most(f"unsafe_{category}", hits / hundreds, self.params.max_score))
        return found


@cache
def _shape(category: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, LISTS[category]))})(?!\w)", re.IGNORECASE)
