"""Measures envsync beside the tools that people would use instead: `python -m benchmarks`."""
