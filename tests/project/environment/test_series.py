"""The series of Ubuntu and CUDA, read from the name of an image."""

from __future__ import annotations

import pytest

from envsync.project.environment.series import cuda_series, ubuntu_series


@pytest.mark.parametrize(
    ("image", "ubuntu", "cuda"),
    [
        ("mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04:1", "22.04", "11.8"),
        ("mcr.microsoft.com/azureml/inference-base-2004:1", "20.04", None),
        ("nvidia/cuda:12.4.1-base-ubuntu2404", "24.04", "12.4"),
        ("pytorch-cu118:1@sha256:ubuntu20.04", None, "11.8"),
        ("ubuntu:focal-20240101", "20.04", None),
        ("buildpack-deps:Jammy", "22.04", None),
        ("contoso.azurecr.io/focal-loss:1", None, None),
        ("localhost:5000/focal:1", None, None),
        ("contoso.azurecr.io/barracuda:11.8", None, None),
    ],
)
def test_the_series_in_the_name_of_an_image_are_read(
    image: str, ubuntu: str | None, cuda: str | None
) -> None:
    assert (ubuntu_series(image), cuda_series(image)) == (ubuntu, cuda)
