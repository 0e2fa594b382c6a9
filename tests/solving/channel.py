"""Writes conda channels with invented packages, so that solving needs no network."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """One build of a package."""

    name: str
    version: str
    depends: tuple[str, ...] = ()
    build: str = "0"


def package(specification: str, *depends: str) -> Package:
    """Creates a package from a name and a version, such as `numpy 1.26.4`."""
    name, version = specification.split()
    return Package(name, version, depends)


PACKAGES = (
    package("python 3.9.18"),
    package("python 3.11.9"),
    package("python 3.12.3"),
    package("numpy 1.20.3", "python >=3.7,<3.10"),
    package("numpy 1.26.4", "python >=3.9,<3.13"),
    package("pandas 2.2.0", "numpy >=1.22", "python >=3.9"),
    package("old-stack 1.0", "numpy <1.22"),
    package("gpu-tools 1.0", "__cuda >=12"),
    package("new-system 1.0", "__glibc >=2.38"),
)


def write_channel(
    directory: Path, packages: Iterable[Package] = PACKAGES, noarch: Iterable[Package] = ()
) -> str:
    """Writes the index of a channel, and returns the address of the channel."""
    for platform, found in (("linux-64", packages), ("noarch", noarch)):
        index = {
            "info": {"subdir": platform},
            "packages": {},
            "packages.conda": {
                f"{item.name}-{item.version}-{item.build}.conda": {
                    "name": item.name,
                    "version": item.version,
                    "build": item.build,
                    "build_number": 0,
                    "depends": list(item.depends),
                    "subdir": platform,
                    "sha256": "0" * 64,
                    "size": 1,
                }
                for item in found
            },
            "repodata_version": 1,
        }
        path = directory / platform / "repodata.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(index), encoding="utf-8")
    return directory.as_uri()
