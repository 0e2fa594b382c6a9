"""Starts the command line, for the program `envsync` and for `python -m envsync`."""

import gc

# `main` turns garbage collection off as well, and says why. The imports below leave no garbage.
gc.disable()

from envsync.cli.main import main  # noqa: E402 - imported without garbage collection

if __name__ == "__main__":
    main()
