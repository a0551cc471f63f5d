"""The frame that every stage shares: lock, private directory, books, Parquet in and out, progress, supervision."""
