"""Parameters of the store: what must not stand in them."""

import pytest
from pydantic import ValidationError

from gristmill.params.publish import StoreParams


@pytest.mark.parametrize("endpoint", ["https://key:secret@store.example", "https://store.example/?token=1"])
def test_store_endpoint_with_credentials_is_refused(endpoint):
    with pytest.raises(ValidationError, match="keys come from AWS's standard variables or files"):
        StoreParams(endpoint=endpoint)


@pytest.mark.parametrize("endpoint", ["embedded", "aws", "http://127.0.0.1:8333", "https://store.example/s3"])
def test_store_endpoint_without_credentials_is_taken(endpoint):
    assert StoreParams(endpoint=endpoint).endpoint == endpoint
