import random

import numpy as np
import pyarrow as pa
import pytest

from gristmill.dedup import near as near_module
from gristmill.dedup.minhash import catch_probability
from gristmill.dedup.near import NearDuplicates
from tests.dedup.texts import changed, passages, similarity


def resolved(folder, texts, *, ids=None, scores=None, batch=1000, threshold=0.72, workers=1, release=None):
    ids = ids or [f"{number:06d}" for number in range(len(texts))]
    scores = scores or [0.0] * len(texts)
    rows = NearDuplicates(folder, threshold=threshold, workers=workers)
    for first in range(0, len(texts), batch):
        part = slice(first, first + batch)
        rows.add(pa.array(texts[part], pa.string()), pa.array(ids[part]), np.array(scores[part]))
    return rows.resolve(release)


def dropped(found):
    return np.flatnonzero(~found.kept).tolist()


def planted(count, places=(1, 2, 3), seed=3):
    """Texts in random order: originals, and a changed form of every third."""
    originals = list(passages(count))
    texts = originals + [changed(text, places[i % len(places)]) for i, text in enumerate(originals) if i % 3 == 0]
    random.Random(seed).shuffle(texts)
    return texts


def test_near_duplicates_are_refused_and_others_stay(tmp_path):
    one, other, third = passages(3)

    found = resolved(tmp_path, [one, other, changed(one, 1), third])

    assert dropped(found) == [2]
    assert found.best.tolist() == [0, 1, 0, 3]


def test_the_highest_score_stays_whatever_its_place(tmp_path):
    one, other = passages(2)

    found = resolved(tmp_path, [one, other, changed(one, 1), changed(one, 1, "odd")], scores=[1.0, 0.0, 3.0, 2.0])

    assert dropped(found) == [0, 3]
    assert found.best.tolist() == [2, 1, 2, 2]


def test_of_equal_scores_the_smallest_id_stays(tmp_path):
    (one,) = passages(1)

    assert dropped(resolved(tmp_path, [one, one, one], ids=["b", "a", "c"])) == [0, 2]


def test_a_chain_of_near_duplicates_is_one_component(tmp_path):
    (one,) = passages(1, length=100)
    chain = [one]
    for place in range(6):
        parts = chain[-1].split()
        parts[10 * place + 5] = f"link{place}"
        chain.append(" ".join(parts))

    assert similarity(chain[0], chain[-1]) < 0.72 <= similarity(chain[0], chain[1])
    assert dropped(resolved(tmp_path, chain)) == [1, 2, 3, 4, 5, 6]


def test_decisions_agree_with_comparing_all_pairs(tmp_path):
    texts = planted(300)
    pairs = [(i, j) for i in range(len(texts)) for j in range(i) if similarity(texts[i], texts[j]) >= 0.72]
    sure = [(i, j) for i, j in pairs if similarity(texts[i], texts[j]) >= 0.9]

    found = resolved(tmp_path, texts)

    assert set(dropped(found)) <= {max(pair) for pair in pairs} | {min(pair) for pair in pairs}
    assert all(found.best[i] == found.best[j] for i, j in sure)
    caught = sum(found.best[i] == found.best[j] for i, j in pairs) / len(pairs)
    expected = np.mean([catch_probability(similarity(texts[i], texts[j])) for i, j in pairs])
    assert caught == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize(("batch", "workers"), [(1, 1), (7, 1), (1000, 2)])
def test_decisions_do_not_depend_on_batches_or_workers(tmp_path, batch, workers):
    texts = planted(60)

    whole = resolved(tmp_path / "whole", texts)
    parts = resolved(tmp_path / "parts", texts, batch=batch, workers=workers)

    assert (whole.kept == parts.kept).all()
    assert (whole.best == parts.best).all()


def test_decisions_do_not_depend_on_the_order_of_rows(tmp_path):
    texts = planted(80)
    ids = [f"id-{hash_}" for hash_ in map(str, range(len(texts)))]
    order = list(range(len(texts)))
    random.Random(9).shuffle(order)

    straight = resolved(tmp_path / "a", texts, ids=ids)
    mixed = resolved(tmp_path / "b", [texts[i] for i in order], ids=[ids[i] for i in order])

    assert {ids[i] for i in dropped(straight)} == {ids[order[i]] for i in dropped(mixed)}


def test_a_family_too_large_to_pair_up_is_found_whole_in_any_order(tmp_path):
    (one,) = passages(1, length=100)
    family = [changed(one, 1, f"copy{number}") for number in range(300)]

    assert len(dropped(resolved(tmp_path / "a", family))) == 299
    assert len(dropped(resolved(tmp_path / "b", family[::-1]))) == 299


def test_what_is_spilled_in_many_runs_gives_the_same_decisions(tmp_path, monkeypatch):
    texts = planted(100)
    whole = resolved(tmp_path / "whole", texts)
    runs = near_module.SortedRuns
    monkeypatch.setattr(near_module, "SortedRuns", lambda folder: runs(folder, entries=100))

    spilled = resolved(tmp_path / "spilled", texts, batch=10)

    assert len(list((tmp_path / "spilled" / "bands").glob("*.keys"))) > 10
    assert (whole.best == spilled.best).all()


def test_texts_without_words_all_stay(tmp_path):
    assert dropped(resolved(tmp_path, ["", None, "...", ""])) == []


def test_no_rows_resolve_to_none(tmp_path):
    assert resolved(tmp_path, []).kept.tolist() == []


def test_the_threshold_decides_what_shares_a_band(tmp_path):
    (one,) = passages(1, length=100)
    other = changed(one, 1)

    assert dropped(resolved(tmp_path / "a", [one, other], threshold=0.99)) == []
    assert dropped(resolved(tmp_path / "b", [one, other], threshold=0.8)) == [1]
