"""Reads many mutated inputs. The same seed gives the same inputs."""

from __future__ import annotations

import argparse
import sys
import time

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzzing import READERS, mutated, read


def fuzz(kind: str, number: int, examples: int) -> None:
    """Reads mutated inputs of one kind.

    Args:
        kind: a key of `READERS`.
        number: the seed.
        examples: the number of inputs.
    """

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(kind))
    def run(data: bytes) -> None:
        read(kind, data)

    run()


def main() -> int:
    """Fuzzes every reader. Returns 1 if an input ended in an unexpected exception."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=2_000, help="inputs of each kind")
    options = parser.parse_args()
    failed = 0
    for kind in READERS:
        start = time.process_time()
        try:
            fuzz(kind, options.seed, options.examples)
        except Exception as error:  # every exception is a finding
            failed += 1
            print(f"BAD {kind}: {error!r} {getattr(error, '__notes__', '')}")
        used = time.process_time() - start
        print(f"{kind}: {options.examples:,} inputs, seed {options.seed}, {used:.0f} s", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
