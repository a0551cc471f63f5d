"""What a cycle asks for: inputs/quota.lock over the seeds, as a stream of samples in a fixed order."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.errors import InputError
from gristmill.frame.parquet import count_rows, read_rows


@dataclass(frozen=True)
class Quota:
    """At most `seeds` seeds, spread evenly over all, and `draws` samples from each."""

    seeds: int
    draws: int

    def seeds_of(self, available: int) -> int:
        """How many seeds are used where so many are available."""
        return min(self.seeds, available)

    def samples(self, seeds_folder: Path) -> int:
        """How many samples that makes."""
        return self.seeds_of(count_rows(seeds_folder)) * self.draws


@dataclass(frozen=True, slots=True)
class PlannedSample:
    """One sample that is asked for: which draw of which seed (a row of the seeds' schema)."""

    seed: Mapping[str, Any]
    draw: int

    def inputs(self) -> dict[str, Any]:
        """What a recipe can declare as its inputs: the text, the title, the draw, and the seed's own fields."""
        text = self.seed["text"]
        known = {"passage": text, "text": text, "title": self.seed["title"] or "", "draw": self.draw}
        fields = self.seed.get("fields")
        return {**json.loads(fields), **known} if fields else known


def read_quota(path: Path, recipe: str) -> Quota:
    """The recipe's quota. Raises InputError when the file or the recipe's entry is missing or no good."""
    way_out = "run `gristmill sync`: it writes the quota of params.yaml there"
    try:
        entry = json.loads(path.read_text())["recipes"][recipe]
        quota = Quota(int(entry["seeds"]), int(entry["draws"]))
    except FileNotFoundError:
        raise InputError("there is no such file", where=str(path), do=way_out) from None
    except KeyError as error:
        raise InputError(f"{error} is missing", where=f"{path}, recipe {recipe}", do=way_out) from None
    except (ValueError, TypeError) as error:
        raise InputError(f"no quota: {error}", where=str(path), do=way_out) from None
    if quota.seeds < 1 or quota.draws < 1:
        raise InputError(
            f"asks for {quota.seeds} seeds, {quota.draws} draws", where=str(path), expected="at least 1 of each"
        )
    return quota


def planned_samples(seeds_folder: Path, quota: Quota) -> Iterator[PlannedSample]:
    """The samples in order: seed by seed, each seed's draws together, so that they share a prefix."""
    available = count_rows(seeds_folder)
    wanted = quota.seeds_of(available)
    taken = 0
    for position, seed in enumerate(read_rows(seeds_folder)):
        if taken < wanted and position == taken * available // wanted:
            taken += 1
            for draw in range(quota.draws):
                yield PlannedSample(seed, draw)
