"""Diversity at a fixed budget of words, against numbers counted by hand."""

from hypothesis import given
from hypothesis import strategies as st

from gristmill.audit.diversity import WordSample, bigrams, count_types, distinct_2, ratio, types_at
from gristmill.audit.measure import measured, unmeasured
from tests.samples import seeds


def sample_of(budget, texts):
    sample = WordSample(budget)
    for number, text in enumerate(texts):
        sample.add(f"id {number}", text)
    return sample


def test_types_counts_distinct_words_whatever_their_case():
    assert types_at(sample_of(6, ["The cat sat", "the CAT slept"])).value == 4


def test_distinct_2_does_not_count_pairs_across_texts():
    assert sorted(bigrams([["a", "b"], ["a", "b", "c"]])) == [("a", "b"), ("a", "b"), ("b", "c")]
    assert distinct_2(sample_of(5, ["a b", "a b c"])).value == 0.6667


def test_types_with_too_few_words_is_unmeasured_and_says_how_many_are_needed():
    found = types_at(sample_of(100, ["only four words here"]))

    assert found.value is None
    assert found.as_dict() == {"value": None, "status": "unmeasured", "note": "needs 100 words, found 4"}


def test_distinct_2_of_single_words_is_unmeasured():
    assert distinct_2(sample_of(2, ["one", "two"])).value is None


def test_ratio_of_something_unmeasured_is_unmeasured():
    assert ratio(measured(30, ""), measured(60, "")).value == 0.5
    assert ratio(unmeasured("needs 5"), measured(60, "")).note == "needs 5"


@given(texts=st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=9).map(" ".join), max_size=40))
def test_word_sample_holds_exactly_the_budget_and_only_what_it_needs(texts):
    sample = sample_of(20, texts)

    found = sum(len(text) for text in sample.texts())
    assert found == min(20, sample.total)
    assert sample._kept_words < 20 + 9


@given(order=st.permutations(range(12)))
def test_word_sample_does_not_depend_on_order(order):
    texts = [f"word{number} of text number {number}" for number in range(12)]
    straight, shuffled = WordSample(15), WordSample(15)
    for number in range(12):
        straight.add(str(number), texts[number])
    for number in order:
        shuffled.add(str(number), texts[number])

    assert straight.texts() == shuffled.texts()


def test_types_real_text_beats_the_same_text_said_over_and_over():
    texts = [seed["text"] for seed in seeds(60)]

    rich, poor = types_at(sample_of(1500, texts)).value, types_at(sample_of(1500, texts[:3] * 20)).value

    assert rich > 1.5 * poor
    assert count_types([["a", "b"], ["b"]]) == 2
