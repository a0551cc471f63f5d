"""The published form: Parquet shards named by their content, a data card, and the manifest that readers follow."""
