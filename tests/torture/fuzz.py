"""Reads many mutated inputs of each kind: environment files, plans, git histories and others.

An input must be read or refused with an expected error, in less than a second of CPU time. Each
input has a seed of its own.

    python -m tests.torture.fuzz [--seed 1] [--count 200000] [--only TEXT] [--minutes 30]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from tests.fuzzing import READERS, mutant
from tests.git_fuzzing import read_history
from tests.repository import ENVIRON, UNSET
from tests.torture._common import Row, options, part, report, seeds

CPU_SECONDS = 1.0


def _reader(kind: str) -> Callable[[int, Path], None]:
    return lambda seed, root: READERS[kind](mutant(kind, seed), root)


KINDS: dict[str, tuple[Callable[[int, Path], None], float]] = {
    "environment": (_reader("environment"), 0.7),
    "conda": (_reader("conda"), 0.5),
    "dockerfile": (_reader("dockerfile"), 0.5),
    "settings": (_reader("settings"), 1.0),
    "plan": (_reader("plan"), 1.3),
    "ignore": (_reader("ignore"), 1.0),
    # Git starts about twenty times for each history.
    "git": (read_history, 0.01),
}
"""What reads the input of a seed in a directory, and its share of `--count`."""


def run(kind: str, *, seed: int, count: int, minutes: float | None = None) -> Row:
    """Reads the inputs of one kind. Each unexpected exception and each slow input is a defect."""
    read, _ = KINDS[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("azure.ai.ml._utils._pathspec")  # the first input would be slow
    row = Row(kind)
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        root = Path(name).resolve()
        for number in seeds(seed, count, minutes):
            row.add(number, _defects(read, number, root))
    return row


def _defects(read: Callable[[int, Path], None], number: int, root: Path) -> Iterator[str]:
    start = time.process_time()
    try:
        read(number, root)
    except Exception:  # every exception is a defect
        yield traceback.format_exc()
    if (used := time.process_time() - start) > CPU_SECONDS:
        yield f"{used:.1f} s of CPU time"


def main() -> int:
    """Reads the inputs of the command line, and prints the table."""
    arguments = options(__doc__, count=200_000).parse_args()
    warnings.simplefilter("ignore")
    os.environ.update(ENVIRON)
    for name in UNSET:
        os.environ.pop(name, None)
    chosen = [kind for kind in KINDS if arguments.only in kind]
    rows = []
    for kind in chosen:
        count = max(1, round(arguments.count * KINDS[kind][1]))
        minutes = part(arguments, len(chosen))
        start = time.monotonic()
        rows.append(run(kind, seed=arguments.seed, count=count, minutes=minutes))
        rows[-1].note("s", round(time.monotonic() - start))
        report("Inputs", rows[-1:], arguments.seed)
    return report("Inputs", rows, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
