"""Prefect tasks, thin: each wraps one DVC stage, the sync of the inputs, or a step of the release."""
