"""Personal data and secrets in texts: found by kind, replaced by the kind's name, never repeated."""
