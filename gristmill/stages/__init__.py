"""The eight stages: the only place where I/O, parameters and pure code meet."""
