"""Which seeds a sample takes: weighted, without replacement, by content alone.

A seed's priority is -log(u) / weight with u in (0, 1] from a hash of its identity; the smallest ones are taken
(Efraimidis and Spirakis 2006, Information Processing Letters 97(5), in its exponential form). So the same seeds are
taken in whatever order the sources come, and a seed more or less moves only the last one taken.
"""

import math
from collections.abc import Mapping

import xxhash

_STEPS = 1 << 64


def priority(identity: bytes, weight: float, draw: int) -> float:
    """The seed's place in the queue: the lower, the earlier it is taken."""
    u = (xxhash.xxh3_64_intdigest(identity, seed=draw) + 1) / _STEPS
    return -math.log(u) / weight


def shares(seeds: int, there: Mapping[str, int], weights: Mapping[str, float]) -> dict[str, int]:
    """How many of `seeds` each stratum gives: by weight, none more than it has; what one lacks the others fill."""
    given: dict[str, int] = {}
    open_ = {name: weight for name, weight in sorted(weights.items()) if there.get(name)}
    while open_:
        left, total = seeds - sum(given.values()), sum(open_.values())
        full = [name for name, weight in open_.items() if there[name] <= left * weight / total]
        if not full:
            return {**given, **_rounded(left, open_)}
        given |= {name: there[name] for name in full}
        open_ = {name: weight for name, weight in open_.items() if name not in full}
    return given


def _rounded(seeds: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers in these proportions that add up to `seeds`, by largest remainder."""
    total = sum(weights.values())
    exact = {name: seeds * weight / total for name, weight in weights.items()}
    whole = {name: int(share) for name, share in exact.items()}
    by_rest = sorted(exact, key=lambda name: (whole[name] - exact[name], name))
    return {name: whole[name] + (name in by_rest[: seeds - sum(whole.values())]) for name in exact}
