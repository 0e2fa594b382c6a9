"""Compares a project with the commits of its git repository."""
