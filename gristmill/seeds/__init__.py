"""Seeds: what the sources hold, how files become documents, how documents become passages."""
