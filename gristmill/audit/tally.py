"""What is counted in one pass over rows: a tally for the new part, another for the composed whole.

Memory: 16 bytes (85 with Python's set) for each distinct prompt, and one counter for each pair of first words.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import xxhash

from gristmill.audit.diversity import WordSample
from gristmill.audit.measure import share
from gristmill.text import estimate_tokens, normalised, words

BINS = (0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 512, 1024)
"""Lower bounds of the length histogram's bins, in words: steps of about the square root of 2."""

SCORES = (1.0, 2.0, 3.0, 4.0, 5.0)
"""What a criterion gets by the usual rubrics."""

MEAN, MEAN_STEP = "mean of all", 0.5
"""Name of the mean over the criteria among the scores, and the width of its bins."""


@dataclass
class Tally:
    """Counts over rows of the COMPOSED schema."""

    words: WordSample
    rows: int = 0
    tokens: int = 0
    empty: int = 0
    unparsed: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    prompt_bins: Counter[int] = field(default_factory=Counter)
    response_bins: Counter[int] = field(default_factory=Counter)
    openings: Counter[str] = field(default_factory=Counter)
    scores: Counter[tuple[str, float]] = field(default_factory=Counter)
    _prompts: set[bytes] = field(default_factory=set)

    def add(self, row: Mapping[str, Any]) -> None:
        """Counts one row."""
        prompt, response = row["prompt"], row["response"]
        prompt_words = words(prompt)
        self.rows += 1
        self.tokens += estimate_tokens(prompt) + estimate_tokens(response)
        self.empty += not prompt.strip() or not response.strip()
        self.splits[row["split"]] += 1
        self.prompt_bins[bin_of(len(prompt_words))] += 1
        self.response_bins[bin_of(len(words(response)))] += 1
        self.openings[" ".join(prompt_words[:2]).casefold()] += 1
        self.words.add(row["sample_id"], f"{prompt}\n{response}")
        self._prompts.add(xxhash.xxh3_128_digest(normalised(prompt).encode()))
        self._score(row)

    def summary(self) -> dict[str, Any]:
        """The counts as they stand in measures.json. `tokens` are estimated, of prompt and response."""
        opening, most = self.openings.most_common(1)[0] if self.openings else ("", 0)
        return {
            "rows": self.rows,
            "tokens": self.tokens,
            "empty": self.empty,
            "splits": dict(sorted(self.splits.items())),
            "repeated_prompts_share": share(self.rows - len(self._prompts), self.rows),
            "commonest_opening": opening,
            "commonest_opening_share": share(most, self.rows),
            "distinct_openings": len(self.openings),
            "judge": self._judge(),
        }

    def _score(self, row: Mapping[str, Any]) -> None:
        if row["judge_mean"] is None:
            self.unparsed += bool(row["depth"])
            return
        self.scores[MEAN, int(row["judge_mean"] / MEAN_STEP) * MEAN_STEP] += 1
        for score in row["judge_scores"]:
            self.scores[score["criterion"], float(score["score"])] += 1

    def _judge(self) -> dict[str, Any]:
        criteria = sorted({criterion for criterion, _ in self.scores} - {MEAN})
        return {
            "unparsed": self.unparsed,
            "unparsed_share": share(self.unparsed, self.rows),
            "mean_by_criterion": {criterion: self._mean(criterion) for criterion in criteria},
        }

    def _mean(self, criterion: str) -> float:
        found = {score: rows for (name, score), rows in self.scores.items() if name == criterion}
        return round(sum(score * rows for score, rows in found.items()) / sum(found.values()), 4)


def bin_of(count: int) -> int:
    """Lower bound of the bin that a length falls into."""
    return BINS[bisect_right(BINS, count) - 1]
