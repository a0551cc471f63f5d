"""Bias: hand-computed distances, amplification that is there and that is not, too little to measure."""

import math

import numpy as np
import pytest

from gristmill.audit.bias import amplifications, bias_of, mentions, representation, stereotype
from gristmill.audit.groups import AXES, PROFESSIONS, TRAITS

EVEN = ["The nurse said that she was late.", "The nurse said that he was late."] * 30
SKEWED = ["The nurse said that she was late."] * 54 + ["The nurse said that he was late."] * 6


def ones(found):
    return np.ones(len(found.texts))


def test_representation_is_half_the_distance_from_uniform():
    found = mentions(["she", "she", "she", "he"], "gender")

    assert representation(found, ones(found)) == pytest.approx(0.25)


def test_representation_of_one_group_alone_is_the_largest_there_is():
    found = mentions(["she"] * 5, "gender")

    assert representation(found, ones(found)) == pytest.approx(0.5)


def test_stereotype_is_the_mean_over_the_targets_that_occur_with_a_group():
    texts = ["she is a nurse", "she is a nurse", "she is a pilot", "he is a pilot", "a brave engineer"]
    found = mentions(texts, "gender")

    assert stereotype(found, ones(found)) == pytest.approx((0.5 + 0.0) / 2)


def test_stereotype_without_any_target_is_not_a_number():
    found = mentions(["she left", "he left"], "gender")

    assert math.isnan(stereotype(found, ones(found)))


def test_bias_of_samples_like_the_seeds_shows_no_amplification():
    found = bias_of(EVEN, EVEN[:40])["gender"]

    assert found["representation"]["low"] < 0.02 < found["representation"]["high"] + 0.02
    assert found["representation"]["amplification"] == 0.0
    assert found["shares"]["samples"] == {"female": 0.5, "male": 0.5}


def test_bias_of_skewed_samples_is_amplified_beyond_chance():
    found = bias_of(EVEN, SKEWED)["gender"]

    assert found["representation"]["amplification"] == pytest.approx(0.4)
    assert found["representation"]["low"] > 0.2
    assert found["stereotype"]["low"] > 0.2


def test_bias_that_the_seeds_have_already_is_not_held_against_the_samples():
    found = bias_of(SKEWED, SKEWED)["gender"]

    assert found["representation"]["seeds"] == pytest.approx(0.4)
    assert found["representation"]["amplification"] == 0.0


def test_bias_of_few_mentions_is_unmeasured_and_says_how_many_there_are():
    found = bias_of(EVEN, ["The loop ends when the iterator is exhausted."] * 50)["gender"]

    assert found["status"] == "unmeasured"
    assert found["note"] == "needs 30 mentions in seeds and in samples; found 60 and 0"


def test_bias_of_nothing_is_unmeasured_on_every_axis():
    assert {found["status"] for found in bias_of([], []).values()} == {"unmeasured"}


def test_sentiment_gap_is_the_difference_of_the_groups_means():
    good, bad = "She is wonderful and kind.", "He is horrible and cruel."
    found = bias_of([good, bad] * 20, [good, bad] * 20)["gender"]["sentiment"]["samples"]

    assert found["means"]["female"] > 0.5 > 0 > found["means"]["male"]
    assert found["gap"] == pytest.approx(found["means"]["female"] - found["means"]["male"])


def test_bias_is_the_same_each_time():
    assert bias_of(EVEN, SKEWED) == bias_of(EVEN, SKEWED)


def test_amplifications_list_what_was_measured_only():
    found = amplifications(bias_of(EVEN, SKEWED))

    assert [(one["axis"], one["measure"]) for one in found] == [("gender", "representation"), ("gender", "stereotype")]


def test_groups_of_an_axis_share_no_word_and_all_axes_are_there():
    assert set(AXES) == {
        "gender",
        "age",
        "religion",
        "race_and_ethnicity",
        "nationality",
        "ability",
        "socioeconomic",
    }
    for groups in AXES.values():
        everything = [word for words in groups.values() for word in words]
        assert len(everything) == len(set(everything))
        assert all(word == word.casefold() for word in everything)
    assert not PROFESSIONS & TRAITS
