"""Funnel, tally and cost, with figures that can be checked by hand."""

import pytest

from gristmill.audit.cost import Kept, Tokens, cost_of
from gristmill.audit.diversity import WordSample
from gristmill.audit.funnel import Loss, funnel_of
from gristmill.audit.tally import Tally, bin_of
from gristmill.errors import GristmillError
from gristmill.params.journal import CostParams


def ledger(entered, out, rejected=None, failed=None, unit="samples"):
    return {"unit": unit, "in": entered, "out": out, "rejected": rejected or {}, "failed": failed or {}}


BOOKS = [
    {"stage": "ingest", "books": [ledger(9, 9, unit="documents"), ledger(30, 20, {"too_short": 10}, unit="passages")]},
    {"stage": "generate", "books": [ledger(20, 15, {"unparsed": 4}, {"engine": 1})]},
    {"stage": "filter", "books": [ledger(15, 10, {"language": 2, "duplicate": 3})]},
    {"stage": "judge", "books": [ledger(10, 10)]},
    {"stage": "compose", "books": [ledger(10, 6, {"in_parent": 3, "judge_mean": 1}), ledger(5, 5, unit="parent rows")]},
]


def row(prompt, response="an answer", mean=4.5, **changed):
    scores = [] if mean is None else [{"criterion": "accuracy", "score": int(mean)}]
    base = {
        "sample_id": f"{prompt}|{response}",
        "split": "train",
        "depth": 1,
        "judge_mean": mean,
        "judge_scores": scores,
    }
    return {**base, "prompt": prompt, "response": response, **changed}


def test_funnel_counts_rows_released_before_as_accepted():
    funnel = funnel_of(BOOKS)

    assert (funnel.requested, funnel.new_rows, funnel.accepted, funnel.failed, funnel.parent_rows) == (20, 6, 9, 1, 5)


def test_funnel_losses_are_of_samples_only_and_the_costliest_first():
    assert funnel_of(BOOKS).losses()[:3] == [
        Loss("generate", "unparsed", 4),
        Loss("compose", "in_parent", 3),
        Loss("filter", "duplicate", 3),
    ]


def test_funnel_without_books_in_samples_says_which_stage():
    with pytest.raises(GristmillError, match="stage generate kept no books"):
        _ = funnel_of(BOOKS[:1]).requested


def test_tally_counts_openings_repeats_and_unparsed():
    tally = Tally(WordSample(100))
    for found in (
        row("What is a name?"),
        row("what is a  NAME", "other"),
        row("Why is it so?", mean=None),
        row(" ", split="test"),
    ):
        tally.add(found)

    summary = tally.summary()

    assert summary["rows"] == 4
    assert summary["empty"] == 1
    assert summary["splits"] == {"test": 1, "train": 3}
    assert summary["repeated_prompts_share"] == 0.25
    assert (summary["commonest_opening"], summary["commonest_opening_share"]) == ("what is", 0.5)
    assert summary["judge"] == {"unparsed": 1, "unparsed_share": 0.25, "mean_by_criterion": {"accuracy": 4.0}}
    assert tally.scores["mean of all", 4.5] == 3


def test_tally_of_nothing_has_no_shares():
    summary = Tally(WordSample(100)).summary()

    assert (summary["rows"], summary["repeated_prompts_share"], summary["judge"]["unparsed_share"]) == (0, None, None)


@pytest.mark.parametrize(("count", "low"), [(0, 0), (5, 4), (6, 6), (9000, 1024)])
def test_bin_of_gives_the_lower_bound(count, low):
    assert bin_of(count) == low


def test_cost_bears_all_tokens_on_the_accepted_rows():
    prices = CostParams(usd_per_million_prompt_tokens=2, usd_per_million_completion_tokens=10)

    cost = cost_of(
        {"generate": Tokens(900_000, 100_000), "judge": Tokens(100_000, 0)},
        50,
        prices,
        Kept(40, 2_000),
        {"generate": "qa"},
    )

    assert cost["stages"]["generate"] == {"prompt_tokens": 900_000, "completion_tokens": 100_000, "usd": 2.8}
    assert cost["total"]["usd"] == 3.0
    assert cost["usd_per_accepted_row"] == 0.06
    assert cost["tokens_per_accepted_row"] == 22_000
    assert cost["recipes"] == {"qa": cost["stages"]["generate"]}
    assert (cost["usd_per_kept_row"], cost["tokens_per_1000_kept_tokens"]) == (0.075, 550_000)
    assert cost["usd_per_1000_kept_tokens"] == 1.5


def test_cost_without_accepted_rows_is_not_a_number():
    assert cost_of({"generate": Tokens(5, 5)}, 0, CostParams(), Kept(0, 0), {})["usd_per_accepted_row"] is None
