"""False alarms of the drift gate: real text against real text, whole documents on one side, as new sources bring them.

    python -m bench.drift            100 partings of the language reference's documents
    python -m bench.drift --quick    20

A row is one sentence, its anchor the next one of the same document. A third of the documents, drawn at random, is the
new release, the rest the parent: nothing has narrowed, only the subjects are others. Prints one JSON object as its
last line: `false_alarm_rate` against the anchors, `without_anchors` against the parent's rows instead, and `caught`,
the share of the same new releases that trip when a third of their rows repeat ten of their texts.
"""

import argparse
import dataclasses
import json
import statistics
from itertools import pairwise

import numpy as np

from gristmill.health.drift import Drift, drifts
from gristmill.health.rows import Row
from gristmill.identity import text_hash
from gristmill.seeds.python_docs import documents
from gristmill.text import sentences, words

DEVIATIONS, MIN_ROWS, MIN_WORDS = 3.0, 50, 5


def main() -> None:
    """Parts, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 partings")
    partings = 20 if parser.parse_args().quick else 100
    rows = real_rows()
    found = [parting(rows, seed) for seed in range(partings)]
    rates = {name: statistics.mean(one[name] for one in found) for name in found[0]}
    print(json.dumps({"rows": len(rows), "partings": partings, **{k: round(v, 3) for k, v in rates.items()}}))


def real_rows() -> list[Row]:
    """Every other sentence of each document, beside the one that follows it."""
    rows = []
    for document in documents():
        usable = [sentence for sentence in sentences(document.text) if len(words(sentence)) >= MIN_WORDS]
        for number, (text, anchor) in enumerate(list(pairwise(usable))[::2]):
            identity = text_hash(f"{document.id}:{number}")
            source, making = frozenset(["docs"]), ("", "", "{}")
            rows.append(Row(identity, text, anchor, document.id, f"{identity}", source, making))
    return rows


def parting(rows: list[Row], seed: int) -> dict[str, bool]:
    """One new release of other documents: whether it trips, with anchors and without, and narrowed."""
    rng = np.random.default_rng(seed)
    names = sorted({row.document for row in rows})
    taken = {names[i] for i in rng.permutation(len(names))[: len(names) // 3]}
    new, parent = ([row for row in rows if (row.document in taken) is side] for side in (True, False))
    narrowed = [
        dataclasses.replace(row, text=new[i % 30 // 3].text) if i % 3 == 0 else row for i, row in enumerate(new)
    ]
    healthy, ill = drifts(parent, [new, narrowed], MIN_ROWS, seed=seed)
    bare = [[dataclasses.replace(row, anchor=None) for row in side] for side in (parent, new)]
    (against_rows,) = drifts(bare[0], [bare[1]], MIN_ROWS, seed=seed)
    return {"false_alarm_rate": trips(healthy), "without_anchors": trips(against_rows), "caught": trips(ill)}


def trips(found: Drift) -> bool:
    """Whether the gate's default bound is broken."""
    bound = statistics.mean(found.trials) + DEVIATIONS * statistics.stdev(found.trials)
    return found.largest > bound


if __name__ == "__main__":
    main()
