"""Reads build contexts as azure-ai-ml uploads them."""
