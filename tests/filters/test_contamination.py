"""Contamination: planted items are found and named, what merely shares a phrase is kept."""

import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.errors import InputError
from tests.filters.chains import chain_of, outcome
from tests.samples import batch_of, samples

ITEMS = [
    "A baker fills nine trays with eleven rolls each and sells two thirds of them before noon; how many are left over?",
    "Given a list of words, return those that read the same backwards, longest first, without any that come twice.",
    "Which river flows past the old mill?",
]


@pytest.fixture
def benchmark(tmp_path):
    path = tmp_path / "puzzles.jsonl"
    path.write_text("".join(json.dumps({"question": item, "n": 1}) + "\n" for item in ITEMS))
    return path


def entry(path, **settings):
    files = [{"title": path.stem, "path": str(path), "columns": ["question"], "sha256": sha256(path)}]
    return {"name": "contamination", "benchmarks": files, **settings}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def finding(path, text, column="prompt", **settings):
    row = {**samples(1)[0], column: text}
    found = chain_of(entry(path, **settings)).judge(batch_of([row])).refused.get(0)
    return found and (found.reason, found.value)


def test_contamination_of_an_item_in_a_longer_text_is_found_and_named(benchmark):
    text = f"Please solve: {ITEMS[0].upper().replace(';', ' --')} Thank you."

    assert finding(benchmark, text) == ("contaminated_13gram", "puzzles item 1")
    assert finding(benchmark, text, "response") == ("contaminated_13gram", "puzzles item 1")


def test_contamination_of_a_short_item_is_found_by_its_7grams(benchmark):
    assert finding(benchmark, "Tell me: which river flows past the old mill?") == (
        "contaminated_7grams",
        "1.000 of the 7-grams, puzzles item 3",
    )


def test_contamination_row_below_both_thresholds_is_noted(benchmark, tmp_path):
    shared = " ".join(ITEMS[0].split()[:10])
    chain = chain_of(entry(benchmark))

    kept, _ = outcome(chain, [{**samples(1)[0], "prompt": f"{shared} in a shop that nobody here has seen"}], tmp_path)

    assert len(kept) == 1
    assert chain.facts() == {"contamination": {"noted": 1}}


def test_contamination_allowed_phrase_is_no_sign(benchmark):
    text = f"Please solve: {ITEMS[0]}"

    assert finding(benchmark, text, allow=[ITEMS[0]], note=1, drop=1) is None


def test_contamination_form_that_many_items_share_is_no_sign(tmp_path):
    form = "Read the story below with care and then answer the question that follows it in one word"
    path = tmp_path / "form.jsonl"
    path.write_text("".join(json.dumps({"question": f"{form}: number {i}"}) + "\n" for i in range(12)))

    assert finding(path, form) is None
    assert finding(path, form, common_in_items=50)[0] == "contaminated_13gram"


def test_contamination_ordinary_rows_are_kept(benchmark, tmp_path):
    kept, refused = outcome(chain_of(entry(benchmark)), samples(40), tmp_path)

    assert (len(kept), refused) == (40, {})


def test_contamination_other_formats_hold_the_same_items(benchmark, tmp_path):
    rows = [{"question": item, "n": 1} for item in ITEMS]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "puzzles.parquet")
    quoted = "".join(f'"{item}",1\n' for item in ITEMS)
    (tmp_path / "puzzles.csv").write_text("question,n\n" + quoted)

    for name in ("puzzles.parquet", "puzzles.csv"):
        assert finding(tmp_path / name, ITEMS[0]) == ("contaminated_13gram", "puzzles item 1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "nowhere.jsonl"}, "there is no such benchmark"),
        ({"sha256": "0" * 64}, "has the hash [0-9a-f]{64}"),
        ({"sha256": None}, "has the hash [0-9a-f]{64}"),
        ({"columns": ["answer"]}, "no column 'answer'"),
    ],
)
def test_contamination_wrong_benchmark_is_a_message(benchmark, change, message):
    wrong = entry(benchmark)
    wrong["benchmarks"][0].update(change)

    with pytest.raises(InputError, match=message):
        chain_of(wrong)


def test_contamination_broken_line_is_named(tmp_path):
    path = tmp_path / "b.jsonl"
    path.write_text('{"question": "a"}\n{"question"\n')

    with pytest.raises(InputError, match=r"b\.jsonl:2"):
        chain_of(entry(path))
