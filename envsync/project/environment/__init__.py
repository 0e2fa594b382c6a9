"""Reads one environment file into a declaration, and reports its problems."""
