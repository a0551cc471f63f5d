"""A bucket and a prefix in an S3 store, and the few calls that Gristmill makes.

Keys are relative to the prefix; addresses (`s3://bucket/key`) are absolute and may name any
bucket that the same endpoint and credentials reach. Every fault is a StoreError.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from gristmill.params.publish import StoreParams
from gristmill.store import embedded
from gristmill.store.faults import code_of, explained, is_missing
from gristmill.store.s3 import chain_client, chain_credentials, loopback_client

_TRANSFER = TransferConfig(multipart_threshold=16 << 20, multipart_chunksize=16 << 20, max_concurrency=4)
_PROBE_READ_SECONDS = 5
_READ_SECONDS = 60
_BUFFER_BYTES = 1 << 20
_CONDITION_FAILED = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409", "404")
"""Another writer was faster; an object that IfMatch looked for may also be gone."""


@dataclass(frozen=True)
class Head:
    """What the store says about an object. `sha256` is the metadata of our own uploads; listings don't have it."""

    address: str
    key: str
    size: int
    etag: str
    modified: float
    """Seconds since 1970, by the store's clock."""
    sha256: str | None = None


@dataclass(frozen=True)
class UnfinishedUpload:
    """A multipart upload that was begun and not completed: its parts cost room and are not listed as objects."""

    key: str
    id: str
    began: float
    """Seconds since 1970, by the store's clock."""


@dataclass(frozen=True)
class Store:
    """`prefix` in `bucket`. `credentials` are set for the embedded store only; others come from AWS's chain."""

    endpoint: str | None
    bucket: str
    prefix: str
    region: str
    client: Any = field(repr=False, compare=False)
    checksum: str | None = "SHA256"
    credentials: embedded.Connection | None = field(default=None, repr=False)

    def address(self, key: str) -> str:
        """The object's full `s3://` address."""
        return f"s3://{self.bucket}/{self._full(key)}"

    def head(self, key: str) -> Head | None:
        """What the store holds under `key`; None when it holds nothing."""
        return self.head_address(self.address(key))

    def put_file(self, path: Path, key: str, sha256: str) -> None:
        """Uploads a local file, large ones in parts; the store checks each part. Safe to call from many threads."""
        extra: dict[str, Any] = {"Metadata": {"sha256": sha256}}
        if self.checksum:
            extra["ChecksumAlgorithm"] = self.checksum
        with self._explained(key):
            self.client.upload_file(str(path), self.bucket, self._full(key), ExtraArgs=extra, Config=_TRANSFER)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Writes an object, replacing what was there."""
        with self._explained(key):
            self.client.put_object(Bucket=self.bucket, Key=self._full(key), Body=data, **self._checked())

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Writes an object unless there is one; of several writers at once exactly one gets True."""
        return self._put_if(key, data, IfNoneMatch="*")

    def put_if_unchanged(self, key: str, data: bytes, etag: str | None) -> bool:
        """Replaces the object that has the ETag (None: writes the first); False when another writer was faster."""
        return self.put_if_absent(key, data) if etag is None else self._put_if(key, data, IfMatch=f'"{etag}"')

    def delete(self, key: str) -> None:
        """Removes an object; none there is no fault."""
        with self._explained(key):
            self.client.delete_object(Bucket=self.bucket, Key=self._full(key))

    def unfinished_uploads(self) -> Iterator[UnfinishedUpload]:
        """Multipart uploads under the prefix that nobody completed."""
        with self._explained(""):
            pages = self.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.bucket, Prefix=self._full("")
            )
            for page in pages:
                for found in page.get("Uploads", []):
                    key = found["Key"].removeprefix(self._full(""))
                    yield UnfinishedUpload(key, found["UploadId"], found["Initiated"].timestamp())

    def abort(self, upload: UnfinishedUpload) -> None:
        """Gives up an unfinished upload, with its parts."""
        with self._explained(upload.key):
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=self._full(upload.key), UploadId=upload.id)

    def get_bytes(self, key: str) -> bytes:
        """The object's content. Raises StoreError when there is none."""
        with self._explained(key):
            content: bytes = self.client.get_object(Bucket=self.bucket, Key=self._full(key))["Body"].read()
        return content

    def download(self, key: str, path: Path) -> None:
        """Writes the object to a local file, which appears when it is complete."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._explained(key):
            self.client.download_file(self.bucket, self._full(key), str(path), Config=_TRANSFER)

    def list(self, prefix: str) -> Iterator[Head]:
        """Objects below `prefix`, by key; keys are relative to the store's own prefix."""
        yield from self._list(self.bucket, self._full(prefix), len(self._full("")))

    def head_address(self, address: str) -> Head | None:
        """What any bucket of this store holds at `address`; None when it holds nothing."""
        bucket, key = split_address(address)
        with explained(self.endpoint, address):
            try:
                answer = self.client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
        sha256 = answer.get("Metadata", {}).get("sha256")
        etag, modified = answer["ETag"].strip('"'), answer["LastModified"].timestamp()
        return Head(address, key, answer["ContentLength"], etag, modified, sha256)

    def list_address(self, address: str) -> Iterator[Head]:
        """Objects whose addresses begin with `address`, in any bucket of this store, by key."""
        bucket, prefix = split_address(address)
        yield from self._list(bucket, prefix, 0)

    def read_address(self, address: str) -> BinaryIO:
        """The object at `address` as a binary stream; not seekable. Faults while reading are StoreErrors too."""
        bucket, key = split_address(address)
        with explained(self.endpoint, address):
            body = self.client.get_object(Bucket=bucket, Key=key)["Body"]
        return io.BufferedReader(_ObjectStream(body, self.endpoint, address), _BUFFER_BYTES)

    def read_range(self, address: str, etag: str, start: int, end: int) -> bytes:
        """Bytes from `start` up to `end` of the object; a StoreError when it no longer has this ETag."""
        bucket, key = split_address(address)
        wanted = {"Range": f"bytes={start}-{end - 1}", "IfMatch": f'"{etag}"'}
        with explained(self.endpoint, address):
            data: bytes = self.client.get_object(Bucket=bucket, Key=key, **wanted)["Body"].read()
        return data

    def _list(self, bucket: str, prefix: str, strip: int) -> Iterator[Head]:
        with explained(self.endpoint, f"s3://{bucket}/{prefix}"):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for page in pages:
                for found in page.get("Contents", []):
                    key = found["Key"]
                    etag, modified = found["ETag"].strip('"'), found["LastModified"].timestamp()
                    yield Head(f"s3://{bucket}/{key}", key[strip:], found["Size"], etag, modified)

    def _put_if(self, key: str, data: bytes, **condition: str) -> bool:
        with self._explained(key):
            try:
                self.client.put_object(
                    Bucket=self.bucket, Key=self._full(key), Body=data, **condition, **self._checked()
                )
            except ClientError as error:
                if code_of(error) in _CONDITION_FAILED:
                    return False
                raise
        return True

    def _full(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    def _checked(self) -> dict[str, str]:
        return {"ChecksumAlgorithm": self.checksum} if self.checksum else {}

    def _explained(self, key: str) -> Any:
        return explained(self.endpoint, self.address(key))


def connect(params: StoreParams) -> Store:
    """The store that params name, seen to answer. The embedded one is started, and its bucket made, where needed.

    Raises StoreError for wrong credentials, an endpoint that does not answer, a missing bucket, denied access.
    """
    bucket, prefix = split_address(params.url)
    prefix = prefix.strip("/")
    if params.endpoint == "embedded":
        return _embedded(embedded.ensure_running(), bucket, prefix)
    endpoint = None if params.endpoint == "aws" else params.endpoint
    with explained(endpoint, params.url):
        probe = chain_client(
            endpoint, params.region, params.checksums, max_attempts=2, read_seconds=_PROBE_READ_SECONDS
        )
        probe.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        client = chain_client(endpoint, params.region, params.checksums, max_attempts=5, read_seconds=_READ_SECONDS)
    checksum = "SHA256" if params.checksums == "when_supported" else None
    return Store(endpoint, bucket, prefix, params.region, client, checksum)


def store_environment(params: StoreParams) -> dict[str, str]:
    """AWS's standard variables for the store that params name, for DuckDB, the AWS CLI, boto3, Polars or s3fs.

    For a store that is not embedded, credentials are those that AWS's chain finds now.
    """
    store = connect(params)
    variables = {
        **_key_variables(store),
        "AWS_REGION": store.region,
        "AWS_DEFAULT_REGION": store.region,
        "AWS_ENDPOINT_URL": store.endpoint,
        "AWS_ENDPOINT_URL_S3": store.endpoint,
    }
    return {name: value for name, value in variables.items() if value}


def _key_variables(store: Store) -> dict[str, str | None]:
    if store.credentials:
        return {
            "AWS_ACCESS_KEY_ID": store.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": store.credentials.secret_key,
        }
    found = chain_credentials()
    return {
        "AWS_ACCESS_KEY_ID": found.access_key,
        "AWS_SECRET_ACCESS_KEY": found.secret_key,
        "AWS_SESSION_TOKEN": found.token,
    }


def split_address(address: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of an `s3://` address."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


def _embedded(connection: embedded.Connection, bucket: str, prefix: str) -> Store:
    client = loopback_client(connection.endpoint, connection.access_key, connection.secret_key)
    with explained(connection.endpoint, f"s3://{bucket}"):
        try:
            client.create_bucket(Bucket=bucket)
        except ClientError as error:
            if code_of(error) not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise
    return Store(connection.endpoint, bucket, prefix, "us-east-1", client, "SHA256", connection)


class _ObjectStream(io.RawIOBase):
    """An object's body as a raw stream whose faults are explained."""

    def __init__(self, body: Any, endpoint: str | None, address: str) -> None:
        self._body, self._endpoint, self._address = body, endpoint, address

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills `buffer` with what comes next; 0 at the end."""
        with explained(self._endpoint, self._address):
            chunk = self._body.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        """Gives the connection back."""
        self._body.close()
        super().close()
