"""Renders values as text. All functions are pure and return strings, which the caller prints."""
