"""The four published filters: each rule by a case worked out by hand, and all of them against plain Python."""

import sys
from pathlib import Path
from pydoc_data.topics import topics

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.build import published_filter
from gristmill.filters.standard import Standard, slices
from gristmill.params.filters import default_filter, with_settings
from tests.filters import reference

FILTERS = ("gopher_quality", "gopher_repetition", "c4", "fineweb")
REFERENCE = {name: getattr(reference, name) for name in FILTERS}
PROSE = (
    "The cat sat on the mat and looked at the birds that have come to the garden with the early sun. "
    "Every one of them was busy, so nobody saw how the small door to the kitchen was opened by the wind. "
    "A boy who lived in the house found the cat asleep in a basket and let it be. "
    "Was it the same animal that his sister had seen on the roof? "
    "They never knew."
)


def judge(texts, **params):
    """What each of the four says of each text: reasons by filter."""
    specs = [with_settings(default_filter(name), params.get(name, {}), name) for name in FILTERS]
    filters = Standard([published_filter(spec) for spec in specs], "text")
    found = filters.judge_each(pa.array(texts, pa.string()))
    return {
        check.name: [verdicts.refused.get(row) for row in range(len(texts))]
        for check, verdicts in zip(filters.checks, found, strict=True)
    }


def finding(name, text, **params):
    """Reason, value and threshold of one filter on one text; None where it is kept."""
    found = judge([text], **{name: params})[name][0]
    return found and (found.reason, found.value, found.threshold)


def real_texts():
    lib = Path(sys.modules["json"].__file__).parent.parent
    code = [path.read_text(errors="replace") for path in sorted(lib.glob("*.py"))[:40]]
    return [*topics.values(), *code]


def test_published_plain_prose_is_kept_by_all_four():
    assert judge([PROSE]) == {name: [None] for name in FILTERS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat sat, and that was that.", ("gopher_too_few_words", "7", "at least 50")),
        ("I am on it. " * 20, ("gopher_words_too_short", "1.750", "at least 3")),
        ("internationalisation " * 50, ("gopher_words_too_long", "20.000", "at most 10")),
        (PROSE + " #tag" * 20, ("gopher_hashes", "0.164", "at most 0.1")),
        (PROSE + " and ..." * 20, ("gopher_ellipses", "0.164", "at most 0.1")),
        ("\n".join("- " + s for s in [*PROSE.split(". "), PROSE]), ("gopher_bullet_lines", "1.000", "at most 0.9")),
        (PROSE + "\nand so on...", ("gopher_ellipsis_lines", "0.500", "at most 0.3")),
        (PROSE + " 12345" * 60, ("gopher_words_without_letters", "0.535", "at least 0.8")),
        ("Every word here speaks without them. " * 10, ("gopher_stop_words", "0", "at least 2")),
    ],
)
def test_gopher_quality_refuses_by_rule(text, expected):
    assert finding("gopher_quality", text) == expected


def test_gopher_quality_too_many_words_are_refused():
    assert finding("gopher_quality", PROSE, max_words=70) == ("gopher_too_many_words", "76", "at most 70")


def test_gopher_quality_lower_minimum_lets_a_short_answer_pass():
    answer = "It is the name of the module that was imported."

    assert finding("gopher_quality", answer, min_words=5) is None


LINES = [f"Line {word} says what no other line has ever said before." for word in ["alpha", "beta", "gamma", "delta"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\n".join(["One.", "Two.", "One.", "One.", "Six."]), ("gopher_duplicate_paragraphs", "0.400")),
        ("\n\n".join([*LINES, LINES[0]]), ("gopher_top_2gram", None)),
        ("\n".join(["One.", "Two.", "One.", "One.", "Six."]), ("gopher_duplicate_lines", "0.400")),
        ("\n".join([PROSE, PROSE, *"abcdef"]), ("gopher_duplicate_line_chars", "0.491")),
        ("\n\n".join([PROSE, PROSE, *"abcdef"]), ("gopher_duplicate_paragraph_chars", "0.486")),
        ("ab cd " * 3 + "x y z u v w", ("gopher_top_2gram", "0.517")),
    ],
)
def test_gopher_repetition_refuses_by_rule(text, expected):
    reason, value = expected
    found = judge([text])["gopher_repetition"][0]

    if reason == "gopher_top_2gram" and value is None:
        assert found.reason == reference.gopher_repetition(text)
    else:
        assert (found.reason, found.value) == expected


def test_gopher_repetition_repeated_stretch_is_counted_without_overlap():
    stretch = "one cold day in the far north"  # seven words, 23 characters without blanks
    distinct = " ".join(f"w{i}x" for i in range(40))
    text = f"{stretch} {distinct} {stretch}"

    found = finding("gopher_repetition", text, max_duplicate_5grams=0.05)

    # of the second stretch, the first five words repeat: 15 characters; the other two make no 5-gram
    assert found == ("gopher_duplicate_5grams", f"{15 / len(text):.3f}", "at most 0.05")


FIVE = "A b c.\nD e f!\nG h i?\nJ k l.\nM n o."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (FIVE, None),
        (FIVE[:-7], ("c4_too_few_sentences", "4", "at least 5")),
        (FIVE + "\nThis has lorem ipsum in it.", ("c4_lorem_ipsum", "1", "no lorem ipsum")),
        (FIVE + "\nlorem ipsum", None),
        (FIVE + "\nif (x) { return y.", ("c4_curly_bracket", "1", "no {")),
        (FIVE.replace("M n", "Javascript n"), ("c4_too_few_sentences", "4", "at least 5")),
        (FIVE.replace("M n o", "We use cookies here"), ("c4_too_few_sentences", "4", "at least 5")),
        (FIVE.replace("M n o", "Read our Terms of Use here"), ("c4_too_few_sentences", "4", "at least 5")),
        (FIVE.replace("M n o.", "M n."), ("c4_too_few_sentences", "4", "at least 5")),
        (FIVE.replace("o.", "o..."), ("c4_too_few_sentences", "4", "at least 5")),
        (FIVE.replace("o.", "o.[12]"), None),
        (FIVE.replace("n", "n" * 1001), ("c4_too_few_sentences", "4", "at least 5")),
        ("He went out. She came in! Who was it? (Nobody.) Then all left.", None),
    ],
)
def test_c4_counts_sentences_in_lines_that_count(text, expected):
    assert finding("c4", text) == expected


def test_c4_brace_passes_where_params_allow_it():
    assert finding("c4", FIVE + "\nif (x) { return y.", curly_bracket=False) is None


LONG = "This line is longer than thirty characters"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n \n", ("fineweb_no_lines", "0", "at least 1")),
        ("\n".join(f"{LONG} {i}" for i in range(9)), ("fineweb_lines_without_end", "0.000", "at least 0.12")),
        ("Short one.\n" * 1 + "Short.\nNo.\n" + LONG + ".", ("fineweb_short_lines", "0.750", "at most 0.67")),
        (
            f"{LONG}.\n{LONG}.\nAnd so it ends, after thirty characters.",
            ("fineweb_duplicate_line_chars", "0.341", "at most 0.01"),
        ),
        ("Donaudampfschifffahrtsgesellschaft.\nRindfleischetikettierungsueberwachung.", None),
        (
            "Donaudampfschifffahrtsgesellschaft.\n\n\nRindfleischetikettierungsueberwachung.",
            ("fineweb_newlines", "0.750", "at most 0.3"),
        ),
    ],
)
def test_fineweb_refuses_by_rule(text, expected):
    assert finding("fineweb", text) == expected


@pytest.mark.parametrize("name", FILTERS)
def test_published_decide_as_plain_python_on_real_texts(name):
    texts = real_texts()

    found = [refused and refused.reason for refused in judge(texts)[name]]

    assert found == [REFERENCE[name](text) for text in texts]
    assert len(set(found)) > 2


ODD = st.sampled_from(
    [
        *"ab.?!'\"-# \n\n\t\r\x0b\x1c{[]1•…\u2028\x85\xa0é。🙂",
        *("the ", "to ", "[1]", "e.g. ", "don't ", "terms of use. "),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(ODD, max_size=60).map("".join), min_size=1, max_size=5))
def test_published_decide_as_plain_python_on_odd_texts(texts):
    found = judge(texts)

    for name in FILTERS:
        reasons = [refused and refused.reason for refused in found[name]]
        assert reasons == [REFERENCE[name](text) for text in texts], name


def test_published_verdicts_do_not_depend_on_neighbours_or_slices(monkeypatch):
    texts = real_texts()[:60]
    whole = judge(texts)
    monkeypatch.setattr("gristmill.filters.standard.SLICE_BYTES", 5000)

    assert judge(texts) == whole
    assert len(list(slices(pa.array(texts)))) > 10


def test_published_null_and_empty_texts_are_refused_without_harm():
    found = judge(["", None, PROSE])

    assert [refused and refused.reason for refused in found["fineweb"]] == ["fineweb_no_lines"] * 2 + [None]
    assert judge([]) == {name: [] for name in FILTERS}
