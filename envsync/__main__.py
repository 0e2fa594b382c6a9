"""Runs the command line with `python -m envsync`."""

from envsync.cli.main import main

main()
