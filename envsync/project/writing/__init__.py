"""Writes new environment files, with their conda files and build contexts."""
