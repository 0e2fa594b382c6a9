"""Renders reports and plans as one HTML page that needs no other file."""
