import http.server
import json
import threading

import numpy as np
import pyarrow as pa
import pytest

from gristmill.dedup.embedders import embedder
from gristmill.dedup.semantic import SemanticDuplicates
from gristmill.embed import unit
from gristmill.errors import GristmillError, InputError


def resolved(folder, vectors, *, scores=None, ids=None, threshold=0.9, batch=1000, cluster_rows=4096):
    count = len(vectors)
    ids, scores = ids or [f"{n:05d}" for n in range(count)], np.array(scores or [0.0] * count)
    rows = SemanticDuplicates(folder, threshold, cluster_rows)
    for first in range(0, count, batch):
        part = slice(first, first + batch)
        rows.add(vectors[part], pa.array(ids[part]), scores[part])
    return rows.resolve()


def directions(count, width=32, seed=1):
    """Vectors of length 1 in random directions: no two of them alike."""
    vectors = np.random.default_rng(seed).normal(size=(count, width))
    return unit(vectors, [""] * count)


def beside(vectors, distance=0.05, seed=2):
    """Vectors close to these."""
    noise = np.random.default_rng(seed).normal(size=vectors.shape) * distance / np.sqrt(vectors.shape[1])
    return unit(vectors + noise, [""] * len(vectors))


def test_of_two_that_say_the_same_the_better_stays(tmp_path):
    one = directions(3)
    vectors = np.concatenate([one, beside(one[:1])])

    found = resolved(tmp_path, vectors, scores=[1.0, 1.0, 1.0, 2.0])

    assert found.kept.tolist() == [False, True, True, True]
    assert found.nearest.tolist() == [3, 1, 2, 3]


def test_a_row_near_a_refused_one_only_stays(tmp_path):
    angles = np.array([0.0, 0.4, 0.8])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    assert resolved(tmp_path, vectors).kept.tolist() == [True, False, True]


def test_every_copy_is_refused_across_blocks_and_batches(tmp_path):
    one = directions(700)
    vectors = np.concatenate([one, beside(one)])

    found = resolved(tmp_path, vectors, batch=33)

    assert found.kept.tolist() == [True] * 700 + [False] * 700
    assert found.nearest[700:].tolist() == list(range(700))


def test_clusters_hold_what_is_alike_together(tmp_path):
    one = directions(600)
    vectors = np.concatenate([one, beside(one)])

    found = resolved(tmp_path, vectors, cluster_rows=100)

    assert found.kept[:600].all()
    assert found.kept[600:].mean() < 0.05


def test_no_rows_resolve_to_none(tmp_path):
    assert resolved(tmp_path, directions(0)).kept.tolist() == []


def test_wordllama_finds_the_same_in_other_words():
    vectors = embedder("wordllama", None)(
        ["The cat sat on the mat.", "A cat was sitting on a mat.", "Interest rates rose sharply in May."]
    )

    assert vectors[0] @ vectors[1] > 0.7 > 0.3 > vectors[0] @ vectors[2]


def test_a_model_that_needs_a_missing_library_is_said_before_anything_else():
    with pytest.raises(InputError, match="sentence-transformers"):
        embedder("some/model", None)


@pytest.fixture
def endpoint():
    """An endpoint that gives each text a vector by its length, and keeps what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, self.headers["Authorization"], body["model"], len(body["input"])))
            data = [{"index": n, "embedding": [1.0, float(len(text))]} for n, text in enumerate(body["input"])]
            reply = json.dumps({"data": data[::-1] if body["model"] != "short" else data[1:]}).encode()
            self.send_response(404 if body["model"] == "missing" else 200)
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_endpoint_gives_the_vectors_in_the_order_of_the_texts(endpoint, monkeypatch):
    address, asked = endpoint
    monkeypatch.setenv("GRISTMILL_API_KEY", "k")

    vectors = embedder("m", address)(["a" * n for n in range(300)])

    assert [round(float(y / x)) for x, y in vectors] == list(range(300))
    assert asked == [("/v1/embeddings", "Bearer k", "m", 256), ("/v1/embeddings", "Bearer k", "m", 44)]


@pytest.mark.parametrize("model", ["missing", "short"])
def test_an_endpoint_that_fails_is_an_error(endpoint, model):
    with pytest.raises(GristmillError, match="no embeddings"):
        embedder(model, endpoint[0])(["one", "two"])
