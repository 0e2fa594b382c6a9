"""What a workflow may ask of the action, and what it is told where it asks for something else."""

from __future__ import annotations

import pytest

from envsync.action.inputs import Inputs, read_inputs
from envsync.model.errors import UsageError

DIGEST = "sha256:" + "0" * 64


def read(**inputs: str) -> Inputs:
    return read_inputs({f"INPUT_{name.upper()}": text for name, text in inputs.items()})


def test_inputs_have_the_defaults_of_the_action() -> None:
    assert read() == Inputs(command="plan")


def test_every_input_is_read() -> None:
    actual = read(
        command="plan",
        target=" dev ",
        working_directory="./ml/",
        args="--since 'HEAD^' 'a b'",
        comment="True",
        issue="true",
        approve="none",
        token="secret",
    )

    assert actual == Inputs(
        command="plan",
        target="dev",
        directory="ml",
        args=("--since", "HEAD^", "a b"),
        comment=True,
        issue=True,
        token="secret",
    )
    assert "secret" not in repr(actual)


@pytest.mark.parametrize("approve", ["none", "comment", DIGEST])
def test_an_apply_takes_an_approval(approve: str) -> None:
    assert read(command="apply", approve=approve).approve == approve


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"command": "destroy"}, "validate, check, plan, apply, not 'destroy'"),
        ({"comment": "yes"}, "`comment` is true or false, not 'yes'"),
        ({"command": "apply", "approve": "sha256:1"}, "`approve` is none, comment, or the digest"),
        ({"approve": "comment"}, "goes with `command: apply` only"),
        ({"command": "apply", "issue": "true"}, "goes with `command: plan` only"),
        ({"command": "check", "target": "dev"}, "does not go with `command: check`"),
        ({"args": "'"}, "cannot be split into words: No closing quotation"),
        ({"args": "-tdev"}, "-t cannot stand in `args`: the action sets it. Use `target` instead."),
        ({"args": "--target=dev"}, "--target cannot stand in `args`"),
        ({"args": "--out=x"}, "--out cannot stand in `args`"),
        ({"args": "--all-targets"}, "Use a matrix over targets instead"),
        ({"command": "apply", "args": f"--approve {DIGEST}"}, "Use `approve` instead"),
        ({"command": "validate", "args": "--format sarif"}, "--format cannot stand in `args`"),
    ],
)
def test_an_input_that_is_wrong_is_named(inputs: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(**inputs)

    assert message in str(refused.value)
