import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gristmill.errors import InputError, ProblemsError
from gristmill.layout import Layout
from gristmill.params.ingest import IngestParams
from gristmill.seeds import python_docs
from gristmill.seeds.sources import lock_sources, read_lock, write_lock


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def no_store() -> Any:
    raise AssertionError("no source lies in a store")


def lock(root: Path, *sources: dict[str, Any]) -> dict[str, Any]:
    return lock_sources(IngestParams.model_validate({"sources": sources}), Layout(root), no_store)


def addresses(root: Path, path: str, **fields: Any) -> list[str]:
    [source] = lock(root, {"name": "s", "path": path, **fields})["sources"]
    return [file["address"] for file in source["files"]]


def found(error: pytest.ExceptionInfo[ProblemsError]) -> list[tuple[str, str]]:
    return [(problem.where, problem.found) for problem in error.value.problems]


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(os.fsencode(name))


def test_lock_single_file_is_pinned_by_size_and_hash(root):
    make(root, "docs/a.md")

    assert lock(root, {"name": "s", "path": "docs/a.md"}) == {
        "version": 1,
        "sources": [
            {
                "name": "s",
                "kind": "files",
                "path": "docs/a.md",
                "files": [
                    {"address": "docs/a.md", "size": 9, "sha256": hashlib.sha256(b"docs/a.md").hexdigest()},
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("docs/*.md", ["docs/a.md", "docs/b.md"]),
        ("docs/**/*.md", ["docs/a.md", "docs/b.md", "docs/deep/er/c.md"]),
        ("**/c.md", ["docs/deep/er/c.md"]),
        ("docs/deep/**", ["docs/deep/d.txt.gz", "docs/deep/er/c.md"]),
        ("docs/[ab].md", ["docs/a.md", "docs/b.md"]),
        ("./docs/?.md", ["docs/a.md", "docs/b.md"]),
        ("docs", ["docs/a.md", "docs/b.md", "docs/deep/d.txt.gz", "docs/deep/er/c.md"]),
        ("docs/", ["docs/a.md", "docs/b.md", "docs/deep/d.txt.gz", "docs/deep/er/c.md"]),
        ("odd/[x].md", ["odd/[x].md"]),
    ],
)
def test_lock_globs_and_folders_give_files_by_address(root, path, expected):
    make(root, "docs/b.md", "docs/a.md", "docs/deep/er/c.md", "docs/deep/d.txt.gz", "docs/.hidden/e.md", "odd/[x].md")
    (root / "docs" / "picture.png").write_bytes(b"png")

    assert addresses(root, path) == expected


def test_lock_named_file_is_taken_whatever_its_name(root):
    make(root, "docs/README", "docs/dump.bin")

    assert addresses(root, "docs/*") == ["docs/README", "docs/dump.bin"]


def test_lock_absolute_path_outside_the_workspace_is_allowed(root, tmp_path):
    make(tmp_path, "elsewhere/a.md")

    assert addresses(root, f"{tmp_path}/elsewhere/*.md") == [f"{tmp_path}/elsewhere/a.md"]


def test_lock_python_docs_is_pinned_by_the_hash_of_its_topics(root):
    [source] = lock(root, {"name": "d", "kind": "python-docs"})["sources"]

    assert source["files"] == [
        {
            "address": "python-docs:pydoc_data.topics",
            "size": len(python_docs.canonical()),
            "sha256": hashlib.sha256(python_docs.canonical()).hexdigest(),
        }
    ]


def test_lock_all_problems_of_all_sources_are_said_at_once(root):
    make(root, "docs/a.png", "ok.md")

    with pytest.raises(ProblemsError) as error:
        lock(
            root,
            {"name": "gone", "path": "nowhere/*.md"},
            {"name": "fine", "path": "ok.md"},
            {"name": "empty", "path": "docs"},
        )

    assert found(error) == [
        ("source 'gone'", f"'nowhere/*.md' matches no file ({root}/nowhere does not exist)"),
        ("source 'empty'", f"'docs' matches no file (at {root}/docs)"),
    ]


@pytest.mark.parametrize("path", ["../secret.md", "docs/../../secret.md", "link.md", "linked/secret.md", "*.md"])
def test_lock_relative_path_out_of_the_workspace_is_refused(root, tmp_path, path):
    make(tmp_path, "secret.md")
    (root / "link.md").symlink_to(tmp_path / "secret.md")
    (root / "linked").symlink_to(tmp_path)

    with pytest.raises(ProblemsError) as error:
        lock(root, {"name": "s", "path": path})

    [(where, what)] = found(error)
    assert where == "source 's'"
    assert f"leads out of the workspace, to {tmp_path}/secret.md" in what


def test_lock_link_inside_the_workspace_is_taken_and_linked_folders_are_not_entered(root):
    make(root, "docs/a.md")
    (root / "docs" / "b.md").symlink_to(root / "docs" / "a.md")
    (root / "docs" / "loop").symlink_to(root / "docs")

    assert addresses(root, "**/*.md") == ["docs/a.md", "docs/b.md"]


def test_lock_link_to_nothing_is_a_problem(root):
    make(root, "a.md")
    (root / "b.md").symlink_to(root / "missing.md")

    with pytest.raises(ProblemsError) as error:
        lock(root, {"name": "s", "path": "*.md"})

    assert found(error) == [("source 's'", "b.md is no file, or a link to nothing")]


def test_lock_outs_of_stages_are_no_sources(root):
    make(root, "data/export/README.md")

    with pytest.raises(ProblemsError) as error:
        lock(root, {"name": "s", "path": "**/*.md"})

    assert found(error) == [("source 's'", "data/export/README.md is written by Gristmill itself")]


def test_lock_name_that_is_not_utf8_is_a_problem(root):
    make(root, os.fsdecode(b"\xff.md"))

    with pytest.raises(ProblemsError, match="is not UTF-8"):
        lock(root, {"name": "s", "path": "*.md"})


def test_write_lock_says_whether_it_changed_anything(tmp_path):
    path = tmp_path / "inputs" / "sources.lock"
    first = {"version": 1, "sources": [{"name": "ä"}]}

    assert write_lock(path, first) is True
    written = path.read_bytes()
    assert write_lock(path, dict(reversed(first.items()))) is False
    assert path.read_bytes() == written
    assert write_lock(path, {"version": 1, "sources": []}) is True
    assert read_lock(path) == {"version": 1, "sources": []}
    assert [file.name for file in path.parent.iterdir()] == ["sources.lock"]


@pytest.mark.parametrize("content", [None, "{", "[]", json.dumps({"version": 9})])
def test_read_lock_missing_or_damaged_tells_how_to_write_it(tmp_path, content):
    path = tmp_path / "sources.lock"
    if content is not None:
        path.write_text(content)

    with pytest.raises(InputError) as error:
        read_lock(path)

    assert error.value.problem.where == str(path)
    assert "gristmill sync" in error.value.problem.do


def test_lock_file_that_vanished_stays_reported_and_nothing_new_is_no_change(root):
    make(root, "docs/a.md", "docs/b.md")
    ingest = IngestParams.model_validate({"sources": [{"name": "s", "path": "docs"}]})
    first = lock_sources(ingest, Layout(root), no_store)
    (root / "docs" / "a.md").unlink()

    second = lock_sources(ingest, Layout(root), no_store, former=first)
    third = lock_sources(ingest, Layout(root), no_store, former=second)

    assert second["sources"][0]["vanished"] == ["docs/a.md"]
    assert [file["address"] for file in second["sources"][0]["files"]] == ["docs/b.md"]
    assert third == second


def test_lock_hugging_face_folder_gives_the_shards_of_its_state_alone(root):
    folder = root / "set"
    make(root, "set/data-00000-of-00001.arrow", "set/cache-12.arrow", "set/data-00001-of-00002.arrow", "other/x.arrow")
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))

    assert addresses(root, "set") == ["set/data-00000-of-00001.arrow"]
    assert addresses(root, "other") == ["other/x.arrow"]


@pytest.fixture
def site() -> Iterator[ThreadingHTTPServer]:
    """A web server with a file that has an ETag, redirects, and a page that is missing."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            moved = {"/moved": "/a.jsonl", "/away": "http://elsewhere.invalid/a.jsonl"}.get(self.path)
            known = self.headers["If-None-Match"] == '"1"'
            status = 302 if moved else 404 if self.path != "/a.jsonl" else 304 if known else 200
            served.append(status)
            self.send_response(status)
            self.send_header("Location", moved or "")
            self.send_header("ETag", '"1"')
            body = b'{"text": "from the web"}' if status == 200 else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    served: list[int] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.served = served
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def web(root: Path, site: Any, page: str, **limits: Any) -> dict[str, Any]:
    address = f"http://127.0.0.1:{site.server_address[1]}/{page}"
    content = {"sources": [{"name": "s", "path": address}], "http_hosts": ["127.0.0.1"], **limits}
    return lock_sources(IngestParams.model_validate(content), Layout(root), no_store)


def test_lock_web_file_is_kept_by_its_hash_and_fetched_once(root, site):
    first, second = web(root, site, "a.jsonl"), web(root, site, "a.jsonl")

    [file] = first["sources"][0]["files"]
    assert second == first
    assert site.served == [200, 304]
    kept = root / ".gristmill" / "sources" / "files" / file["sha256"][:2] / file["sha256"]
    assert kept.read_bytes() == b'{"text": "from the web"}'


def test_lock_web_redirect_among_the_named_hosts_is_followed(root, site):
    assert web(root, site, "moved")["sources"][0]["files"][0]["size"] == 24


@pytest.mark.parametrize(
    ("page", "said"), [("away", "elsewhere.invalid, which ingest.http_hosts does not name"), ("gone", "answers 404")]
)
def test_lock_web_file_that_cannot_be_had_is_a_problem(root, site, page, said):
    with pytest.raises(ProblemsError, match=said):
        web(root, site, page)


def test_params_web_host_that_is_not_named_is_refused():
    with pytest.raises(ValueError, match=r"host example\.org of source 's' is not among `http_hosts`"):
        IngestParams.model_validate({"sources": [{"name": "s", "path": "https://example.org/a"}]})
