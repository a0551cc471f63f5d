"""Words as the published filters count them, one chunk at a time and many at once."""

from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.filters.cut import Chunks, cut
from gristmill.filters.words import split_chunk
from gristmill.stretches import Stretches, hash_values


@pytest.mark.parametrize(
    ("chunk", "words"),
    [
        ("word", "word"),
        ('("word,")', '( " word , " )'),
        ("don't", "do n't"),
        ("Cannot.", "Can not ."),
        ("it's", "it 's"),
        ("dog's", "dog 's"),
        ("e.g.", "e.g."),
        ("(e.g.,", "( e.g. ,"),
        ("U.S.", "U.S."),
        ("end.", "end ."),
        ("3.14", "3.14"),
        ("10km", "10 km"),
        ("50%", "50 %"),
        ("well-known", "well - known"),
        ("end.Next", "end . Next"),
        ("os.path", "os.path"),
        ("key:value", "key : value"),
        ("wait...", "wait ..."),
        (":-)", ":-)"),
        ("main():", "main ( ):"),
        ("https://example.org/a-b,c", "https://example.org/a-b,c"),
        ("日本語。", "日本語 。"),
    ],
)
def test_split_chunk_gives_the_words(chunk, words):
    assert split_chunk(chunk) == words.split()


def cut_all(chunks):
    """The words of all chunks, cut from their bytes at once."""
    encoded = [chunk.encode() for chunk in chunks]
    end = np.cumsum([len(chunk) + 1 for chunk in encoded]) - 1
    start = end - np.array([len(chunk) for chunk in encoded])
    gathered = Chunks.gather(np.frombuffer(b" ".join(encoded), dtype=np.uint8), start, end)
    begins = cut(gathered, Stretches(hash_values(gathered.data)))
    borders = np.searchsorted(begins, gathered.start).tolist()
    places = [begins[a:b].tolist() for a, b in zip(borders, [*borders[1:], len(begins)], strict=True)]
    ends = gathered.end.tolist()
    return [
        [gathered.data[a:b].tobytes().decode() for a, b in zip(inner, [*inner[1:], last], strict=True)]
        for inner, last in zip(places, ends, strict=True)
    ]


def test_cut_agrees_with_split_chunk_on_real_chunks():
    chunks = sorted({chunk for text in topics.values() for chunk in text.split()})

    assert cut_all(chunks) == [split_chunk(chunk) for chunk in chunks]


PIECES = st.sampled_from([*"aZ9.,:;!?()[]{}<>_#*&\"'`$%=+-~/\\|^@é。\u2019…", "km", "the", "not", "e.g", "Inc", "can"])


@settings(max_examples=500, deadline=None)
@given(st.lists(st.lists(PIECES, min_size=1, max_size=8).map("".join), min_size=1, max_size=20))
@example(["5", "C++", "<333", "D-foo:", "a=D", "==)", "%.", "(^_^),", "--x", "x--y", "10MB,"])
@example(["a.,a", "x.,.b", "etc.,"])
def test_cut_agrees_with_split_chunk_on_odd_chunks(chunks):
    assert cut_all(chunks) == [split_chunk(chunk) for chunk in chunks]


@given(st.text(min_size=1).map(lambda text: "".join(text.split())).filter(bool))
def test_split_chunk_loses_nothing(chunk):
    assert "".join(split_chunk(chunk)) == chunk
