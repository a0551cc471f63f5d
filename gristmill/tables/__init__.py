"""Tables of any columns, Parquet or JSONL: read in batches, filtered, written as Parquet."""
