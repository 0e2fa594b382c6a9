"""Reads `envsync.yaml`, the settings file of a project."""
