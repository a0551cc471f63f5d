"""boto3 clients with bounded time-outs and retries; credentials are either given or found by AWS's standard chain."""

from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import NoCredentialsError

_POOL = 32


def chain_client(endpoint: str | None, region: str, checksums: str, *, max_attempts: int, read_seconds: float) -> Any:
    """A client with credentials from AWS's standard chain (environment, profile, instance).

    `endpoint` None is Amazon S3 even when the environment names another endpoint: params.yaml decides.
    Raises botocore's exceptions for a broken profile.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": max_attempts},
        max_pool_connections=_POOL,
        s3={"addressing_style": "path" if endpoint else "auto"},
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        ignore_configured_endpoint_urls=True,
    )
    return boto3.Session().client("s3", endpoint_url=endpoint, region_name=region, config=config)


def chain_credentials() -> Any:
    """What AWS's standard chain finds now: `access_key`, `secret_key` and perhaps `token`."""
    found = boto3.Session().get_credentials()
    if found is None:
        raise NoCredentialsError
    return found.get_frozen_credentials()


def loopback_client(
    endpoint: str, access_key: str, secret_key: str, *, region: str = "us-east-1", max_attempts: int = 5
) -> Any:
    """A client of the embedded store: neither AWS profiles nor proxies of the environment have a say."""
    config = Config(
        connect_timeout=3,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": max_attempts},
        max_pool_connections=_POOL,
        s3={"addressing_style": "path"},
        proxies={},
    )
    core = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    return boto3.Session(botocore_session=core).client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        config=config,
    )
