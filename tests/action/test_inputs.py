"""The inputs of the action, and the messages about invalid inputs."""

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
        annotations="false",
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
        annotations=False,
        comment=True,
        issue=True,
        token="secret",
    )
    assert "secret" not in repr(actual)


@pytest.mark.parametrize("approve", ["none", "comment", DIGEST])
def test_apply_accepts_each_kind_of_approval(approve: str) -> None:
    assert read(command="apply", approve=approve).approve == approve


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {"command": "destroy"},
            "is 'destroy'; it must be one of validate, check, plan, apply, lock, update.",
        ),
        ({"command": "update", "comment": "true"}, "`comment` is not valid with `command: update`"),
        ({"command": "lock", "args": "--check"}, "Use a step with `run: envsync lock --check`"),
        ({"comment": "yes"}, "`comment` is 'yes'; it must be true or false"),
        (
            {"command": "apply", "approve": "sha256:1"},
            "`approve` is 'sha256:1'; it must be `none`, `comment`, or the digest",
        ),
        (
            {"approve": "comment"},
            "not valid with `command: plan`. Remove it, or use `command: apply`",
        ),
        (
            {"command": "apply", "issue": "true"},
            "not valid with `command: apply`. Remove it, or use `command: plan`",
        ),
        ({"command": "check", "target": "dev"}, "not valid with `command: check`"),
        ({"args": "'"}, "cannot be split into words: No closing quotation"),
        (
            {"args": "-tdev"},
            "`args` contains -t, which the action sets itself. Use the input `target` ",
        ),
        ({"args": "--target=dev"}, "`args` contains --target"),
        ({"args": "--out=x"}, "`args` contains --out"),
        ({"args": "--all-targets"}, "Use a matrix over targets instead"),
        ({"command": "apply", "args": f"--approve {DIGEST}"}, "Use the input `approve` instead"),
        ({"command": "validate", "args": "--format sarif"}, "`args` contains --format"),
    ],
)
def test_the_error_for_an_invalid_input_contains_the_name_of_the_input(
    inputs: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError) as refused:
        read(**inputs)

    assert message in str(refused.value)
