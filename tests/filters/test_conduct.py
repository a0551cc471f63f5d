"""Leakage, identity, safety, balanced phrases, and grounding beyond shared words."""

import pytest

from gristmill.filters.identity import Identity
from gristmill.filters.leakage import leakage, template_texts
from gristmill.filters.safety import LISTS, Safety
from gristmill.params.conduct import IdentityParams, LeakageParams, SafetyParams
from tests.filters.chains import chain_of, outcome
from tests.samples import batch_of, sample, samples, seeds

GOOD = samples(1)[0]
TEMPLATE = "You are a patient teacher who explains each step of the {{ subject }} before the pupil asks for it."


def reason(check, **changed):
    found = check.judge(batch_of([{**GOOD, **changed}])).refused.get(0)
    return found and found.reason


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("As told: you are a patient teacher, who explains each step. Yes.", "leaked_template"),
        ("A patient teacher explains each step.", None),
        ("Fine.<|im_end|>", "leaked_marker"),
        ("the pupil asks for it", None),
    ],
)
def test_leakage_of_template_and_markers(response, expected):
    assert reason(leakage(LeakageParams(), [TEMPLATE]), response=response) == expected


def test_leakage_of_prompt_and_seed_by_share():
    words = "one two three four five six seven eight nine ten eleven twelve"
    check = leakage(LeakageParams(max_seed_copy=0.5), [])

    assert reason(check, prompt=words, response=f"{words} indeed so") == "copied_prompt"
    assert reason(check, context=f"It says {words}.", response=words) == "copied_seed"
    assert reason(leakage(LeakageParams(), []), context=f"It says {words}.", response=words) is None


def test_template_texts_are_messages_and_prompts_of_all_steps():
    recipe = {
        "name": "x",
        "steps": [{"name": "a", "messages": [{"system": "Be brief."}, {"user": "Say {{ x }}"}]}, {"prompt": "Text:"}],
        "output": {"prompt": "{{ a }}"},
    }

    assert template_texts(recipe) == ["Be brief.", "Say {{ x }}", "Text:"]


@pytest.mark.parametrize(
    "response",
    [
        "I am ChatGPT.",
        "I'm an AI assistant.",
        "As a large language model, no.",
        "I was trained by Anthropic.",
        "My creators said so.",
    ],
)
def test_identity_refuses_who_introduces_itself(response):
    assert reason(Identity(IdentityParams()), response=response) == "self_identification"


@pytest.mark.parametrize(
    "response",
    [
        "Companies such as Google use it.",
        "I am sure that it works.",
        "OpenAI released GPT-4 in 2023.",
        "I am Bardolph.",
    ],
)
def test_identity_lets_others_be_named(response):
    assert reason(Identity(IdentityParams()), response=response) is None


def test_identity_own_name_can_be_allowed_and_others_added():
    assert reason(Identity(IdentityParams(allowed=["Qwen"])), response="I am Qwen.") is None
    assert reason(Identity(IdentityParams(names=["Milo"])), response="I am Milo.") == "self_identification"


@pytest.mark.parametrize("category", LISTS)
def test_safety_scores_each_category_by_hits_for_hundred_words(category):
    text = f"word {LISTS[category][0]} word"

    assert reason(Safety(SafetyParams()), response=text) == f"unsafe_{category}"
    assert reason(Safety(SafetyParams(max_score=200)), response=text) is None
    assert reason(Safety(SafetyParams(categories=[next(c for c in LISTS if c != category)])), response=text) is None


def test_boilerplate_share_keeps_the_same_few_rows_whatever_the_batches(tmp_path):
    rows = [{**row, "sample_id": f"{number:032x}"} for number, row in enumerate(samples(60))]
    for row in rows[:30]:
        row["response"] = f"Sure! {row['response']}"
    check = {"name": "boilerplate", "phrases": ["never"], "balanced": [{"phrases": ["sure"], "max_share": 0.1}]}

    runs = [outcome(chain_of(check), rows, tmp_path, batch_rows=size) for size in (60, 7)]

    kept, refused = runs[0]
    assert sum("Sure!" in row["response"] for row in kept) == 3
    assert len(kept) == 33
    assert set(refused.values()) == {("boilerplate", "boilerplate_share")}
    assert runs[1] == runs[0]


def test_grounding_without_evidence_looks_at_the_whole_passage():
    row = {**sample(seeds(1)[0]), "evidence": None}
    check = {"name": "grounding", "evidence": "optional"}

    assert chain_of(check).judge(batch_of([row])).refused == {}
    assert chain_of("grounding").judge(batch_of([row])).refused[0].reason == "no_evidence"


@pytest.mark.parametrize(
    ("settings", "response", "expected"),
    [
        ({"max_new_numbers": 0}, "It was built in 1871 by hand.", "new_numbers"),
        ({"max_new_numbers": 0}, "It was built in 1870 by hand.", None),
        ({"max_new_names": 0}, "It was built by Anna Holm.", "new_names"),
        ({"min_ngram_overlap": 0.5}, "by hand it was built the mill", "response_ngrams_not_in_context"),
        ({"min_score": 0.9}, "Built in 1999 by Anna Holm with steel.", "grounding_score"),
        ({"min_similarity": 0.5}, "Quarterly revenue rose sharply across markets.", "response_far_from_context"),
        ({"min_similarity": 0.5, "min_score": 0.9}, "The mill by the river was built in 1870 by hand.", None),
    ],
)
def test_grounding_beyond_shared_words(settings, response, expected):
    context = "The mill by the river was built in 1870 by hand. It ground wheat for the whole valley."
    loose = {"name": "grounding", "evidence": "optional", "min_response_overlap": 0, "min_prompt_overlap": 0}
    row = {**GOOD, "context": context, "evidence": None, "prompt": "When was the mill built?", "response": response}

    found = chain_of({**loose, **settings}).judge(batch_of([row])).refused.get(0)

    assert (found and found.reason) == expected


def test_form_response_of_symbols_is_refused():
    check = {"name": "form", "max_symbols": 0.4}
    row = {**GOOD, "response": "=== *** --- >>> ok fine"}

    assert chain_of(check).judge(batch_of([row])).refused[0].reason == "response_of_symbols"
