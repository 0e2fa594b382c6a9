"""Frozen values, and the vocabulary of the Azure ML service."""
