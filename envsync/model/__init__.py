"""Immutable types for the values and the rules of the Azure ML service."""
