"""Is this text still as rich as real text? Measures of collapse, their calibration, and a verdict on two sets."""
