"""Measures of a data set: pure functions and small counters, each with its formula and source."""
