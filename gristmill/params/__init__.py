"""params.yaml as pydantic models: one module per stage, so that a stage depends on its own section only."""
