"""One file for each command: wiring, output and exit code."""
