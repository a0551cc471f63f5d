"""Each filter by itself: what it refuses, why, and what it lets through."""

import pytest

from gristmill.errors import InputError
from gristmill.filters.boilerplate import Boilerplate
from gristmill.filters.exact_dedup import ExactDedup, row_digest
from gristmill.filters.form import Form
from gristmill.filters.grounding import Grounding
from gristmill.filters.language import Language, allowed_probability
from gristmill.filters.length import Length
from gristmill.filters.verdict import Finding
from gristmill.identity import text_hash
from gristmill.params.content import BoilerplateParams, FormParams, GroundingParams, LanguageParams, LengthParams
from gristmill.text import normalised
from tests.samples import batch_of, sample, samples, seeds

GOOD = samples(1)[0]


def verdict(check, **changed):
    """What the filter says of a good row with something changed."""
    return check.judge(batch_of([{**GOOD, **changed}])).refused.get(0)


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        ({"prompt": "Why so?"}, Finding("prompt_too_short", "2", "at least 4 words")),
        ({"prompt": "why " * 61}, Finding("prompt_too_long", "61", "at most 60 words")),
        ({"response": "..."}, Finding("response_too_short", "0", "at least 1 words")),
        ({"response": "yes " * 201}, Finding("response_too_long", "201", "at most 200 words")),
        ({}, None),
    ],
)
def test_length_refuses_what_is_out_of_bounds(changed, finding):
    assert verdict(Length(LengthParams()), **changed) == finding


def test_language_foreign_response_is_refused_and_english_kept():
    check = Language(LanguageParams())

    foreign = verdict(
        check, response="Die Anweisung fügt Prüfungen in ein Programm ein, die beim Ausführen gelten müssen."
    )

    assert foreign is not None
    assert foreign.reason == "language"
    assert foreign.threshold == "en at least 0.5"
    assert float(foreign.value) < 0.5
    assert verdict(check) is None


def test_language_short_technical_questions_are_kept():
    names = ["object.__init_subclass__()", "__slots__", "nonlocal", "types.MappingProxyType", "sys.exc_info()"]
    rows = [f"What does {name} return when {other} is None? {name}" for name in names for other in names]

    dropped = [row for row in rows if allowed_probability(row, frozenset({"en"})) < 0.5]

    assert dropped == []


def test_language_text_without_letters_is_as_likely_as_not():
    assert allowed_probability("3 + 4 = 7", frozenset({"en"})) == 0.5


def test_language_unknown_code_is_named():
    with pytest.raises(InputError, match="no such language: xq"):
        Language(LanguageParams(allowed=["en", "xq"]))


def test_form_statement_instead_of_question_is_refused():
    check = Form(FormParams(prompt="question"))

    assert verdict(check, prompt="Describe the assert statement.") == Finding("not_a_question", ".", "ends in ?")
    assert verdict(check, prompt='What is "assert"?"') is None
    assert verdict(Form(FormParams()), prompt="Describe the assert statement.") is None


def test_form_response_that_only_repeats_the_prompt_is_refused():
    finding = verdict(Form(FormParams()), prompt="What is the assert statement?", response="The assert statement.")

    assert finding == Finding("response_repeats_prompt", "0", "at least 1 new words")


def test_boilerplate_phrase_is_found_whatever_its_case_and_apostrophe():
    check = Boilerplate(BoilerplateParams())

    assert verdict(check, response="I\u2019m  Sorry, but no.") == Finding(
        "boilerplate", "i'm sorry", "none of the phrases"
    )
    assert verdict(check, prompt="What does the passage say about names?").value == "the passage"
    assert verdict(check, response="the passages of a list") is None


def test_boilerplate_without_phrases_keeps_all():
    assert verdict(Boilerplate(BoilerplateParams(phrases=[])), response="As an AI I cannot.") is None


def test_grounding_evidence_with_other_white_space_is_verbatim():
    evidence = "  ".join(GOOD["evidence"].split())

    assert verdict(Grounding(GroundingParams()), evidence=evidence) is None


@pytest.mark.parametrize(
    ("changed", "reason", "value"),
    [
        ({"evidence": None}, "no_evidence", "none"),
        ({"evidence": " \n"}, "no_evidence", "none"),
        ({"evidence": "A sentence that nobody wrote."}, "evidence_not_in_context", "altered"),
        ({"response": "purple elephants program"}, "response_not_in_evidence", "0.333"),
        ({"response": "it is so"}, "response_not_in_evidence", "0.000"),
        ({"prompt": "Who painted purple elephants yesterday?"}, "prompt_not_about_context", "0.000"),
    ],
)
def test_grounding_refuses_what_the_seed_does_not_carry(changed, reason, value):
    finding = verdict(Grounding(GroundingParams()), **changed)

    assert (finding.reason, finding.value) == (reason, value)


def test_exact_dedup_first_is_kept_across_batches_and_spelling():
    check = ExactDedup()
    shouted = {**GOOD, "prompt": GOOD["prompt"].upper(), "response": f"  {GOOD['response']}. "}
    other = sample(seeds(2)[1])

    first = check.judge(batch_of([GOOD, other]))
    second = check.judge(batch_of([shouted]))

    assert first.refused == {}
    assert second.refused[0].reason == "duplicate"


def test_row_digest_is_the_text_hash_of_the_normalised_row():
    prompt, response = GOOD["prompt"], GOOD["response"]

    assert row_digest(prompt, response).hex() == text_hash(f"{normalised(prompt)}\n{normalised(response)}")
