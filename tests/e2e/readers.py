"""What consumers do: count a release's rows through four readers, over S3, by AWS's standard variables.

Run as a process with the environment that `gristmill store env` prints; takes the shards' addresses.
"""

import json
import os
import sys

import datasets
import duckdb
import pandas as pd
import polars as pl
from duckdb_extensions import import_extension

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
OPTIONS = {"client_kwargs": {"endpoint_url": ENDPOINT}}


def by_duckdb(addresses: list[str]) -> int:
    import_extension("httpfs")
    duckdb.sql(
        f"create secret (type s3, key_id '{os.environ['AWS_ACCESS_KEY_ID']}',"
        f" secret '{os.environ['AWS_SECRET_ACCESS_KEY']}', region '{os.environ['AWS_REGION']}',"
        f" endpoint '{ENDPOINT.split('://')[1]}', url_style 'path', use_ssl false)"
    )
    return duckdb.sql(f"select count(*) from read_parquet({addresses})").fetchone()[0]


def by_polars(addresses: list[str]) -> int:
    return pl.scan_parquet(addresses).collect().height


def by_pandas(addresses: list[str]) -> int:
    return sum(len(pd.read_parquet(address, storage_options=OPTIONS)) for address in addresses)


def by_datasets(addresses: list[str]) -> int:
    return datasets.load_dataset("parquet", data_files=addresses, split="train", storage_options=OPTIONS).num_rows


if __name__ == "__main__":
    found = {read.__name__: read(sys.argv[1:]) for read in (by_duckdb, by_polars, by_pandas, by_datasets)}
    print(json.dumps(found))  # noqa: T201 - its caller reads it
