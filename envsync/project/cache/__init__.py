"""Keeps what a command has read from environment files in `.envsync/`, for the next command."""
