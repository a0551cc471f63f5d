import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard

from gristmill.errors import InputError, ProblemsError
from gristmill.frame.parquet import read_rows
from gristmill.frame.progress import read_progress
from gristmill.frame.stage import read_books
from gristmill.identity import text_hash
from gristmill.layout import Layout, Stage
from gristmill.params.ingest import IngestParams
from gristmill.params.load import load_section
from gristmill.params.publish import StoreParams
from gristmill.seeds import python_docs
from gristmill.seeds.sources import lock_sources, write_lock
from gristmill.stages import ingest
from gristmill.store import embedded
from gristmill.store.client import Store, connect
from gristmill.text import estimate_tokens

SHARED = "This text stands in two sources, word for word, and becomes one seed."
STORE_PARAMS = {"endpoint": "embedded", "url": "s3://gristmill-test/ingest"}


def sentence(topic: str) -> str:
    return f"The document about {topic} says something that is long enough to be kept."


def no_store() -> Any:
    raise AssertionError("no source lies in a store")


def workspace(root: Path, sources: list[dict[str, Any]], **passages: Any) -> Layout:
    root.mkdir(exist_ok=True)
    section = {"sources": sources, "passages": {"max_tokens": 60, "min_tokens": 10, **passages}}
    (root / "params.yaml").write_text(yaml.safe_dump({"ingest": section, "store": STORE_PARAMS}))
    return Layout(root)


def sync(layout: Layout, store: Callable[[], Any] = no_store) -> None:
    write_lock(layout.sources_lock, lock_sources(load_section(IngestParams, layout.params, "ingest"), layout, store))


def out_of(layout: Layout) -> list[dict[str, Any]]:
    return list(read_rows(layout.data(Stage.INGEST)))


def rejected(layout: Layout) -> list[tuple[str, str, str, str]]:
    rows = read_rows(layout.data(Stage.INGEST) / "rejected")
    return [(row["unit"], row["outcome"], row["reason"], row["where"]) for row in rows]


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def five_formats(root: Path) -> Layout:
    """Sources in all five formats, plain and compressed, with something wrong in most of them."""
    docs = root / "docs"
    docs.mkdir(parents=True)
    lines = [
        json.dumps({"text": sentence("json"), "id": "j1", "title": "On JSON"}).encode(),
        b'{"text": "broken',
        b'{"text": null, "id": "j3"}',
        b'{"text": ["no", "string"], "id": "j4"}',
        json.dumps({"text": SHARED, "id": "j5"}).encode(),
    ]
    (docs / "a.jsonl").write_bytes(b"\n".join(lines))
    (docs / "b.jsonl.gz").write_bytes(
        gzip.compress(json.dumps({"text": sentence("gzip"), "id": "g1"}).encode(), mtime=0)
    )
    (docs / "c.jsonl.zst").write_bytes(zstandard.compress(b'{"text": "Short.", "id": "z1"}'))
    (root / "table.csv").write_text(f'text\n{sentence("csv")}\n"{SHARED}"\n')
    pq.write_table(pa.table({"text": [sentence("parquet"), None]}), root / "table.parquet")
    (root / "bad.parquet").write_bytes(b"PAR1 is not enough")
    (root / "note.txt").write_text("    x = f(1)\n    y = g(x, 2)\n    return {x: y, z: [1, 2, 3]}\n")
    (root / "latin.txt").write_bytes(b"first line\nsecond l\xefne\n")
    (root / "guide.md").write_text(f"---\ndraft: true\n---\n# The guide\n\n{sentence('markdown')}\n")
    sources = [
        {"name": "rows", "path": "docs/**/*", "id_column": "id", "title_column": "title", "licence": "MIT"},
        {"name": "tables", "path": "*.csv", "licence": "CC0-1.0"},
        {"name": "columns", "path": "*.parquet"},
        {"name": "texts", "path": "*.txt"},
        {"name": "guide", "path": "guide.md"},
    ]
    layout = workspace(root, sources)
    sync(layout)
    return layout


def test_ingest_five_formats_good_rows_become_seeds_in_order_of_appearance(tmp_path):
    layout = five_formats(tmp_path / "w")

    ingest.run(layout)

    seeds = out_of(layout)
    assert [seed["text"] for seed in seeds] == [
        sentence("json"),
        SHARED,
        sentence("gzip"),
        sentence("csv"),
        sentence("parquet"),
        f"# The guide\n\n{sentence('markdown')}",
    ]
    assert [seed["title"] for seed in seeds] == ["On JSON", None, None, None, None, "The guide"]
    assert all(seed["seed_id"] == text_hash(seed["text"]) for seed in seeds)
    assert all(seed["tokens"] == estimate_tokens(seed["text"]) and seed["depth"] == 0 for seed in seeds)


def test_ingest_text_in_two_sources_is_one_seed_with_both_licences(tmp_path):
    layout = five_formats(tmp_path / "w")

    ingest.run(layout)

    [shared] = [seed for seed in out_of(layout) if seed["text"] == SHARED]
    assert shared["origins"] == [
        {"source": "rows", "document_id": "rows#j5", "address": "docs/a.jsonl#5", "offset": 0, "licence": "MIT"},
        {
            "source": "tables",
            "document_id": f"tables#{text_hash(chr(0) + chr(0) + SHARED)}",
            "address": "table.csv#3",
            "offset": 0,
            "licence": "CC0-1.0",
        },
    ]


def test_ingest_five_formats_books_and_rejects_name_everything_that_was_refused(tmp_path):
    layout = five_formats(tmp_path / "w")

    ingest.run(layout)

    assert read_books(layout, Stage.INGEST) == {
        "stage": "ingest",
        "books": [
            {
                "unit": "documents",
                "in": 15,
                "out": 9,
                "rejected": {"broken_json": 1, "not_utf8": 1, "null_text": 2, "text_not_string": 1},
                "failed": {"unreadable_file": 1},
            },
            {
                "unit": "passages",
                "in": 9,
                "out": 6,
                "rejected": {"duplicate": 1, "not_prose": 1, "too_short": 1},
                "failed": {},
            },
        ],
        "used": {
            "private": {},
            "sources": [
                {"name": "rows", "files": 3, "documents": 4, "passages": 4, "seeds": 3},
                {"name": "tables", "files": 1, "documents": 2, "passages": 2, "seeds": 1},
                {"name": "columns", "files": 2, "documents": 1, "passages": 1, "seeds": 1},
                {"name": "texts", "files": 2, "documents": 1, "passages": 1, "seeds": 0},
                {"name": "guide", "files": 1, "documents": 1, "passages": 1, "seeds": 1},
            ],
        },
    }
    assert rejected(layout) == [
        ("documents", "rejected", "broken_json", "docs/a.jsonl:2"),
        ("documents", "rejected", "null_text", "docs/a.jsonl:3"),
        ("documents", "rejected", "text_not_string", "docs/a.jsonl:4"),
        ("passages", "rejected", "too_short", "docs/c.jsonl.zst#1 at character 0"),
        ("passages", "rejected", "duplicate", "table.csv#3 at character 0"),
        ("documents", "failed", "unreadable_file", "bad.parquet"),
        ("documents", "rejected", "null_text", "table.parquet:2"),
        ("documents", "rejected", "not_utf8", "latin.txt:2"),
        ("passages", "rejected", "not_prose", "note.txt at character 4"),
    ]


def test_ingest_seed_carries_what_the_other_columns_say(tmp_path):
    source = {"name": "s", "path": "a.jsonl", "licence": "MIT", "licence_column": "by", "stratum_column": "topic"}
    layout = workspace(tmp_path / "w", [{**source, "language": "en", "fields": {"answer": "gold"}}])
    rows = [
        {"text": sentence("own"), "by": "CC0-1.0", "topic": "law", "gold": "yes"},
        {"text": sentence("none"), "gold": None},
    ]
    (layout.root / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sync(layout)

    ingest.run(layout)

    assert [(s["language"], s["stratum"], s["fields"], s["origins"][0]["licence"]) for s in out_of(layout)] == [
        ("en", "law", '{"answer":"yes"}', "CC0-1.0"),
        ("en", None, '{"answer":null}', "MIT"),
    ]


def test_ingest_duplicate_reject_names_the_seed_that_it_repeats(tmp_path):
    layout = five_formats(tmp_path / "w")

    ingest.run(layout)

    [row] = [r for r in read_rows(layout.data(Stage.INGEST) / "rejected") if r["reason"] == "duplicate"]
    assert row["value"] == row["id"] == text_hash(SHARED)


def test_ingest_twice_gives_the_same_bytes(tmp_path):
    first, second = five_formats(tmp_path / "one"), five_formats(tmp_path / "two")

    ingest.run(first)
    ingest.run(second)
    once = files_of(first.data(Stage.INGEST))
    ingest.run(first)

    assert once == files_of(second.data(Stage.INGEST)) == files_of(first.data(Stage.INGEST))
    assert set(once) == {
        "_stage.json",
        "part-00000-of-00001.parquet",
        "rejected/part-00000-of-00001.parquet",
    }


def test_ingest_unchanged_files_are_not_read_again_and_give_the_same_bytes(tmp_path, monkeypatch):
    layout, fresh = five_formats(tmp_path / "w"), five_formats(tmp_path / "fresh")
    ingest.run(layout)
    (layout.root / "guide.md").write_text(f"# Another guide\n\n{sentence('change')}\n")
    (fresh.root / "guide.md").write_text(f"# Another guide\n\n{sentence('change')}\n")
    sync(layout)
    sync(fresh)
    opened: list[str] = []
    really = ingest.read_documents
    monkeypatch.setattr(ingest, "read_documents", lambda file, how: opened.append(how.address) or really(file, how))

    ingest.run(layout)
    after_change = list(opened)
    ingest.run(fresh)

    assert after_change == ["guide.md"]
    assert files_of(layout.data(Stage.INGEST)) == files_of(fresh.data(Stage.INGEST))


def test_ingest_kept_entries_are_not_used_under_other_parameters(tmp_path):
    layout = workspace(tmp_path / "w", [{"name": "s", "path": "a.txt"}])
    (layout.root / "a.txt").write_text(sentence("one"))
    sync(layout)
    ingest.run(layout)

    workspace(layout.root, [{"name": "s", "path": "a.txt", "licence": "MIT"}], min_prose_share=0)
    ingest.run(layout)

    assert out_of(layout)[0]["origins"][0]["licence"] == "MIT"


def sampled(root: Path, sources: list[dict[str, Any]], **sample: Any) -> tuple[set[str], Layout]:
    layout = workspace(root, sources)
    content = yaml.safe_load(layout.params.read_text())
    content["ingest"]["sample"] = sample
    layout.params.write_text(yaml.safe_dump(content))
    for name, grade in (("a", "high"), ("b", "low")):
        rows = [{"text": sentence(f"{name}{i}"), "grade": grade} for i in range(200)]
        (root / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sync(layout)
    ingest.run(layout)
    return {seed["text"] for seed in out_of(layout)}, layout


A, B = ({"name": name, "path": f"{name}.jsonl", "stratum_column": "grade"} for name in "ab")


def test_ingest_sample_is_the_same_whatever_the_order_and_its_rest_is_booked(tmp_path):
    one, layout = sampled(tmp_path / "one", [A, B], seeds=50)
    two, _ = sampled(tmp_path / "two", [B, A], seeds=50)
    other, _ = sampled(tmp_path / "other", [A, B], seeds=50, draw=1)

    assert one == two != other
    assert len(one) == 50
    ledger = read_books(layout, Stage.INGEST)["books"][-1]
    assert ledger == {"unit": "seeds", "in": 400, "out": 50, "rejected": {"not_sampled": 350}, "failed": {}}


def test_ingest_sample_takes_strata_by_their_shares_and_fills_what_one_lacks(tmp_path):
    by_share, _ = sampled(tmp_path / "share", [A, B], seeds=100, strata={"high": 3, "low": 1})
    all_high, _ = sampled(tmp_path / "all", [A, B], seeds=300, strata={"high": 9, "low": 1, "none": 5})

    assert sum("about a" in text for text in by_share) == 75
    assert (len(all_high), sum("about a" in text for text in all_high)) == (300, 200)


def test_ingest_sample_prefers_the_source_of_more_weight(tmp_path):
    texts, _ = sampled(tmp_path / "w", [{**A, "weight": 9}, B], seeds=100)

    assert 80 <= sum("about a" in text for text in texts) <= 98


def test_ingest_leaves_nothing_of_its_own_in_the_private_state(tmp_path):
    layout = five_formats(tmp_path / "w")

    ingest.run(layout)

    assert list((layout.state / "tmp").iterdir()) == []


def test_ingest_python_docs_gives_seeds_of_prose_within_their_bounds(tmp_path):
    layout = workspace(
        tmp_path / "w", [{"name": "docs", "kind": "python-docs", "licence": "PSF-2.0"}], max_tokens=200, min_tokens=40
    )
    sync(layout)

    ingest.run(layout)

    seeds = out_of(layout)
    assert len(seeds) > 400
    assert all(40 <= seed["tokens"] <= 200 for seed in seeds)
    documents = {document.id: document for document in python_docs.documents()}
    for seed in seeds:
        for origin in seed["origins"]:
            text = documents[origin["document_id"]].text
            assert text[origin["offset"] : origin["offset"] + len(seed["text"])] == seed["text"]
    assert any(len(seed["origins"]) > 1 for seed in seeds)
    titles = {seed["title"] for seed in seeds}
    assert "String Methods" in titles
    assert 'Compound statements: The "if" statement' in titles
    used = read_books(layout, Stage.INGEST)["used"]
    assert used["python_docs_sha256"] == python_docs.fingerprint()
    progress = read_progress(layout.progress(Stage.INGEST))
    assert progress is not None
    assert (progress.unit, progress.done, progress.total) == ("documents", len(documents), len(documents))


def test_ingest_file_changed_since_sync_is_refused_and_the_old_out_stays(tmp_path):
    layout = five_formats(tmp_path / "w")
    ingest.run(layout)
    before = files_of(layout.data(Stage.INGEST))
    (layout.root / "guide.md").write_text("# Another text of another length")
    (layout.root / "note.txt").write_text("    x = f(2)\n    y = g(x, 2)\n    return {x: y, z: [1, 2, 3]}\n")
    (layout.root / "table.csv").unlink()

    with pytest.raises(ProblemsError) as error:
        ingest.run(layout)

    assert [(p.where, p.found.split(",")[0]) for p in error.value.problems] == [
        ("source 'tables': table.csv", "there is no such file"),
        ("source 'texts': note.txt", "61 bytes"),
        ("source 'guide': guide.md", "32 bytes"),
    ]
    assert all("gristmill sync" in problem.do for problem in error.value.problems)
    assert files_of(layout.data(Stage.INGEST)) == before


def test_ingest_pin_of_another_pythons_topics_is_refused(tmp_path):
    layout = workspace(tmp_path / "w", [{"name": "docs", "kind": "python-docs"}])
    sync(layout)
    layout.sources_lock.write_text(layout.sources_lock.read_text().replace(python_docs.fingerprint(), "0" * 64))

    with pytest.raises(ProblemsError, match="this Python's topics have the sha256"):
        ingest.run(layout)


def test_ingest_lock_edited_to_lead_out_of_the_workspace_is_refused(tmp_path):
    layout = five_formats(tmp_path / "w")
    (tmp_path / "secret.md").write_text("secret")
    layout.sources_lock.write_text(
        layout.sources_lock.read_text().replace('"guide.md",\n     "sha', '"../secret.md",\n     "sha')
    )

    with pytest.raises(InputError, match="leads out of the workspace"):
        ingest.run(layout)


def test_ingest_lock_of_other_sources_than_params_asks_for_sync(tmp_path):
    layout = five_formats(tmp_path / "w")
    workspace(layout.root, [{"name": "guide", "path": "other.md"}])

    with pytest.raises(InputError) as error:
        ingest.run(layout)

    assert error.value.problem.expected == "the sources of params.yaml: guide (other.md)"
    assert error.value.problem.do == "run `gristmill sync`"


def test_ingest_without_a_lock_asks_for_sync(tmp_path):
    with pytest.raises(InputError, match="gristmill sync"):
        ingest.run(workspace(tmp_path / "w", [{"name": "docs", "kind": "python-docs"}]))


def test_ingest_no_seed_left_is_an_error_that_says_why(tmp_path):
    layout = workspace(tmp_path / "w", [{"name": "s", "path": "a.jsonl"}])
    (layout.root / "a.jsonl").write_text('{"text": "Short."}\n{"text": null}\n')
    sync(layout)

    with pytest.raises(InputError) as error:
        ingest.run(layout)

    assert error.value.problem.found == (
        "no seed is left: 1 passages too_short, 1 documents null_text"
        " (first: a.jsonl#1 at character 0 too_short 2 tokens; a.jsonl:2 null_text)"
    )
    assert not layout.data(Stage.INGEST).exists()


def test_ingest_prose_share_of_zero_keeps_code(tmp_path):
    layout = workspace(tmp_path / "w", [{"name": "s", "path": "a.txt"}], min_prose_share=0)
    (layout.root / "a.txt").write_text("x = f(1)\ny = g(x, 2)\nreturn {x: y, z: [1, 2, 3]}")
    sync(layout)

    ingest.run(layout)

    assert len(out_of(layout)) == 1


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A real S3 server of this module's own."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GRISTMILL_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        yield connect(StoreParams.model_validate(STORE_PARAMS))
        embedded.stop()


def test_ingest_s3_objects_are_pinned_read_and_refused_when_they_change(tmp_path, store):
    store.put_bytes("in/a.jsonl.gz", gzip.compress(json.dumps({"text": sentence("s3")}).encode()))
    store.put_bytes("in/deep/b.md", sentence("markdown").encode())
    store.put_bytes("in/picture.png", b"png")
    store.put_bytes("inner/c.md", sentence("elsewhere").encode())
    table = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": [sentence("parquet")]}), table)
    store.put_file(table, "in/t.parquet", "0" * 64)
    base = "s3://gristmill-test/ingest"
    layout = workspace(
        tmp_path / "w", [{"name": "prefix", "path": f"{base}/in"}, {"name": "one", "path": f"{base}/inner/c.md"}]
    )

    sync(layout, lambda: store)
    ingest.run(layout)

    assert [(seed["text"], seed["origins"][0]["address"]) for seed in out_of(layout)] == [
        (sentence("s3"), f"{base}/in/a.jsonl.gz#1"),
        (sentence("markdown"), f"{base}/in/deep/b.md"),
        (sentence("parquet"), f"{base}/in/t.parquet#1"),
        (sentence("elsewhere"), f"{base}/inner/c.md"),
    ]

    store.put_bytes("in/deep/b.md", sentence("something new").encode())
    with pytest.raises(ProblemsError) as error:
        ingest.run(layout)
    assert [problem.where for problem in error.value.problems] == [f"source 'prefix': {base}/in/deep/b.md"]


def test_lock_s3_prefix_that_holds_nothing_is_a_problem_that_names_it(tmp_path, store):
    layout = workspace(tmp_path / "w", [{"name": "s", "path": "s3://gristmill-test/nothing/"}])

    with pytest.raises(ProblemsError) as error:
        sync(layout, lambda: store)

    [problem] = error.value.problems
    assert problem.where == "source 's'"
    assert "'s3://gristmill-test/nothing/' matches no file" in problem.found
