"""The command line: one module per command or group, each a thin door to the library."""
