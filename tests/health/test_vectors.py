"""Measures on vectors, against points in the plane and closed forms."""

import numpy as np
import pytest

from gristmill.embed import embed
from gristmill.errors import GristmillError
from gristmill.health.mauve import area, clustered, mauve
from gristmill.health.neighbours import Prdc, prdc
from gristmill.health.vendi import vendi


def plane(*points):
    return np.array(points, dtype=np.float32)


def cloud(rows, seed, *, spread=1.0):
    found = np.random.default_rng(seed).standard_normal((rows, 8)).astype(np.float32) * spread
    found[:, 0] += 3
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_prdc_of_points_on_a_line_is_as_counted_by_hand():
    real, candidate = plane((0, 0), (1, 0), (2, 0), (10, 0)), plane((0.5, 0), (1.5, 0), (30, 0), (31, 0))

    # k=1: real balls 1, 1, 1, 8 wide; candidate balls 1, 1, 1, 1
    found = prdc(real, candidate, k=1)

    # real 0, 1, 2 lie within 1 of a candidate; 10 does not
    assert found == Prdc(precision=0.5, recall=0.75, density=4 / 4, coverage=0.75)


def test_prdc_of_a_set_with_itself_is_complete():
    points = cloud(50, 0)

    found = prdc(points, points)

    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)


def test_prdc_of_a_candidate_that_says_one_thing_loses_recall_and_coverage_not_precision():
    real = cloud(200, 0)

    found = prdc(real, np.repeat(real[:1], 200, axis=0))

    assert found.precision == 1
    assert found.recall == pytest.approx(1 / 200)
    assert found.coverage < 0.1


def test_prdc_of_unequal_sets_is_refused():
    with pytest.raises(ValueError, match="equal size above 5 wanted, not 9 and 8"):
        prdc(cloud(9, 0), cloud(8, 1))


@pytest.mark.parametrize("rows", [1, 7, 40])
def test_vendi_of_identical_rows_is_one(rows):
    assert vendi(np.repeat(cloud(1, 0), rows, axis=0)) == pytest.approx(1)


@pytest.mark.parametrize("rows", [1, 7, 40])
def test_vendi_of_orthogonal_rows_is_their_number(rows):
    assert vendi(np.eye(40, dtype=np.float32)[:rows]) == pytest.approx(rows)


def test_vendi_of_two_kinds_in_equal_parts_is_two_whatever_the_number_of_rows():
    assert vendi(np.repeat(np.eye(2, 5, dtype=np.float32), 30, axis=0)) == pytest.approx(2)


def test_mauve_area_of_equal_histograms_is_one():
    p = np.array([0.2, 0.3, 0.5])

    assert area(p, p) == pytest.approx(1, abs=1e-9)


def test_mauve_area_of_histograms_with_nothing_in_common_is_that_of_the_known_curve():
    # KL(Q|R) = -log(1 - t), KL(P|R) = -log t: the curve (1 - t)^5 against t^5
    x = (1 - np.linspace(0, 1, 100_001)) ** 5
    exact = abs(np.trapezoid(x[::-1], x))

    assert area(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(exact, abs=0.001)


def test_mauve_of_the_same_set_twice_is_one_and_falls_as_the_sets_part():
    rng = np.random.default_rng
    real = cloud(300, 0)

    same, other, narrow = (mauve(real, x, rng(0)) for x in (real, cloud(300, 1), cloud(300, 1, spread=0.2)))

    assert same == pytest.approx(1)
    assert same > other > narrow


def test_clusters_of_three_far_groups_are_the_groups():
    groups = np.repeat(np.eye(3, dtype=np.float32) * 10, 20, axis=0)
    points = groups + np.random.default_rng(0).standard_normal(groups.shape).astype(np.float32) * 0.01

    found = clustered(points, 12, np.random.default_rng(1))

    parts = [set(found[i * 20 : (i + 1) * 20].tolist()) for i in range(3)]
    assert not parts[0] & parts[1]
    assert not parts[1] & parts[2]


def test_embedding_is_of_length_one_and_near_for_near_texts():
    cat, kitten, socket = embed(["The cat sleeps.", "A kitten is asleep.", "The socket was closed by the server."])

    assert np.linalg.norm(cat) == pytest.approx(1, abs=1e-5)
    assert cat @ kitten > cat @ socket + 0.1


def test_embedding_of_nothing_is_an_error_that_shows_the_text():
    with pytest.raises(GristmillError, match="no vector for 1 of 2 texts"):
        embed(["words", ""])
