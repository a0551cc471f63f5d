"""The chain: order, reasons, and real text going through."""

from collections import Counter

from gristmill.filters.chain import build_chain
from gristmill.params.select import FilterParams
from tests.samples import batch_of, sample, samples, seeds


def reasons(params, rows):
    found = build_chain(FilterParams.model_validate(params)).judge(batch_of(rows)).refused
    return {row: finding.reason for row, finding in found.items()}


def test_chain_keeps_every_real_row_that_stands_on_its_seed():
    assert reasons({"form": {"prompt": "question"}}, samples(150)) == {}


def test_chain_first_failing_filter_gives_the_reason():
    row = samples(1)[0]
    bad = {**row, "prompt": "Sorry?", "response": "As an AI I say: lila Elefanten"}

    assert reasons({}, [row, bad]) == {1: "prompt_too_short"}


def test_chain_numbers_rows_of_the_whole_batch():
    rows = samples(6)
    rows[1]["prompt"] = "Why?"
    rows[3]["response"] = "I'm sorry, but that is all."
    rows[4]["evidence"] = "Nobody said this."

    assert reasons({}, rows) == {1: "prompt_too_short", 3: "boilerplate", 4: "evidence_not_in_context"}


def test_chain_refused_row_does_not_hide_a_good_one_as_its_duplicate():
    first, second = (sample(seed) for seed in seeds(2))
    unsupported = {**first, "sample_id": "0" * 32, "evidence": "Nobody said this."}

    assert reasons({}, [unsupported, first, second, first]) == {0: "evidence_not_in_context", 3: "duplicate"}


def test_chain_without_support_takes_rows_without_evidence():
    rows = [{**row, "evidence": None} for row in samples(3)]

    assert reasons({"support": None}, rows) == {}
    assert Counter(reasons({}, rows).values()) == {"no_evidence": 3}


def test_chain_empty_batch_gives_no_verdicts():
    assert reasons({"form": {"prompt": "question"}}, []) == {}
