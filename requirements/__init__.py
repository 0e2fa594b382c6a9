"""Exact versions with hashes, for the action and the release workflow."""
