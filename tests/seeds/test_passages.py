from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.params.ingest import PassageBorder, Passages
from gristmill.seeds.normalise import normalise
from gristmill.seeds.passages import Passage, prose_share, split
from gristmill.text import estimate_tokens, sentence_spans


def cut(text: str, max_tokens: int, min_tokens: int, **others: object) -> list[Passage]:
    """Passages of any size: smaller ones than params allow are easier to read."""
    return split(text, Passages.model_construct(max_tokens=max_tokens, min_tokens=min_tokens, **others))


FIRST = "The loop ends here. It never comes back."
SECOND = "A second paragraph follows. It has two sentences."


def test_split_text_that_fits_is_one_passage():
    text = f"{FIRST}\n\n{SECOND}"

    [passage] = cut(text, max_tokens=100, min_tokens=5)

    assert (passage.offset, passage.text, passage.tokens) == (0, text, estimate_tokens(text))


def test_split_paragraphs_that_do_not_fit_together_come_apart_at_their_border():
    text = f"{FIRST}\n\n{SECOND}"

    passages = cut(text, max_tokens=16, min_tokens=5)

    assert [(p.offset, p.text) for p in passages] == [(0, FIRST), (42, SECOND)]


def test_split_paragraph_too_large_comes_apart_between_sentences():
    passages = cut(SECOND, max_tokens=10, min_tokens=2)

    assert [p.text for p in passages] == ["A second paragraph follows.", "It has two sentences."]


def test_split_passage_still_too_small_is_filled_from_the_next_paragraph():
    text = "Tiny start.\n\nA second paragraph follows. It has two sentences."

    passages = cut(text, max_tokens=14, min_tokens=6)

    assert [p.text for p in passages] == ["Tiny start.\n\nA second paragraph follows.", "It has two sentences."]


def test_split_last_passage_too_small_takes_a_sentence_back():
    text = "One two three four. Five six seven eight. Nine ten eleven twelve. The end."

    passages = cut(text, max_tokens=18, min_tokens=7)

    assert [p.text for p in passages] == [
        "One two three four. Five six seven eight.",
        "Nine ten eleven twelve. The end.",
    ]


def test_split_sentence_larger_than_a_passage_is_cut_between_words():
    sentence = " ".join(["word"] * 50) + "."

    passages = cut(sentence, max_tokens=20, min_tokens=2)

    assert [p.text for p in passages] == [" ".join(["word"] * 20), " ".join(["word"] * 20), "word " * 9 + "word."]


def test_split_word_larger_than_a_passage_is_cut_between_characters():
    passages = cut("x1" * 100, max_tokens=20, min_tokens=2)

    assert "".join(p.text for p in passages) == "x1" * 100
    assert max(p.tokens for p in passages) <= 20


def test_split_empty_text_has_no_passages():
    assert cut("", 20, 2) == []


_TEXTS = st.lists(
    st.sampled_from(
        ["Alpha beta.", "os.path is", "3.11", "x" * 90, "e.g.", "Why?", "\n", "\n\n", "  ", "-" * 30, "日本。"]
    )
    | st.text(max_size=20),
    max_size=60,
).map(lambda parts: normalise(" ".join(parts)))


@settings(max_examples=150, deadline=None)
@given(_TEXTS, st.integers(16, 60), st.integers(0, 15))
def test_split_any_text_keeps_every_character_in_place_and_every_bound(text, max_tokens, min_tokens):
    passages = cut(text, max_tokens, min_tokens)

    assert all(text[p.offset : p.offset + len(p.text)] == p.text for p in passages)
    assert all(p.tokens <= max_tokens for p in passages)
    between = [text[a.offset + len(a.text) : b.offset] for a, b in pairwise(passages)]
    assert not "".join(between).strip()
    assert "".join("".join(p.text for p in passages).split()) == "".join(text.split())


@settings(max_examples=100, deadline=None)
@given(_TEXTS)
def test_split_border_inside_a_sentence_only_where_one_is_too_large(text):
    inside = [
        sentence for p in cut(text, 40, 10) for sentence in sentence_spans(text) if sentence[0] < p.offset < sentence[1]
    ]

    assert all(estimate_tokens(text[start:end]) > 40 for start, end in inside)


def test_prose_share_prose_is_one_and_code_nothing():
    code = 'def f(x):\n    y = g(x, 1)\n    return y["key"]\n>>> f(3)\nsuite ::= stmt_list NEWLINE | NEWLINE INDENT'

    assert prose_share("The loop ends when the iterator is exhausted (see below).") == 1.0
    assert prose_share(code) == 0.0
    assert prose_share("| a | b |\n|---|---|\n| 1 | 2 |") == 0.0
    assert prose_share("") == 0.0


def test_prose_share_of_scripts_without_blanks_counts_letters():
    assert prose_share("今日はとても良い天気ですね。散歩に行きましょう。") == 1.0


def test_prose_share_mixed_text_is_the_share_of_characters():
    assert prose_share("This line is prose.\nx=[1,2,3];y=f(x)") == 0.5


def test_split_by_sentences_passes_over_paragraphs():
    assert [p.text for p in cut(f"{FIRST}\n\n{SECOND}", 18, 2, by=PassageBorder.SENTENCES)] == [
        "The loop ends here. It never comes back.\n\nA second paragraph follows.",
        "It has two sentences.",
    ]


def test_split_by_tokens_passes_over_sentences():
    found = [p.text for p in cut(f"{FIRST} {SECOND}", 8, 2, by=PassageBorder.TOKENS)]

    assert " ".join(found) == f"{FIRST} {SECOND}"
    assert found[0] == "The loop ends here. It never comes"


def test_split_with_overlap_begins_with_the_last_sentence_of_the_one_before():
    text = "One is here. Two is here. Three is here. Four is here."

    assert [p.text for p in cut(text, 10, 2, overlap_tokens=5, by=PassageBorder.SENTENCES)] == [
        "One is here.",
        "One is here. Two is here.",
        "Two is here. Three is here.",
        "Three is here. Four is here.",
    ]
