"""Every figure that the project states comes from a command here; the last line printed is JSON."""
