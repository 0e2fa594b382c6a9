"""Measures the CPU time and the memory that `envsync validate` and `plan` need for hostile inputs.

Each input is smaller than a megabyte. The budget for each command is one second of CPU time and
200 MB of memory, with the start of Python. On a machine on which an empty project takes more than
0.3 seconds, the budget of CPU time is larger in proportion.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from tests.hostile_inputs import BASE, INPUTS, SETTINGS, write_files

CPU_SECONDS: Final = 1.0
MEGABYTES: Final = 200
_LIMIT_SECONDS: Final = 8
_START_SECONDS: Final = 0.3


class Run(NamedTuple):
    """What one command used, and how it ended."""

    seconds: float
    megabytes: float
    code: int
    output: str


def run(root: Path, *arguments: str) -> Run:
    """Runs envsync, and ends it after a minute of CPU time."""
    command = (sys.executable, "-m", "envsync", "-C", str(root), *arguments)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            ["sh", "-c", f'ulimit -t {_LIMIT_SECONDS}; exec "$@"', "sh", *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    return Run(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, process.returncode, text)


def _scale() -> float:
    """Returns how many times slower this machine is than one on which envsync starts in 0.3 s."""
    with tempfile.TemporaryDirectory() as directory:
        write_files(Path(directory), {"environments/e.yml": BASE})
        fastest = min(run(Path(directory), "validate").seconds for _ in range(3))
    print(f"An empty project takes {fastest:.2f} s of CPU time.", flush=True)
    return max(1.0, fastest / _START_SECONDS)


def main() -> int:
    """Runs every input. Returns 1 if an input exceeds the budget, or ends in a traceback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only the inputs whose title contains this text")
    for name in ("--seed", "--minutes"):
        parser.add_argument(name, help="not used: the inputs are always the same, and few")
    options = parser.parse_args()
    failed = 0
    scale = _scale()
    chosen = {title: write for title, write in INPUTS.items() if options.only in title}
    worst = Run(0, 0, 0, "")
    for title, write in chosen.items():
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            write(root)
            if not (root / "envsync.yaml").exists():
                (root / "envsync.yaml").write_text(SETTINGS)
            for command in ("validate", "plan"):
                used = run(root, command)
                worst = max(worst, used)
                bad = (
                    used.seconds > CPU_SECONDS * scale
                    or used.megabytes > MEGABYTES
                    or used.code not in (0, 1)
                )
                failed += bad
                if bad or options.only:
                    size = f"{used.seconds:6.2f} s {used.megabytes:5.0f} MB"
                    end = f"exit {used.code} {len(used.output):8,} characters"
                    print("BAD" if bad else "ok ", size, end, command, title, flush=True)
                    if used.code not in (0, 1):
                        print(used.output[-500:])
    print(
        f"{len(chosen)} inputs, 2 commands each: {failed} over budget. The slowest took "
        f"{worst.seconds:.2f} s."
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
