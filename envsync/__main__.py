"""`python -m envsync`."""

from envsync.cli import main

main()
