"""The main job with every real part: vLLM, SeaweedFS, Prefect, DVC and git, as a user meets it."""

import io
import json
import re
import subprocess
import time
from pathlib import Path

import boto3
import pyarrow.parquet as pq
import pytest

from gristmill.schema import PUBLISHED
from gristmill.text import words
from tests.e2e.workspace import BIN, Workspace, data_files

pytestmark = pytest.mark.e2e
READERS = Path(__file__).with_name("readers.py")


def store_env(workspace):
    return json.loads(workspace.run("gristmill", "store", "env", "--json").stdout)


def s3(workspace):
    variables = store_env(workspace)
    return boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
    )


def read(client, address):
    bucket, key = address.removeprefix("s3://").split("/", 1)
    return client.get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.fixture(scope="module")
def release(mill):
    return mill.json("release.json")


@pytest.fixture(scope="module")
def manifest(mill, release):
    return json.loads(read(s3(mill), release["url"]))


def shards(manifest):
    return [file["address"] for file in manifest["files"]]


def test_main_job_publishes_rows_whose_evidence_stands_in_their_passage(mill, release, manifest):
    client = s3(mill)
    rows = []
    for address in shards(manifest):
        table = pq.read_table(io.BytesIO(read(client, address)))
        assert table.schema.equals(PUBLISHED)
        rows += table.to_pylist()

    assert len(rows) == release["rows"] == manifest["rows"] >= 5
    for row in rows:
        assert " ".join(row["evidence"].split()) in " ".join(row["context"].split())
        assert row["messages"] == [
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["response"]},
        ]
        assert row["origins"][0]["licence"] == "PSF-2.0"
        assert row["model"] == "SmolLM2-135M-Instruct"
        assert row["depth"] == 1


def test_main_job_keeps_every_sample_in_the_books(mill):
    generate = mill.json("data", "generate", "_stage.json")["books"][0]
    kept = mill.json("data", "filter", "_stage.json")["books"][0]

    assert generate["in"] == 60
    assert generate["in"] == generate["out"] + sum(generate["rejected"].values()) + sum(generate["failed"].values())
    assert kept["in"] == generate["out"] == kept["out"] + sum(kept["rejected"].values())


def test_main_job_again_runs_no_stage_and_releases_nothing(mill, release):
    start = time.monotonic()
    again = mill.run("gristmill", "run")

    assert mill.stages_run(again.stdout + again.stderr) == []
    assert mill.json("release.json")["version"] == release["version"]
    assert mill.git("tag", "--list", "dataset@*").split() == [release["tag"]]
    assert time.monotonic() - start < 300  # a hang, not a speed: bench/again.py measures that


def test_dvc_repro_after_the_main_job_does_nothing(mill):
    done = mill.run("dvc", "repro")

    assert mill.stages_run(done.stdout) == []
    assert "Data and pipelines are up to date." in mill.run("dvc", "status").stdout


def test_release_is_a_commit_on_the_datasets_branch_and_nowhere_else(mill, release):
    head = mill.git("rev-parse", "main")

    assert mill.git("rev-parse", f"{release['tag']}^{{commit}}") == mill.git("rev-parse", "datasets")
    assert head in mill.git("rev-list", "--parents", "-n1", "datasets").split()[1:]
    assert "dvc.lock" in mill.git("ls-tree", "--name-only", "datasets").split()
    assert mill.git("status", "--porcelain") == "?? dvc.lock"
    assert mill.git("branch", "--show-current") == "main"


def test_store_wiped_after_a_release_is_filled_by_the_next_run(mill, release, manifest):
    client = s3(mill)
    bucket = release["url"].split("/")[2]
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", []):
            client.delete_object(Bucket=bucket, Key=item["Key"])

    again = mill.run("gristmill", "run")

    assert mill.stages_run(again.stdout + again.stderr) == []
    assert json.loads(read(client, release["url"]))["content_hash"] == manifest["content_hash"]
    assert all(read(client, address) for address in shards(manifest))
    assert "Cache and remote 'store' are in sync." in mill.run("dvc", "status", "--cloud").stdout


def test_tag_pulled_in_a_second_clone_gives_every_data_set_bit_by_bit(mill, release, tmp_path):
    mill.git("clone", "-q", "--branch", release["tag"], str(mill.root), str(tmp_path / "second"))
    second = Workspace(tmp_path / "second", mill.environment)

    second.run("gristmill", "store", "start")
    second.run("dvc", "pull")

    assert data_files(second.root) == data_files(mill.root)
    assert "up to date" in second.run("dvc", "status").stdout


def test_duckdb_polars_pandas_and_datasets_read_the_release(mill, release, manifest):
    environment = {**mill.env(), **store_env(mill)}
    command = [BIN / "python", READERS, *shards(manifest)]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    rows = release["rows"]
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "by_duckdb": rows,
        "by_polars": rows,
        "by_pandas": rows,
        "by_datasets": rows,
    }


def test_filter_changed_runs_what_follows_and_asks_the_model_nothing(mill):
    kept = pq.read_table(mill.root / "data" / "filter", columns=["response"])["response"].to_pylist()
    longest = max(len(words(response)) for response in kept)
    mill.set_params(filter__filters__length__max_response_words=longest - 1)

    done = mill.run("dvc", "repro")

    assert mill.stages_run(done.stdout) == ["filter", "judge", "compose", "audit", "gate", "export"]
    assert mill.json("data", "filter", "_stage.json")["books"][0]["out"] < len(kept)
    assert mill.json("metrics", "judge.json")["requests_asked"] == 0


def test_report_is_one_page_that_needs_no_network(mill, tmp_path):
    mill.run("gristmill", "report", "--out", str(tmp_path / "report.html"))

    page = (tmp_path / "report.html").read_text()
    assert page.count("<!doctype html>") == 1
    assert re.findall(r"(?:src|href)=[\"']https?://", page) == []
    assert len(page) > 10_000
