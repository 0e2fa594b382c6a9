"""The name of an image decides the virtual packages."""

from __future__ import annotations

import pytest

from envsync.model.errors import EnvsyncError
from envsync.solving.system import shown, virtual_packages

AZUREML = "mcr.microsoft.com/azureml/openmpi4.1.0"
DEFAULT = "glibc 2.35 and no CUDA"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (f"{AZUREML}-ubuntu22.04:20241215.v1", "glibc 2.35 and no CUDA"),
        (f"{AZUREML}-ubuntu20.04:20241215.v1", "glibc 2.31 and no CUDA"),
        (f"{AZUREML}-cuda11.8-cudnn8-ubuntu22.04:1", "glibc 2.35 and CUDA 11.8"),
        (
            "mcr.microsoft.com/azureml/curated/acpt-pytorch-2.2-cuda12.1:5",
            "glibc 2.35 and CUDA 12.1",
        ),
        ("nvcr.io/nvidia/cuda:12.4.1-cudnn-runtime-ubuntu24.04", "glibc 2.39 and CUDA 12.4"),
        ("pytorch/pytorch:2.3.1-cu121", "glibc 2.35 and CUDA 12.1"),
        ("ubuntu:18.04", "glibc 2.27 and no CUDA"),
        ("ubuntu:focal", "glibc 2.31 and no CUDA"),
        ("contoso.azurecr.io/base-ubuntu2404:1", "glibc 2.39 and no CUDA"),
        ("python:3.12-slim-bookworm", "glibc 2.36 and no CUDA"),
        ("contoso.azurecr.io/ubuntu99.04:1", DEFAULT),
        ("contoso.azurecr.io/base:1", DEFAULT),
        ("contoso.azurecr.io/barracuda1.2:1", DEFAULT),
        ("contoso.azurecr.io/base:1@sha256:cu121", DEFAULT),
    ],
)
def test_the_versions_of_glibc_and_cuda_are_read_from_the_name_of_the_image(
    image: str, expected: str
) -> None:
    assert shown(virtual_packages(image, {})) == expected


def test_the_variables_of_conda_override_the_name_of_the_image() -> None:
    variables = {"CONDA_OVERRIDE_GLIBC": "2.28", "CONDA_OVERRIDE_CUDA": "12.6"}

    found = virtual_packages(f"{AZUREML}-ubuntu22.04:1", variables)

    assert shown(found) == "glibc 2.28 and CUDA 12.6"


def test_an_empty_variable_removes_cuda_and_not_glibc() -> None:
    variables = {"CONDA_OVERRIDE_GLIBC": "", "CONDA_OVERRIDE_CUDA": ""}

    found = virtual_packages(f"{AZUREML}-cuda11.8-cudnn8-ubuntu22.04:1", variables)

    assert shown(found) == DEFAULT


def test_the_virtual_packages_describe_the_whole_system() -> None:
    assert virtual_packages("contoso.azurecr.io/base-cuda12.4:1", {}) == (
        "__glibc=2.35=0",
        "__cuda=12.4=0",
        "__linux=5.15=0",
        "__unix=0=0",
        "__archspec=1=x86_64_v3",
    )


@pytest.mark.parametrize("version", ["new", "12=4", "12.4 ", "٣", "-1"])
@pytest.mark.parametrize("name", ["CONDA_OVERRIDE_GLIBC", "CONDA_OVERRIDE_CUDA"])
def test_a_variable_that_is_not_a_version_is_an_error(name: str, version: str) -> None:
    with pytest.raises(EnvsyncError, match=f"{name} is `{version}`, which is not a version"):
        virtual_packages("ubuntu:22.04", {name: version})
