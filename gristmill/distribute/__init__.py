"""One stage on many engines: shards of its rows go to actors of Ray's, their answers into the one journal."""
