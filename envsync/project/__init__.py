"""Reads a project directory: its settings, its environment files and its build contexts."""
