"""Derives the virtual packages of an image from its name.

A virtual package, such as `__glibc`, describes the system on which conda runs. Packages depend on
virtual packages: https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-virtual.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from envsync.model.errors import EnvsyncError
from envsync.project.environment.series import cuda_series, image_name, ubuntu_series

GLIBC: Final = {
    "16.04": "2.23",
    "18.04": "2.27",
    "20.04": "2.31",
    "22.04": "2.35",
    "24.04": "2.39",
    "26.04": "2.43",
    "buster": "2.28",
    "bullseye": "2.31",
    "bookworm": "2.36",
    "trixie": "2.41",
}
"""The version of glibc in each long-term series of Ubuntu, and in each series of Debian.

Source: https://packages.ubuntu.com/libc6 and https://packages.debian.org/libc6.
"""

DEFAULT_GLIBC: Final = GLIBC["22.04"]
"""The glibc version of Azure ML base images whose name contains no Ubuntu version."""

LINUX: Final = "5.15"
"""The kernel version of Azure ML computers with Ubuntu 22.04."""

ARCHSPEC: Final = "x86_64_v3"
"""The instruction set that every size of virtual machine for Azure ML has (AVX2)."""

_VERSION: Final = re.compile(r"(\d{1,5}(\.\d{1,5}){0,3})?", re.ASCII)
_DEBIAN: Final = re.compile(rf"(?<![a-z])({'|'.join(filter(str.isalpha, GLIBC))})(?![a-z])")


def virtual_packages(image: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the virtual packages of an image, each as `name=version=build`.

    Args:
        image: an image reference, such as `…/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04:1`.
        variables: environment variables. As in conda, `CONDA_OVERRIDE_GLIBC` and
            `CONDA_OVERRIDE_CUDA` set the version. An empty `CONDA_OVERRIDE_CUDA` means no CUDA.

    Raises:
        EnvsyncError: the value of a variable is not a version.
    """
    glibc = _override(variables, "CONDA_OVERRIDE_GLIBC") or _glibc(image)
    override = _override(variables, "CONDA_OVERRIDE_CUDA")
    cuda = cuda_series(image) if override is None else override
    return (
        f"__glibc={glibc}=0",
        *([f"__cuda={cuda}=0"] if cuda else []),
        f"__linux={LINUX}=0",
        "__unix=0=0",
        f"__archspec=1={ARCHSPEC}",
    )


def shown(system: tuple[str, ...]) -> str:
    """Returns the virtual packages that depend on the image, such as "glibc 2.35 and no CUDA"."""
    versions = dict(item.split("=")[:2] for item in system)
    cuda = versions.get("__cuda")
    return f"glibc {versions['__glibc']} and {f'CUDA {cuda}' if cuda else 'no CUDA'}"


def _override(variables: Mapping[str, str], name: str) -> str | None:
    version = variables.get(name)
    if version is None or _VERSION.fullmatch(version):
        return version
    raise EnvsyncError(
        f"{name} is `{version}`, which is not a version. Set it to a version, such as 12.4."
    )


def _glibc(image: str) -> str:
    debian = _DEBIAN.search(image_name(image))
    found = ubuntu_series(image) or (debian[1] if debian else "")
    return GLIBC.get(found, DEFAULT_GLIBC)
