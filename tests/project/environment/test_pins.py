"""Images and dependencies without a version, and unsupported Python versions, are detected."""

from __future__ import annotations

import pytest

from envsync.project.environment.pins import (
    conda_parts,
    is_pinned,
    leaves_conda_open,
    leaves_pip_open,
    pinned_python,
)
from envsync.project.environment.retired import ended_python


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        ("ubuntu", False),
        ("ubuntu:", False),
        ("ubuntu:latest", False),
        ("ubuntu:LATEST", False),
        ("ubuntu:24.04", True),
        ("ubuntu@sha256:0123", True),
        ("ubuntu:latest@sha256:0123", True),
        ("localhost:5000/ubuntu", False),
        ("localhost:5000/ubuntu:1", True),
        ("mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04", False),
    ],
)
def test_an_image_with_a_tag_or_digest_is_pinned(image: str, pinned: bool) -> None:
    assert is_pinned(image) == pinned


@pytest.mark.parametrize(
    ("item", "is_open"),
    [
        ("numpy", True),
        (" numpy  # fast", True),
        ("conda-forge::numpy", True),
        ("numpy=*", True),
        ("numpy[build=py*]", True),
        ("numpy=1.26", False),
        ("numpy =1.26", False),
        ("numpy 1.26", False),
        ("numpy>=1", False),
        ("numpy!=1.0", False),
        ("numpy=1.26.*=py312*", False),
        ("numpy[version='1.26']", False),
        ("conda-forge::numpy=1.26", False),
        ("https://example.com/numpy-1.26.conda", False),
        ("", False),
    ],
)
def test_a_conda_dependency_without_a_version_is_unpinned(item: str, is_open: bool) -> None:
    assert leaves_conda_open(*conda_parts(item)) == is_open


@pytest.mark.parametrize(
    ("item", "is_open"),
    [
        ("numpy", True),
        ("numpy # fast", True),
        ("azureml-core[all, x]", True),
        ("numpy; python_version < '3.10'", True),  # a marker is not a version
        ("git+https://github.com/owner/repository", True),
        ("git+https://user@github.com/owner/repository#egg=x", True),  # the `@` marks no revision
        ("-e git+ssh://git@github.com/owner/repository.git", True),
        ("x @ git+https://github.com/owner/repository", True),
        ("numpy==1.26", False),
        ("numpy ~= 1.26", False),
        ("azureml-core=={{latest-pypi-version}}", False),
        ("numpy==1.26; python_version < '3.10'", False),
        ("git+https://github.com/owner/repository@v1", False),
        ("git+https://github.com/owner/repository@v1#egg=x", False),
        ("x @ https://example.com/x.whl", False),
        ("https://example.com/x.tar.gz", False),
        ("./x", False),
        ("x-1.0-py3-none-any.whl", False),
        ("-r requirements.txt", False),
        ("--extra-index-url https://example.com/simple", False),
        ("-e .", False),
        ("", False),
    ],
)
def test_a_pip_requirement_without_a_version_is_unpinned(item: str, is_open: bool) -> None:
    assert leaves_pip_open(item) == is_open


@pytest.mark.parametrize(
    ("item", "series"),
    [
        ("python=3.8", "3.8"),
        ("python==3.8.5", "3.8"),
        ("python 3.8", "3.8"),
        ("python=3.9.*", "3.9"),
        ("conda-forge::python=3.6", "3.6"),
        ("Python=2.7", "2"),  # one end of life for all of Python 2
        ("python=2", "2"),
        ("python=3.10", "3.10"),
        ("python=3.11", None),
        ("python=3", None),  # allows a supported version
        ("python=3.1*", None),
        ("python>=3.8", None),
        ("python=3.8|3.12", None),
        ("python>=3.8,<3.13", None),
        ("python", None),
        ("python-dateutil=2.7", None),
        ("ipython=3.8", None),
        ("python=" + "1" * 5000, None),
    ],
)
def test_a_pinned_python_past_its_end_of_life_is_detected(item: str, series: str | None) -> None:
    pinned = pinned_python(item)
    ended = ended_python(*pinned) if pinned else None

    assert (ended.name if ended else None) == (f"Python {series}" if series else None)
