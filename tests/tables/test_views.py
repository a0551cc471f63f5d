"""Views for trainers: what each row becomes, that nothing is lost on the way there, and that TRL takes it."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.errors import GristmillError, InputError
from gristmill.tables.view_files import SplitFile, exported_files, write_view
from gristmill.tables.views import SCHEMAS, View, records

EMPTY = dict.fromkeys(("chosen", "rejected", "conversation", "tools", "reference", "verifier"))
SFT = {**EMPTY, "sample_id": "s", "type": "sft", "prompt": "What is 2+2?", "response": "It is 4."}
GRADED = {**SFT, "reference": "4", "verifier": "number"}
PAIR = {**SFT, "sample_id": "p", "type": "preference", "chosen": "It is 4.", "rejected": "It is 5."}
PLAIN = {**SFT, "sample_id": "t", "type": "text", "prompt": "", "response": "Once upon a time."}
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi."},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "Bye."},
    {"role": "assistant", "content": "Bye!"},
]
CHAT = {
    **SFT,
    "sample_id": "c",
    "type": "chat",
    "prompt": "Bye.",
    "response": "Bye!",
    "conversation": json.dumps(TURNS),
}
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Rome"}}}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
CALLING = {
    **SFT,
    "sample_id": "k",
    "type": "tool_call",
    "conversation": json.dumps(
        [
            {"role": "user", "content": "Rome?"},
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "tool", "name": "weather", "content": "sunny"},
            {"role": "assistant", "content": "Sunny."},
        ]
    ),
    "tools": json.dumps(TOOLS),
}
ROWS = [SFT, GRADED, PAIR, PLAIN, CHAT, CALLING]


@pytest.fixture
def files(tmp_path: Path) -> list[SplitFile]:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    return [SplitFile("train", tmp_path / "a.parquet")]


def _read(folder: Path):
    (path,) = folder.glob("train/*.parquet")
    return pq.read_table(path)


@pytest.mark.parametrize(
    ("view", "count", "left_out"),
    [
        ("alpaca", 3, 3),
        ("sharegpt", 5, 1),
        ("messages", 5, 1),
        ("dpo", 1, 5),
        ("kto", 2, 5),
        ("grpo", 1, 5),
        ("text", 1, 5),
    ],
)
def test_view_has_its_own_schema_and_counts_what_has_no_place_in_it(tmp_path, files, view, count, left_out) -> None:
    written = write_view(files, View(view), tmp_path / "out")
    table = _read(tmp_path / "out")
    assert (written.rows, written.left_out, written.records) == (6, left_out, {"train": count})
    assert table.schema.equals(SCHEMAS[View(view)])


def test_alpaca_gives_back_prompt_and_response() -> None:
    (record,) = records(SFT, View.ALPACA)
    assert (record["instruction"], record["input"], record["output"]) == (SFT["prompt"], "", SFT["response"])


def test_sharegpt_gives_back_every_turn() -> None:
    (record,) = records(CHAT, View.SHAREGPT)
    roles = {"human": "user", "gpt": "assistant", "system": "system"}
    back = [{"role": roles[turn["from"]], "content": turn["value"]} for turn in record["conversations"]]
    assert back == TURNS


def test_messages_give_back_every_turn_and_every_call(tmp_path, files) -> None:
    write_view(files, View.MESSAGES, tmp_path / "out")
    rows = {row["sample_id"]: row for row in _read(tmp_path / "out").to_pylist()}
    assert [{"role": turn["role"], "content": turn["content"]} for turn in rows["c"]["messages"]] == TURNS
    calling = rows["k"]["messages"][1]["tool_calls"][0]["function"]
    assert (calling["name"], json.loads(calling["arguments"])) == ("weather", {"city": "Rome"})
    assert rows["k"]["messages"][2]["name"] == "weather"
    assert json.loads(rows["k"]["tools"]) == TOOLS


def test_pairs_give_back_both_answers() -> None:
    (pair,) = records(PAIR, View.DPO)
    assert (pair["prompt"], pair["chosen"], pair["rejected"]) == (
        [{"role": "user", "content": "What is 2+2?"}],
        [{"role": "assistant", "content": "It is 4."}],
        [{"role": "assistant", "content": "It is 5."}],
    )
    halves = {record["label"]: record["completion"] for record in records(PAIR, View.KTO)}
    assert halves == {True: pair["chosen"], False: pair["rejected"]}


def test_pair_with_a_system_message_keeps_it() -> None:
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PAIR["prompt"]}]
    (pair,) = records({**PAIR, "conversation": json.dumps(asked)}, View.DPO)
    assert pair["prompt"] == asked


def test_grpo_rows_carry_the_reference_and_the_verifiers_name() -> None:
    (record,) = records(GRADED, View.GRPO)
    assert (record["prompt"][-1]["content"], record["reference"], record["verifier"]) == ("What is 2+2?", "4", "number")


def test_text_is_the_text_alone() -> None:
    (record,) = records(PLAIN, View.TEXT)
    assert record == {"text": "Once upon a time.", "sample_id": "t"}


@pytest.mark.parametrize("view", [view for view in View if view not in (View.ALPACA, View.SHAREGPT)])
def test_view_is_loaded_by_datasets_and_passes_trls_own_check(tmp_path, files, view, monkeypatch) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    from datasets import load_dataset
    from trl.data_utils import is_conversational

    write_view(files, view, tmp_path / "out")
    found = load_dataset(
        "parquet", data_files=str(tmp_path / "out" / "train" / "*.parquet"), cache_dir=str(tmp_path / "cache")
    )["train"]
    assert found.num_rows > 0
    assert all(is_conversational(row) == (view is not View.TEXT) for row in found)


def test_older_shards_without_the_types_are_prompts_with_responses(tmp_path) -> None:
    row = {name: SFT[name] for name in ("sample_id", "prompt", "response")}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "old.parquet")
    written = write_view([SplitFile("train", tmp_path / "old.parquet")], View.ALPACA, tmp_path / "out")
    assert written.records == {"train": 1}


def test_view_without_a_record_is_an_error(tmp_path) -> None:
    pq.write_table(pa.Table.from_pylist([PLAIN]), tmp_path / "a.parquet")
    with pytest.raises(GristmillError, match="not one of 1 rows has a place in the view dpo"):
        write_view([SplitFile("train", tmp_path / "a.parquet")], View.DPO, tmp_path / "out")


def test_folder_that_holds_something_is_left_alone(tmp_path, files) -> None:
    with pytest.raises(InputError, match="holds something already"):
        write_view(files, View.TEXT, tmp_path)


def test_files_come_from_the_manifest(tmp_path) -> None:
    manifest = {"files": [{"path": "shards/x.parquet", "split": "test"}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert exported_files(tmp_path) == [SplitFile("test", tmp_path / "shards" / "x.parquet")]
    with pytest.raises(InputError, match=r"there is no manifest\.json"):
        exported_files(tmp_path / "nowhere")
