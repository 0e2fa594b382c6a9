"""Frozen values, and the vocabulary of the service."""
