"""One self-contained HTML page about the present data set: no network, nothing of what a model wrote is believed."""
