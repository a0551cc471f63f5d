"""Drift from a parent release: silent on more of the same, loud on collapse, mute on too few; its causes by name."""

import dataclasses
import itertools

import numpy as np
import pytest

from gristmill import embed
from gristmill.health.causes import causes, changes, differences
from gristmill.health.drift import Name, drifts, grouping, parted
from gristmill.health.release import Before, Now, health_of
from gristmill.health.rows import BEYOND, RowSample, Sampler, Smallest, row_of, without
from tests.samples import samples

MIN = 50


@pytest.fixture(scope="module")
def rows():
    """Rows from real passages, in the order of the reference's topics."""
    return [row_of(row) for row in samples(600)]


@pytest.fixture(scope="module")
def releases(rows):
    """Whole documents: a parent of about 400 rows, and two parts of about 90."""
    order = np.random.default_rng(4).permutation(sorted({row.document for row in rows}))
    found = [[], [], []]
    for document in order:
        place = 0 if len(found[0]) < 380 else 1 if len(found[1]) < 90 else 2
        found[place] += [row for row in rows if row.document == document]
    return found


def collapsed(rows, answers=4):
    """The rows as a model gives them that has `answers` answers left."""
    return [dataclasses.replace(row, text=rows[i % answers].text) for i, row in enumerate(rows)]


def bound(drift):
    return np.mean(drift.trials) + 3 * np.std(drift.trials, ddof=1)


def sample(rows):
    return RowSample(rows, BEYOND, len(rows))


def test_drift_of_more_of_the_same_from_other_documents_stays_within_the_bound(releases):
    parent, new, other = releases

    for found in drifts(parent, [new, other, parent + new], MIN):
        assert found.largest < bound(found)
        assert found.anchored
        assert len(found.moves) == 8


def test_drift_of_a_few_answers_again_and_again_is_far_beyond_the_bound(releases):
    parent, new, _ = releases

    part, whole = drifts(parent, [collapsed(new), parent + collapsed(new)], MIN)

    assert part.largest > 2 * bound(part)
    assert 0 < whole.largest < part.largest


def test_drift_without_anchors_measures_against_the_parents_rows(rows):
    """Rows written from no text stand each alone, as documents of their own."""
    alone = [dataclasses.replace(row, anchor=None, document=row.id) for row in rows]
    order = np.random.default_rng(2).permutation(len(alone))
    parent, new = [alone[i] for i in order[100:]], [alone[i] for i in order[:100]]

    healthy, narrow = drifts(parent, [new, collapsed(new)], MIN)

    assert not healthy.anchored
    assert healthy.largest < bound(healthy)
    assert narrow.largest > 2 * bound(narrow)


def test_drift_of_too_few_rows_is_unmeasured_and_says_how_many_are_needed(releases):
    parent, new, _ = releases

    few, enough = drifts(parent, [new[:49], new], MIN)
    (no_parent,) = drifts(parent[:124], [new], MIN)

    assert (few.moves, few.needs) == ((), f"50 rows, and 125 in the parent release; found 49 and {len(parent)}")
    assert enough.moves
    assert no_parent.needs == f"50 rows, and 125 in the parent release; found {len(new)} and 124"


def test_drift_is_unmeasured_where_the_vectors_fail(releases, monkeypatch):
    """A model that gives nothing but zeros: a number from them would look like perfect agreement."""

    class Broken:
        def embed(self, texts):
            return np.zeros((len(texts), 8))

    monkeypatch.setattr(embed, "_model", Broken)
    parent, new, _ = releases

    (found,) = drifts(parent, [new], MIN)
    health = health_of(None, Now({"qa": sample(new)}, {"qa": sample(new)}, {}), MIN)

    assert found.moves == ()
    assert found.needs == "a vector for every text; the embedding model gave none for some"
    assert health["status"] == "unmeasured"


def test_drift_is_the_same_for_the_same_rows(releases):
    parent, new, _ = releases

    assert drifts(parent, [new], MIN) == drifts(parent, [new], MIN)


def test_grouping_keeps_documents_together_and_large_ones_by_seed(rows):
    some = rows[:100]
    one_document = [dataclasses.replace(row, document="d", seed=f"s{i // 10}") for i, row in enumerate(some)]
    one_seed = [dataclasses.replace(row, seed="s") for row in one_document]
    spread = [dataclasses.replace(row, document=f"d{i // 20}") for i, row in enumerate(some)]

    assert [grouping(found)[0] for found in (spread, one_document, one_seed)] == ["documents", "seeds", "rows"]


def test_parted_keeps_groups_whole_and_both_parts_of_at_least_two_fifths():
    groups = np.repeat(np.arange(12), [20, 20, 15, 10, 10, 5, 5, 5, 4, 3, 2, 1])

    for seed in range(50):
        one, other = parted(groups, np.random.default_rng(seed))
        assert not set(groups[one]) & set(groups[other])
        assert min(len(one), len(other)) >= 40


def test_causes_name_the_source_that_collapsed(releases):
    parent, new, other = releases
    ill = [dataclasses.replace(row, sources=frozenset(["tickets"])) for row in collapsed(other, 2)]
    mixed = sorted([*new, *ill], key=lambda row: row.id)
    (drift,) = drifts(parent, [mixed], MIN)

    found = causes(drift, parent, sample(mixed), {}, MIN)

    assert (found[0].kind, found[0].name) == ("source", "tickets")
    assert found[0].explained > 0.6


def test_causes_name_the_filter_that_took_the_variety_out(releases):
    parent, new, other = releases
    both = [*new, *other]
    kept = [dataclasses.replace(row, id=f"{i:032x}") for i, row in enumerate(collapsed(new, 3))]
    (drift,) = drifts(parent, [kept], MIN)

    found = causes(drift, parent, sample(kept), {"too_rare": sample(both), "too_long": sample(kept[:2])}, MIN)

    assert [(cause.kind, cause.name) for cause in found] == [("filter", "too_rare")]


def test_changes_name_model_and_sampling_else_the_recipe(rows):
    def made(recipe, model, temperature):
        making = (recipe, model, f'{{"question": {{"temperature": {temperature}, "max_tokens": 28}}}}')
        return [dataclasses.replace(row, making=making) for row in rows[:3]]

    before = made("a", "m@1", 0.7)

    assert changes(before, before) == []
    assert changes(before, made("b", "m@1", 0.7)) == ["its text or steps (another recipe hash, the same sampling)"]
    assert changes(before, made("b", "m@2", 0.05)) == [
        "model m@1 -> m@2",
        "sampling.question.temperature: 0.7 -> 0.05",
    ]


def test_differences_of_nested_mappings_name_each_path():
    before, now = {"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 1}, "d": [2], "e": "x"}

    assert differences(before, now, "p") == ["p.a.c: 2 -> null", "p.d: [1] -> [2]", 'p.e: null -> "x"']


def test_smallest_keeps_the_same_whatever_the_order(rows):
    orders = [rows[:200], rows[:200][::-1]]
    kept = []
    for order in orders:
        found = Smallest(20)
        for row in order:
            found.offer(row.id, lambda row=row: row)
        kept.append((found.kept(), found.edge, found.seen))

    assert kept[0] == kept[1]
    assert len(kept[0][0]) == 20


def test_joined_sample_is_uniform_over_both_sets(rows):
    """The set that was cut sets the edge: beyond it nothing is known of what it left out."""
    many, few = Smallest(30), Smallest(30)
    for row in rows[:300]:
        many.offer(row.id, lambda row=row: row)
    for row in rows[300:320]:
        few.offer(row.id, lambda row=row: row)
    found = RowSample(many.kept(), many.edge, 300).joined(RowSample(few.kept(), few.edge, 20))

    assert 30 <= len(found) < 40
    assert set(many.kept()) <= set(found)


def test_without_a_source_leaves_the_others(rows):
    tagged = [dataclasses.replace(rows[0], sources=frozenset(names)) for names in (["a"], ["a", "b"], ["b"])]

    assert without(tagged, "a") == [tagged[2]]


def test_sampler_leaves_out_rows_without_a_word():
    sampler = Sampler(5)
    for row, text in zip(samples(2), ("fine", "?"), strict=True):
        sampler.offer({**row, "prompt": "!", "response": text})

    assert sampler.samples()["qa-from-docs"].seen == 1


def test_health_of_a_first_release_is_the_baseline_with_its_distance_to_the_seeds(releases):
    new = {"qa": sample(releases[0])}

    health = health_of(None, Now(new, new, {}), MIN)

    assert (health["status"], health["since"], health["trials"]) == ("baseline", None, None)
    assert health["recipes"]["qa"]["drift"] is None
    assert 0.5 < health["recipes"]["qa"]["seeds"]["measures"]["types_ratio"] < 1.5


def test_health_of_few_rows_is_unmeasured_first_release_or_not(releases):
    new = {"qa": sample(releases[1][:20])}
    before = Before("dataset@v0.1.0", {"qa": sample(releases[0])}, {})

    first, later = (health_of(parent, Now(new, new, {}), MIN) for parent in (None, before))

    assert first["status"] == later["status"] == "unmeasured"
    assert first["recipes"]["qa"]["seeds"]["needs"] == "50 rows that were written from text; found 20"


def test_health_carries_the_distances_of_earlier_releases_along(releases):
    parts = [{"qa": sample(rows)} for rows in releases]
    first = health_of(None, Now(parts[0], parts[0], {}), MIN)
    second = health_of(Before("v1", parts[0], first), Now(parts[1], parts[1], {}), MIN)
    third = health_of(Before("v2", parts[0], second), Now(parts[2], parts[2], {}), MIN)

    assert [entry["release"] for entry in third["history"]] == ["v1", "v2"]
    assert third["history"][1]["recipes"]["qa"] == second["recipes"]["qa"]["seeds"]
    assert third["status"] == "measured"


def test_health_of_a_new_recipe_is_a_baseline_beside_one_that_is_measured(releases):
    parent = {"qa": sample(releases[0])}
    now = {"qa": sample(releases[1]), "essay": sample(releases[2])}

    health = health_of(Before("v1", parent, {}), Now(now, now, {}), MIN)

    assert {name: recipe["status"] for name, recipe in health["recipes"].items()} == {
        "qa": "measured",
        "essay": "baseline",
    }
    assert health["trials"]["count"] == 40


def test_drift_false_alarms_are_rare_over_many_healthy_releases(rows):
    """A quarter of the documents drawn at random into the release, the rest into the parent."""
    documents = sorted({row.document for row in rows})
    alarms = 0
    for seed in range(6):
        order = list(np.random.default_rng(seed).permutation(documents))
        taken = list(itertools.takewhile(lambda name, o=order: o.index(name) < len(o) // 4, order))
        new = [row for row in rows if row.document in taken]
        (found,) = drifts([row for row in rows if row.document not in taken], [new], MIN)
        alarms += bool(found.moves) and found.largest > bound(found)
    assert alarms == 0


def test_every_gating_measure_is_among_the_moves(releases):
    (found,) = drifts(releases[0], [releases[1]], MIN)

    assert {move.measure for move in found.moves} == {
        Name.CROSS_ENTROPY,
        Name.KL,
        Name.TAIL_COVERAGE,
        Name.TYPES,
        Name.RECALL,
        Name.COVERAGE,
        Name.VENDI,
        Name.MAUVE,
    }
