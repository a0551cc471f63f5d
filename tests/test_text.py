import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.text import content_words, estimate_tokens, normalised, paragraph_spans, sentence_spans, sentences, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One ends. Two begins? Three! Four.", ["One ends.", "Two begins?", "Three!", "Four."]),
        ("Use os.path.join, e.g. here, i.e. now. Next.", ["Use os.path.join, e.g. here, i.e. now.", "Next."]),
        ("It is e.g. Python, cf. Ruby. Next.", ["It is e.g. Python, cf. Ruby.", "Next."]),
        ("Since Python 3.11. Before 3.8.1 it failed.", ["Since Python 3.11.", "Before 3.8.1 it failed."]),
        ('He said "Stop." Then he left (now.) Gone.', ['He said "Stop."', "Then he left (now.)", "Gone."]),
        ("It returns None. os.path is a module.", ["It returns None.", "os.path is a module."]),
        ("Ask J. Smith. Ask the U.S. Army.", ["Ask J. Smith.", "Ask the U.S. Army."]),
        ("He left the U.S. The end.", ["He left the U.S.", "The end."]),
        ("No. This is no. 5 of them.", ["No.", "This is no. 5 of them."]),
        ("See Fig. 3 and sec. 4. Done.", ["See Fig. 3 and sec. 4.", "Done."]),
        ("from a import ... More of it follows", ["from a import ... More of it follows"]),
        ("1. First thing. More.\n2. Second thing.", ["1. First thing.", "More.", "2. Second thing."]),
        ("Intro:\n\n* one\n* two", ["Intro:", "* one", "* two"]),
        ("A line\nwrapped here. Next\none.", ["A line\nwrapped here.", "Next\none."]),
        ("今日は晴れ。散歩に行く。", ["今日は晴れ。", "散歩に行く。"]),
        ("Wait... Then go.", ["Wait...", "Then go."]),
        ('It runs. "__init__()" is called.', ["It runs.", '"__init__()" is called.']),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_technical_prose_is_cut_where_sentences_end(text, expected):
    assert sentences(text) == expected


@given(st.text(st.sampled_from("ab A.!?\n\t\"'(1*。")))
def test_sentence_spans_any_text_leave_only_white_space_between(text):
    spans = sentence_spans(text)

    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())


def test_paragraph_spans_keep_the_first_lines_indentation():
    text = "Intro:\n\n   code\n   more\n \n\nEnd."

    assert [text[start:end] for start, end in paragraph_spans(text)] == ["Intro:", "   code\n   more", "End."]


def test_words_are_runs_of_letters_digits_and_underscores():
    assert words("don't call os.path_x 3 times — ever") == ["don't", "call", "os", "path_x", "3", "times", "ever"]


def test_content_words_leave_function_words_out_and_fold_case():
    assert content_words("What does the Loop don\u2019t return? The loop's VALUE.") == [
        "loop",
        "don't",
        "return",
        "loop's",
        "value",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is a loop?", "what is  a\nLOOP"),
        ("“Quoted” text…", '"quoted" text'),
        ("ﬁne \uff37ide", "fine wide"),
        ("Straße", "STRASSE"),
    ],
)
def test_normalised_texts_that_differ_in_form_only_are_equal(one, other):
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"), [("a - b", "a * b"), ("__init__", "init"), ("3.14", "314"), ("os.path", "ospath")]
)
def test_normalised_texts_that_differ_in_meaning_stay_apart(one, other):
    assert normalised(one) != normalised(other)


@given(st.text())
def test_normalised_twice_changes_nothing_more(text):
    assert normalised(normalised(text)) == normalised(text)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("loop", 1),
        ("The loop ends.", 4),
        ("implementation", 3),  # 14 letters: 2 for the first 8 to 12, 1 more
        ("2026", 4),
        ("HTTP", 2),
        ("----------------", 2),
        ("a\n\n\nb", 3),
        ("今日", 4),
    ],
)
def test_estimate_tokens_counts_by_kind_of_run(text, tokens):
    assert estimate_tokens(text) == tokens


@given(st.lists(st.sampled_from(["word", "os.path", "(x)", "3.11", "日本"]), min_size=1))
def test_estimate_tokens_of_joined_words_is_the_sum(parts):
    assert estimate_tokens(" ".join(parts)) == sum(map(estimate_tokens, parts))
