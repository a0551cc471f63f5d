"""datatrove's four filters on the documents of a JSONL file; run by bench.filters with .venv-peers' Python.

    python datatrove_filters.py DOCUMENTS.jsonl DECISIONS.json

Every filter judges every document as it stands, in one process. datatrove remembers the words of the last few texts,
so its filters share them here. Writes `seconds` and, for each filter, the reasons (null where it keeps).
"""

import json
import sys
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)


def main(source: str, target: str) -> None:
    """Warms up on a few documents, then judges all of them once."""
    texts = [json.loads(line)["text"] for line in Path(source).read_text().split("\n") if line]
    filters = {
        "gopher_quality": GopherQualityFilter(),
        "gopher_repetition": GopherRepetitionFilter(),
        "c4": C4QualityFilter(),
        "fineweb": FineWebQualityFilter(),
    }
    for check in filters.values():
        check.filter(Document(text=texts[0], id="warm"))
    start = time.perf_counter()
    decisions = {name: [] for name in filters}
    for number, text in enumerate(texts):
        for name, check in filters.items():
            decisions[name].append(_reason(check.filter(Document(text=text, id=str(number)))))
    seconds = time.perf_counter() - start
    Path(target).write_text(json.dumps({"seconds": seconds, "decisions": decisions}))


def _reason(said: bool | tuple[bool, str]) -> str | None:
    if isinstance(said, tuple):
        return None if said[0] else said[1]
    return None if said else "refused"


if __name__ == "__main__":
    main(*sys.argv[1:])
