"""Starts the command line, for the program `envsync` and for `python -m envsync`."""

import gc

# `main` explains why. Half a dozen collections during the imports below would also free nothing.
gc.disable()

from envsync.cli.main import main  # noqa: E402 - imported without garbage collection

if __name__ == "__main__":
    main()
