"""Tests of the newest tag of the same shape."""

from __future__ import annotations

from datetime import date

import pytest

from envsync.model.image import Image
from envsync.plan.newer_tags import date_of, newest_tag
from envsync.project.pattern import Pattern


def newest(name: str, tag: str, tags: str, track: str | None = None) -> str | None:
    pattern = Pattern(track, "a file").is_in if track else None
    return newest_tag(Image(name, tag), tags.split(), pattern)


@pytest.mark.parametrize(
    ("tag", "tags", "expected"),
    [
        # Tags with a date, as in the images of Microsoft
        ("20241215.v1", "20241215.v1 20250601.v2 20250601.v1 20240101.v9 latest", "20250601.v2"),
        ("20241215.v1", "20241215.v10 20241215.v9", "20241215.v10"),
        ("20241215.v1", "20250601 1.v2 2025060100.v1", None),
        ("biweekly.202301.2", "biweekly.202312.1 weekly.202401.1", "biweekly.202312.1"),
        # The newest version has the same number of parts.
        ("1.2.3", "1.2.10 1.3 1.2.4-rc1 1.2.5rc1 2", "1.2.10"),
        ("1.9", "1.10 1.10.1 2.0-beta", "1.10"),
        ("v1.2", "v1.3 1.4", "v1.3"),
        ("7", "8 9.1 20250101", "8"),
        # The suffix and its series never change.
        ("2.1.0-slim", "2.2.0 2.2.0-slim 2.3.0-alpine", "2.2.0-slim"),
        (
            "2.1.0-cuda11.8-cudnn8-runtime",
            "2.2.0-cuda12.1-cudnn8-runtime 2.2.0-cuda11.8-cudnn8-runtime "
            "2.3.0-cuda11.8-cudnn9-runtime",
            "2.2.0-cuda11.8-cudnn8-runtime",
        ),
        (
            "24.02-cuda12.0-py3.10",
            "24.04-cuda12.0-py3.11 24.04-cuda12.0-py3.10",
            "24.04-cuda12.0-py3.10",
        ),
        ("1.0-python3.11", "1.1-python3.12 1.1-python3.11", "1.1-python3.11"),
        ("1.0-python-3.11", "1.1-python-3.12 1.0-python-3.12", None),
        ("py38-1.0", "py39-1.1 py38-1.1", "py38-1.1"),
        ("cu117-1", "cu118-2", None),
        ("22.04-py3", "25.10-py3 25.10-py4", "25.10-py3"),
        # No tag can be compared, or no tag is newer.
        ("latest", "1 2 latest", None),
        ("stable-slim", "newer-slim", None),
        ("1.2.3", "1.2.3 1.2.2", None),
        ("1.2.3", "", None),
        # The list of a registry can contain anything.
        ("1.2.3", "1.2.4\n 1.2.4;rm 1.2.\u0664 -1.2.4", "1.2.4"),
    ],
)
def test_the_newest_tag_has_the_same_shape(tag: str, tags: str, expected: str | None) -> None:
    assert newest("r.io/base", tag, tags) == expected


@pytest.mark.parametrize(
    ("name", "tag", "tags", "expected"),
    [
        ("python", "3.11-slim", "3.12-slim 3.13-slim", None),
        ("python", "3.11.4-slim", "3.11.9-slim 3.12.1-slim 3.11.10-slim", "3.11.10-slim"),
        ("mcr.microsoft.com/devcontainers/python", "3.11", "3.12 4.1", None),
        ("python", "3", "4", None),
        ("mcr.microsoft.com/devcontainers/python", "1-3.12", "1-3.13 2-3.12", None),
        ("devcontainers/python", "1.1.5-3.12", "1.1.9-3.12 1.1.9-3.13 1.2.0-3.12", "1.1.9-3.12"),
        (
            "bitnami/python",
            "3.11.4-debian-11-r1",
            "3.11.9-debian-12-r1 3.11.9-debian-11-r1",
            "3.11.9-debian-11-r1",
        ),
        (
            "nvidia/cuda",
            "11.8.0-cudnn8-runtime-ubuntu22.04",
            "12.1.0-cudnn8-runtime-ubuntu22.04 11.8.1-cudnn8-runtime-ubuntu22.04 "
            "11.8.2-cudnn8-runtime-ubuntu24.04",
            "11.8.1-cudnn8-runtime-ubuntu22.04",
        ),
        ("ubuntu", "22.04", "22.10 24.04 25.10", None),
        ("alpine", "3.18.2", "3.18.12 3.19.1", "3.18.12"),
    ],
)
def test_the_series_of_python_and_cuda_never_changes(
    name: str, tag: str, tags: str, expected: str | None
) -> None:
    assert newest(name, tag, tags) == expected


@pytest.mark.parametrize(
    ("tag", "tags", "track", "expected"),
    [
        ("3.11-slim", "3.12-slim 3.13-slim 3.13", r"^3\.1[12]-slim$", "3.12-slim"),
        ("3.11-slim", "3.10-slim 3.11-slim", r"-slim$", None),
        ("latest", "1.0 1.1 2.0", r"^1\.", "1.1"),
        ("3.0", "2.1 2.2", r"^2\.", "2.2"),
        ("1.0", "1.1", r"^9", None),
    ],
)
def test_a_pattern_allows_a_change_of_shape_and_series(
    tag: str, tags: str, track: str, expected: str | None
) -> None:
    assert newest("python", tag, tags, track) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("20241215.v1", date(2024, 12, 15)),
        ("v2-20240229", date(2024, 2, 29)),
        ("20241399", None),
        ("1.2.3", None),
        ("120241215", None),
    ],
)
def test_the_function_date_of_returns_the_date_in_a_tag(tag: str, expected: date | None) -> None:
    assert date_of(tag) == expected
