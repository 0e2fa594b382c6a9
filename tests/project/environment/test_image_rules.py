"""Tests of the images that a policy allows."""

from __future__ import annotations

import pytest

from envsync.model.policy import FilePolicy
from envsync.project.environment.image_rules import check_image


@pytest.mark.parametrize(
    ("glob", "image", "is_allowed"),
    [
        ("*.azurecr.io/*", "contoso.azurecr.io/a/b:1", True),
        # A path can look like a host.
        ("*.azurecr.io/*", "contoso.com/x.azurecr.io/y:1", False),
        ("mcr.microsoft.com/*", "contoso.com/mcr.microsoft.com/y:1", False),
        ("mcr.microsoft.com/*", "mcr.microsoft.com.contoso.com/y:1", False),
        ("*/azureml/*", "contoso.com/x/azureml/y:1", False),
        ("*/azureml/*", "mcr.microsoft.com/azureml/y:1", True),
        ("ubuntu*", "ubuntu:24.04", True),
        ("ubuntu*", "ubuntu.contoso.com/x:1", False),
        ("python:*", "python:5000/x:1", False),
        ("docker.io/*", "python:3.12", True),
        ("docker.io/library/*", "python:3.12", True),
        ("docker.io/library/*", "contoso/python:3.12", False),
        ("*", "contoso.com/a/b:1", True),
    ],
)
def test_the_first_part_of_a_glob_matches_only_the_host_of_the_image(
    glob: str, image: str, *, is_allowed: bool
) -> None:
    found = [item.rule for item in check_image(image, FilePolicy(images=(glob,)))]

    assert ("policy-images" not in found) is is_allowed
