"""Finds the uses of environments in the YAML and Python files of a repository."""
