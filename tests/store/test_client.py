import gzip
import hashlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.params.publish import StoreParams
from gristmill.store import embedded
from gristmill.store.client import Store, connect, store_environment
from gristmill.store.faults import StoreError


def with_keys(monkeypatch: pytest.MonkeyPatch, access_key: str, secret_key: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret_key)


def test_objects_written_are_listed_and_read_back(store: Store, tmp_path: Path) -> None:
    store.put_bytes("a/one.txt", b"first")
    store.put_bytes("a/two.txt", b"second")

    assert [(head.key, head.size) for head in store.list("a/")] == [("a/one.txt", 5), ("a/two.txt", 6)]
    assert store.get_bytes("a/two.txt") == b"second"
    store.download("a/one.txt", tmp_path / "deep" / "one.txt")
    assert (tmp_path / "deep" / "one.txt").read_bytes() == b"first"


def test_put_file_of_several_parts_keeps_its_sha256(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(bytes(range(256)) * (20 << 12))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    store.put_file(path, "big", sha256)

    head = store.head("big")
    assert head is not None
    assert (head.size, head.sha256) == (20 << 20, sha256)
    assert hashlib.sha256(store.get_bytes("big")).hexdigest() == sha256


def test_head_of_what_is_not_there_is_none(store: Store) -> None:
    assert store.head("nothing") is None


def test_put_if_absent_of_many_writers_lets_exactly_one_win(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: store.put_if_absent("once", b"%d" % number), range(8)))

    assert won.count(True) == 1
    assert store.get_bytes("once") == b"%d" % won.index(True)


def test_an_address_is_read_as_a_stream(store: Store) -> None:
    store.put_bytes("lines.gz", gzip.compress(b"one\ntwo\n"))
    address = store.address("lines.gz")

    with store.read_address(address) as stream, gzip.open(stream) as lines:
        assert list(lines) == [b"one\n", b"two\n"]
    assert [head.address for head in store.list_address(store.address(""))] == [address]
    assert store.head_address(address) is not None


def test_reading_a_missing_address_names_it(store: Store) -> None:
    with pytest.raises(StoreError, match=r"there is no such object") as caught:
        store.read_address(store.address("nothing"))

    assert caught.value.problem.where == store.address("nothing")


def test_wrong_secret_is_refused_without_showing_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = embedded.ensure_running()
    with_keys(monkeypatch, connection.access_key, "a-wrong-secret")

    with pytest.raises(StoreError) as caught:
        connect(StoreParams(endpoint=connection.endpoint, url="s3://gristmill-tests/x"))

    assert f"the store at {connection.endpoint} refuses the credentials (SignatureDoesNotMatch)" in str(caught.value)
    assert "AWS_SECRET_ACCESS_KEY" in caught.value.problem.do
    assert "a-wrong-secret" not in str(caught.value)


def test_no_credentials_at_all_names_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(StoreError, match="no usable credentials"):
        connect(StoreParams(endpoint="http://127.0.0.1:1", url="s3://some-bucket"))


def test_missing_bucket_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = embedded.ensure_running()
    with_keys(monkeypatch, connection.access_key, connection.secret_key)

    with pytest.raises(StoreError, match="there is no such bucket") as caught:
        connect(StoreParams(endpoint=connection.endpoint, url="s3://no-such-bucket/x"))

    assert caught.value.problem.where == "s3://no-such-bucket/x"


def test_endpoint_where_nobody_listens_fails_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    with_keys(monkeypatch, "any", "any")
    began = time.monotonic()

    with pytest.raises(StoreError, match=r"the store at http://127\.0\.0\.1:1 does not answer"):
        connect(StoreParams(endpoint="http://127.0.0.1:1", url="s3://some-bucket"))

    assert time.monotonic() - began < 15


def test_endpoint_that_accepts_and_stays_silent_fails_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    with_keys(monkeypatch, "any", "any")
    began = time.monotonic()

    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StoreError, match="does not answer"):
            connect(StoreParams(endpoint=endpoint, url="s3://some-bucket"))

    assert time.monotonic() - began < 15


def test_a_broken_aws_profile_does_not_reach_the_embedded_store(
    store_params: StoreParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    assert connect(store_params).head("nothing") is None


def test_store_environment_lets_boto3_in(
    store: Store, store_params: StoreParams, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"n": [1, 2, 3]}), tmp_path / "t.parquet")
    store.put_bytes("t.parquet", (tmp_path / "t.parquet").read_bytes())
    for name, value in store_environment(store_params).items():
        monkeypatch.setenv(name, value)

    plain = boto3.client("s3")
    assert plain.head_object(Bucket=store.bucket, Key=f"{store.prefix}/t.parquet")["ContentLength"] > 0
    assert set(store_environment(store_params)) == {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
    }
