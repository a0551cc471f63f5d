"""Cheap checks on samples: each filter says of every row of a batch why it may not go on, or nothing."""
