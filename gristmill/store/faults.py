"""What boto3 raises, as errors that a reader can act on: endpoint and address are named, secrets never."""

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's, the base of its connection faults
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from gristmill.errors import GristmillError

_WRONG_KEYS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "AuthFailure",
}
_DENIED = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "403"}
_WRONG_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
_MISSING = {"NoSuchKey", "NotFound", "404"}
_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    CredentialRetrievalError,
    TokenRetrievalError,
    SSOError,
)
_KEYS_HINT = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, to credentials of this store;"
    " for the embedded store set `store.endpoint: embedded`"
)


class StoreError(GristmillError):
    """The S3 store said no, or did not answer."""


@contextmanager
def explained(endpoint: str | None, address: str) -> Iterator[None]:
    """Turns boto3's exceptions in the body into StoreError about `address` at `endpoint`."""
    try:
        yield
    except (BotoCoreError, Boto3Error, ClientError) as error:
        raise _explain(_root(error), endpoint or "Amazon S3", address) from error


def code_of(error: ClientError) -> str:
    """S3's error code; for answers without a body, the HTTP status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_missing(error: ClientError) -> bool:
    """Whether the object (not its bucket) is not there."""
    return code_of(error) in _MISSING


def _root(error: Exception) -> Exception:
    """The fault behind boto3's S3UploadFailedError, which only quotes it."""
    context = error.__cause__ or error.__context__
    return context if isinstance(error, Boto3Error) and isinstance(context, ClientError | BotoCoreError) else error


def _explain(error: Exception, endpoint: str, address: str) -> StoreError:
    if isinstance(error, ClientError):
        return _answered(error, endpoint, address)
    if isinstance(error, _NO_CREDENTIALS):
        return StoreError(f"no usable credentials for the store at {endpoint}", where=address, do=_KEYS_HINT)
    if isinstance(error, ConnectionError | HTTPClientError):
        return StoreError(
            f"the store at {endpoint} does not answer ({type(error).__name__})",
            where=address,
            do="check `store.endpoint` in params.yaml and that the store runs and can be reached from here;"
            " `store.endpoint: embedded` starts one on this machine",
        )
    return StoreError(f"the store at {endpoint} could not be used: {error}", where=address)


def _answered(error: ClientError, endpoint: str, address: str) -> StoreError:
    code = code_of(error)
    if code in _WRONG_KEYS:
        return StoreError(f"the store at {endpoint} refuses the credentials ({code})", where=address, do=_KEYS_HINT)
    if code in _DENIED:
        return StoreError(
            f"the store at {endpoint} denies access ({code}: {error.operation_name})",
            where=address,
            do="give these credentials s3:ListBucket on the bucket and s3:GetObject, s3:PutObject and"
            " s3:DeleteObject below the prefix",
        )
    if code == "NoSuchBucket":
        return StoreError(
            f"there is no such bucket at {endpoint}",
            where=address,
            do="create the bucket, or correct the address in params.yaml (`store.url`, or the source's `path`)",
        )
    if code in _WRONG_REGION:
        return StoreError(
            f"the bucket lies in another region ({code})",
            where=address,
            do="set `store.region` in params.yaml to the bucket's region",
        )
    if code in _MISSING:
        return StoreError(f"there is no such object at {endpoint}", where=address)
    message = error.response.get("Error", {}).get("Message", "")
    return StoreError(f"the store at {endpoint} answered {code}: {message} ({error.operation_name})", where=address)
