"""Near-duplicates and duplicates in meaning: found within a set and against a release, in bounded memory."""
