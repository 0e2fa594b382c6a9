"""`python -m envsync.action`: the entry point that `action.yml` runs after the installation."""

import os
import sys

from envsync.action.step import run_step

if __name__ == "__main__":
    sys.exit(run_step(os.environ))
