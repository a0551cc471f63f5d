import json
import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.frame.parquet import read_rows


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gristmill", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


TEXT = "The mill stood by the river for two hundred years, and every farmer of the valley brought his grain to it."


def test_ingest_any_folder_gives_seeds_and_refusals_without_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text(json.dumps({"body": TEXT, "gold": 7}) + "\nbroken\n")
    columns = ["--set", "source.text_column=body", "--set", "source.fields.answer=gold"]
    settings = [*columns, "--set", "passages.min_tokens=5"]

    done = run(tmp_path, "ingest", "in", "out", *settings, "--json")

    assert done.returncode == 0, done.stderr
    [seed] = read_rows(tmp_path / "out" / "kept")
    assert (seed["text"], seed["fields"]) == (TEXT, '{"answer":7}')
    [refused] = read_rows(tmp_path / "out" / "rejected")
    assert (refused["reason"], refused["where"]) == ("broken_json", f"{tmp_path}/in/a.jsonl:2")
    assert json.loads(done.stdout)["books"] == json.loads((tmp_path / "out" / "summary.json").read_text())["books"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.txt", "out"], "matches no file"),
        (["a.txt", "full"], "there is something already"),
        (["a.txt", "out", "--set", "passages.max=3"], "unknown parameter"),
        (["https://elsewhere.example/a.txt", "out"], "not among `http_hosts`"),
    ],
)
def test_ingest_what_is_wrong_is_said_and_nothing_is_left(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()

    done = run(tmp_path, "ingest", *arguments)

    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "full"]
