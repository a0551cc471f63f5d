"""One self-contained HTML page about the present data set: no script, no network, everything escaped."""
