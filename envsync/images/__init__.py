"""Asks container registries for the digests, tags and dates of images."""
