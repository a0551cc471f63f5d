"""Programs that run in the peers' environment (.venv-peers) and know nothing of Gristmill."""
