"""Engines that answer requests, the journal of their answers, and the driver that keeps them busy."""
