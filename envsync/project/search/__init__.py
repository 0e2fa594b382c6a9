"""Searches directories for YAML files, and decides which of them are environment files."""
