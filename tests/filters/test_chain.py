"""The chain: order, reasons, rows that wait for a set filter, what recipes change, and real text going through."""

from dataclasses import dataclass, field

import pytest

from gristmill.errors import ProblemsError
from gristmill.filters.build import recipe_changes
from gristmill.filters.by_recipe import SomeRecipes
from gristmill.filters.chain import Chain
from gristmill.filters.length import Length
from gristmill.filters.verdict import Finding, Verdicts
from gristmill.params.content import LengthParams
from tests.filters.chains import chain_of, outcome, reasons
from tests.samples import batch_of, sample, samples, seeds

BOUNDS = {"name": "gopher_quality", "min_words": 1, "min_mean_word_length": 0, "min_stop_words": 0}


@dataclass
class Rarest:
    """A set filter for tests: refuses rows whose recipe comes most often; one row in the folder's file each."""

    name = "rarest"
    counts: dict = field(default_factory=dict)
    resolved: bool = False
    seen: list = field(default_factory=list)

    def add(self, batch):
        assert not self.resolved
        self.seen.append(batch.num_rows)
        for name in batch["recipe"].to_pylist():
            self.counts[name] = self.counts.get(name, 0) + 1

    def resolve(self):
        self.resolved = True

    def judge(self, batch):
        assert self.resolved
        assert batch.num_rows == self.seen.pop(0)
        most = max(self.counts.values())
        names = enumerate(batch["recipe"].to_pylist())
        refused = {row: Finding("common", name, "rare") for row, name in names if self.counts[name] == most}
        return Verdicts(batch.num_rows, refused)

    def facts(self):
        return {}


def test_chain_keeps_every_real_row_that_stands_on_its_seed():
    assert reasons(chain_of(), samples(150)) == {}


def test_chain_first_failing_filter_gives_the_reason():
    row = samples(1)[0]
    bad = {**row, "prompt": "Sorry?", "response": "As an AI I say: lila Elefanten"}

    assert reasons(chain_of(), [row, bad]) == {1: "prompt_too_short"}


def test_chain_follows_the_order_of_the_list():
    bad = {**samples(1)[0], "prompt": "Sorry?", "response": "As an AI I say: lila Elefanten"}

    assert reasons(chain_of("boilerplate", "length"), [bad]) == {0: "boilerplate"}
    assert reasons(chain_of("length", "boilerplate"), [bad]) == {0: "prompt_too_short"}


def test_chain_numbers_rows_of_the_whole_batch():
    rows = samples(6)
    rows[1]["prompt"] = "Why?"
    rows[3]["response"] = "I'm sorry, but that is all."
    rows[4]["evidence"] = "Nobody said this."

    assert reasons(chain_of(), rows) == {1: "prompt_too_short", 3: "boilerplate", 4: "evidence_not_in_context"}


def test_chain_refused_row_does_not_hide_a_good_one_as_its_duplicate():
    first, second = (sample(seed) for seed in seeds(2))
    unsupported = {**first, "sample_id": "0" * 32, "evidence": "Nobody said this."}

    assert reasons(chain_of(), [unsupported, first, second, first]) == {0: "evidence_not_in_context", 3: "duplicate"}


def test_chain_without_grounding_takes_rows_without_evidence():
    rows = [{**row, "evidence": None} for row in samples(3)]

    assert reasons(chain_of("length", "exact_dedup"), rows) == {}
    assert set(reasons(chain_of(), rows).values()) == {"no_evidence"}


def test_chain_empty_batch_gives_no_verdicts():
    assert reasons(chain_of(), []) == {}


def test_chain_published_filter_judges_its_column_and_gives_its_name():
    rows = samples(2)
    rows[1]["response"] = "assert 1 2 3 4"

    (refused,) = chain_of("length", BOUNDS).judge(batch_of(rows)).refused.items()

    assert refused[0] == 1
    assert (refused[1].filter, refused[1].reason) == ("gopher_quality", "gopher_words_without_letters")
    assert reasons(chain_of({**BOUNDS, "column": "prompt"}), rows) == {}


def test_chain_published_filters_on_one_column_share_their_texts():
    chain = chain_of("length", "c4", "gopher_quality", {"name": "fineweb", "column": "prompt"}, "form")

    assert chain.names == ["length", "c4", "gopher_quality", "fineweb", "form"]
    assert [check.name for check in chain.filters] == ["length", "c4+gopher_quality", "fineweb", "form"]


def test_chain_set_filter_sees_the_survivors_of_all_batches_before_it_judges(tmp_path):
    rows = [{**row, "sample_id": f"{number:032x}"} for number, row in enumerate(samples(9))]
    for number in (0, 3):
        rows[number]["recipe"] = "rare"
    for number in (1, 2, 4, 5):
        rows[number]["prompt"] = "Short?"
    rows[6]["recipe"] = "rare"
    rows[7]["response"] = "five words and no more"
    chain = Chain([Length(LengthParams()), Rarest(), Length(LengthParams(max_response_words=5))])

    kept, refused = outcome(chain, rows, tmp_path, batch_rows=2)

    assert {int(id_, 16): found for id_, found in refused.items()} == {
        **dict.fromkeys((1, 2, 4, 5), ("length", "prompt_too_short")),
        **dict.fromkeys((0, 3, 6), ("rarest", "common")),
        8: ("length", "response_too_long"),
    }
    assert [int(row["sample_id"], 16) for row in kept] == [7]
    assert list(tmp_path.iterdir()) == []


def test_chain_two_set_filters_after_each_other_keep_order_and_lose_nothing(tmp_path):
    rows = [
        {**row, "sample_id": f"{number:032x}", "recipe": "abababacac"[number]} for number, row in enumerate(samples(10))
    ]

    kept, refused = outcome(Chain([Rarest(), Rarest()]), rows, tmp_path, batch_rows=3)

    assert [int(row["sample_id"], 16) for row in kept] == [7, 9]
    assert sorted(int(id_, 16) for id_ in refused) == [0, 1, 2, 3, 4, 5, 6, 8]


def test_chain_set_filter_on_no_rows_resolves(tmp_path):
    check = Rarest()

    assert outcome(Chain([check]), [], tmp_path) == ([], {})
    assert check.resolved


def test_recipe_changes_settings_and_switches_off():
    rows = [{**row, "recipe": recipe} for row, recipe in zip(samples(3), ("qa", "story", "code"), strict=True)]
    for row in rows:
        row["prompt"] = "Why?"
    changes = {"story": {"length": {"min_prompt_words": 1}}, "code": {"length": False}}

    assert reasons(chain_of("length", changes=changes), rows) == {0: "prompt_too_short"}


def test_recipe_changes_of_a_filter_that_is_not_in_the_list_add_none():
    assert chain_of("length", changes={"story": {"c4": {"min_sentences": 1}}}).names == ["length"]


def test_recipe_wrong_changes_are_all_named_with_their_place():
    changes = {"story": {"lenght": {}, "length": {"min_words": 1}, "form": "of"}}

    with pytest.raises(ProblemsError) as refused:
        chain_of("length", "form", changes=changes)

    assert [problem.where for problem in refused.value.problems] == [
        "recipes/story.yaml: filters.lenght",
        "recipes/story.yaml: filters.length.min_words",
        "recipes/story.yaml: filters.form",
    ]


def test_recipe_stays_out_of_a_set_filter(tmp_path):
    rows = [{**row, "recipe": "qa" if number < 3 else "story"} for number, row in enumerate(samples(8))]
    chain = Chain([SomeRecipes(Rarest(), frozenset({"story"}))])

    kept, refused = outcome(chain, rows, tmp_path, batch_rows=8)

    assert [row["recipe"] for row in kept] == ["story"] * 5
    assert len(refused) == 3


def test_recipe_changes_are_read_from_the_recipe_file(tmp_path):
    (tmp_path / "story.yaml").write_text("name: story\nfilters:\n  length: off\n  c4: {min_sentences: 1}\n")
    (tmp_path / "qa.yaml").write_text("name: qa\n")

    found = recipe_changes(tmp_path, ["story", "qa"])

    assert found == {"story": {"length": False, "c4": {"min_sentences": 1}}, "qa": {}}


def test_measured_row_shows_every_value_with_its_threshold():
    measured = chain_of("length", "fineweb").measured(batch_of(samples(1)))

    assert measured[0] == {
        "filter": "length",
        "measure": "prompt_too_short",
        "value": "9",
        "threshold": "at least 4 words",
        "holds": True,
    }
    assert [each["filter"] for each in measured] == ["length"] * 4 + ["fineweb"] * 5
