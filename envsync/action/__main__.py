"""`python -m envsync.action`: what `action.yml` runs once everything is installed."""

import os
import sys

from envsync.action.step import run

if __name__ == "__main__":
    sys.exit(run(os.environ))
