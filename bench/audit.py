"""How long the health measures take for 10,000 rows against 10,000, on one core.

    python -m bench.audit            10,000 rows of about 100 words each
    python -m bench.audit --quick    2,000 rows

The rows are written by the trigram model of the language reference: what is timed does not depend on their sense.
Each measure is timed once on all rows, then the whole two-set gate with its calibration. Prints a table, then one
JSON object as its last line: `rows`, `seconds` by measure, `all_measures_s`, `gate_s`, `ok` (both within 60 s).
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from bench.collapse import load
from gristmill.health import frequencies, surface
from gristmill.health.calibrate import compare
from gristmill.health.mauve import mauve
from gristmill.health.neighbours import prdc
from gristmill.health.ngram import train
from gristmill.health.prepare import Prepared, prepare
from gristmill.health.recursion import write
from gristmill.health.vendi import vendi

LIMIT_S = 60.0
_SENTENCES_PER_ROW = 5
_BLEU_ROWS = 100


def main() -> None:
    """Makes the rows, times everything, prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2,000 rows")
    rows = 2_000 if parser.parse_args().quick else 10_000
    with threadpool_limits(1):
        seconds, gate = measure(rows)
    for name, value in {**seconds, "the gate, calibrated": gate}.items():
        print(f"{name:32}{value:8.3f} s")
    total = sum(seconds.values())
    rounded = {name: round(value, 3) for name, value in seconds.items()}
    result = {"rows": rows, "seconds": rounded, "all_measures_s": round(total, 2), "gate_s": round(gate, 2)}
    print(json.dumps({**result, "ok": total <= LIMIT_S and gate <= LIMIT_S}))


def measure(rows: int) -> tuple[dict[str, float], float]:
    """Seconds of each measure on `rows` rows against `rows`, and of the gate against as many."""
    real_texts, texts = texts_of(rows, 0), texts_of(rows, 1)
    start = time.perf_counter()
    real, made, size = prepare(real_texts, texts)
    seconds = {"words, lengths and vectors": time.perf_counter() - start}
    seconds |= {name: timed(run) for name, run in measures(real, made, size).items()}
    return seconds, timed(lambda: compare(real_texts, texts))


def texts_of(rows: int, seed: int) -> list[str]:
    """Rows of five sentences each."""
    corpus, rng = load(), np.random.default_rng(seed)
    found = corpus.written(write(corpus.encoded, rows * (_SENTENCES_PER_ROW + 1), rng))
    return [" ".join(found[i * _SENTENCES_PER_ROW : (i + 1) * _SENTENCES_PER_ROW]) for i in range(rows)]


def measures(real: Prepared, made: Prepared, size: int) -> dict[str, Callable[[], object]]:
    """Each measure, ready to be run on all rows."""
    return {
        "held-out cross-entropy": lambda: train(made.words, size).cross_entropy(real.words),
        "unigram KL": lambda: frequencies.unigram_kl(real.words, made.words),
        "tail coverage": lambda: frequencies.tail_coverage(real.words, made.words),
        "types": lambda: frequencies.types(made.words),
        "tail mass": lambda: frequencies.tail_mass(made.words),
        "PRDC, all four": lambda: prdc(real.vectors, made.vectors),
        "Vendi": lambda: vendi(made.vectors),
        "MAUVE": lambda: mauve(real.vectors, made.vectors, np.random.default_rng(0)),
        "compression ratio": lambda: surface.compression_ratio(made.texts),
        "distinct-3": lambda: surface.distinct_n(made.words, 3),
        "duplicate rate": lambda: surface.duplicate_rate(made.texts),
        "self-BLEU of 100": lambda: surface.self_bleu(made.words.take(np.arange(_BLEU_ROWS))),
        "length divergence": lambda: surface.length_divergence(real.lengths, made.lengths),
    }


def timed(run: Callable[[], object]) -> float:
    """Seconds that it took."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
