"""Retired base images, and series without support, are found in the names of images."""

from __future__ import annotations

import json
import re
import runpy
from typing import Any

import pytest

from envsync.project.environment.image import image_problem
from envsync.project.environment.retired import DATA, ended_in_image, successor
from tests.project.project import REPOSITORY

CONTENT = json.loads(DATA.read_text("utf-8"))
MCR = "mcr.microsoft.com/azureml"


@pytest.mark.parametrize(
    ("image", "series"),
    [
        (f"{MCR}/openmpi4.1.0-ubuntu20.04", ["Ubuntu 20.04"]),
        (f"{MCR}/openmpi4.1.0-ubuntu22.04:20241215.v1", []),
        (f"{MCR}/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04:1", ["CUDA 11"]),
        (f"{MCR}/openmpi5.0-cuda12.4-ubuntu22.04:1", []),
        (f"{MCR}/minimal-ubuntu20.04-py38-cpu-inference:1", ["Ubuntu 20.04", "Python 3.8"]),
        (f"{MCR}/inference-base-2004", ["Ubuntu 20.04"]),
        (f"{MCR}/inference-base-2204:20241216.v1", []),
        (f"{MCR}/base-gpu:openmpi3.1.2-cuda10.0-cudnn7-ubuntu18.04", ["Ubuntu 18.04", "CUDA 10"]),
        (
            "mcr.microsoft.com/aifx/acpt/stable-ubuntu2004-cu113-py38-torch1110",
            ["Ubuntu 20.04", "CUDA 11", "Python 3.8"],
        ),
        ("mcr.microsoft.com/aifx/acpt/stable-ubuntu2204-cu124-py311-torch26x:1", []),
        ("nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04", ["CUDA 11"]),
        ("nvidia/cuda:12.4.1-devel-ubuntu18.04", ["Ubuntu 18.04"]),
        ("nvcr.io/nvidia/tritonserver:24.08-py3", []),
        ("pytorch/pytorch:2.1.0-cuda11.8-cudnn8-runtime", ["CUDA 11"]),
        ("python:3.8-slim", ["Python 3.8"]),
        ("python:3.10.4", ["Python 3.10"]),
        ("python:3.11", []),
        ("python:3", []),
        ("python:2", ["Python 2"]),
        ("ubuntu:focal-20240530", ["Ubuntu 20.04"]),
        ("ubuntu:jammy", []),
        ("ubuntu:20.04", ["Ubuntu 20.04"]),
        ("x/barracuda11.1:1", []),
        ("x/happy38:1", []),
        ("x/focus118:1", []),
        (f"x@sha256:{'cu118' * 12}0000", []),
    ],
)
def test_unsupported_series_are_found_in_the_name_of_an_image(
    image: str, series: list[str]
) -> None:
    assert [item.name for item in ended_in_image(image)] == series


@pytest.mark.parametrize("image", CONTENT["images"])
def test_each_retired_image_has_a_maintained_successor(image: str) -> None:
    found = successor(f"mcr.microsoft.com/{image}:1")

    assert found is not None
    assert found.removeprefix("mcr.microsoft.com/") not in CONTENT["images"]
    assert (ended_in_image(found), image_problem(found)) == ((), None)
    assert ("cuda" in image or "gpu" in image) == ("cuda" in found)


@pytest.mark.parametrize(
    "image",
    ["azureml/base:1", "contoso.azurecr.io/azureml/base:1", f"{MCR}/base-cpu:1", f"{MCR}/base/x:1"],
)
def test_only_the_images_of_microsoft_in_the_list_are_retired(image: str) -> None:
    assert successor(image) is None


def test_the_file_of_retired_series_names_its_sources_and_contains_only_ended_series() -> None:
    assert set(CONTENT) == {
        *("date", "sources", "python", "ubuntu", "cuda", "images", "successors"),
    }
    assert {name for name in CONTENT["sources"] if "https://" in CONTENT["sources"][name]} == {
        *("python", "ubuntu", "cuda", "images", "successors"),
    }
    for kind in ("python", "ubuntu", "cuda"):
        for name, date in CONTENT[kind].items():
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", date), (kind, name)
            assert date <= CONTENT["date"], (kind, name)


SCRIPT = runpy.run_path(str(REPOSITORY / "scripts" / "refresh_retired.py"))
PAGE = """---
ms.date: 03/04/2027
---
The following base images are deprecated:
* `azureml/base`
* `azureml/new-one`

**Affected areas**
* `not/an/image`
"""
SOURCES = {
    "PYTHON": {
        "2.7": {"end_of_life": "2020-01-01"},
        "3.11": {"end_of_life": "2027-10"},
        "3.12": {"end_of_life": "2028-10"},
    },
    "UBUNTU": [
        {"cycle": "22.04", "eol": "2027-04-01"},
        {"cycle": "24.04", "eol": "2029-05-31"},
        {"cycle": "99.04", "eol": False},
    ],
    "CUDA": [
        {"cycle": "14.1.0", "releaseDate": "2027-09-30"},
        {"cycle": "14.0.0", "releaseDate": "2027-08-31"},
        {"cycle": "12.0.0", "releaseDate": "2022-12-31"},
    ],
}


def fetched(**changed: Any) -> Any:
    texts = {SCRIPT[name]: json.dumps(value) for name, value in {**SOURCES, **changed}.items()}
    return {SCRIPT["IMAGES"]: PAGE, **texts}.__getitem__


def test_the_script_adds_series_that_ended_after_its_last_run() -> None:
    after = SCRIPT["refreshed"](CONTENT, fetched(), "2027-10-31")

    assert after["date"] == "2027-10-31"
    assert after["python"] == {**CONTENT["python"], "3.11": "2027-10-31"}
    assert after["ubuntu"] == {**CONTENT["ubuntu"], "22.04": "2027-04-01"}
    assert after["cuda"] == {**CONTENT["cuda"], "12": "2027-08-31"}
    assert set(after["images"]) - set(CONTENT["images"]) == {"azureml/new-one"}
    assert after["sources"]["images"].endswith("page of 2027-03-04")


def test_the_script_writes_the_layout_of_the_file() -> None:
    after = SCRIPT["refreshed"](CONTENT, fetched(), CONTENT["date"])
    after["images"].remove("azureml/new-one")
    after["sources"] = CONTENT["sources"]

    assert json.dumps(after, indent=2) + "\n" == DATA.read_text("utf-8")


def test_the_script_refuses_a_source_without_data() -> None:
    with pytest.raises(ValueError, match="The source of ubuntu has no data"):
        SCRIPT["refreshed"](CONTENT, fetched(UBUNTU=[]), "2027-10-31")
