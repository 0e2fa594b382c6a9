"""Specifications that name local files, and strings that contain several specifications."""

from __future__ import annotations

import pytest

from envsync.project.environment.specs import conda_fault, is_local_channel, pip_fault


@pytest.mark.parametrize(
    "item",
    [
        "-r requirements.txt",
        "-rrequirements.txt",
        "-r 'requirements.txt'  # comment",
        "--requirement=requirements.txt",
        "--requirement requirements.txt",
        "-c constraints.txt",
        "--constraint c.txt",
        "-e .",
        "-e ./package",
        "--editable=../package",
        "-e git+file:///repository",
        "-f ./wheels",
        "--find-links wheels",
        "--extra-index-url file:///index",
        ".",
        ".[dev]",
        "..",
        "./wheels/a.whl",
        "../a",
        "~/a",
        "/opt/a.whl",
        "a.whl",
        "a.whl ; python_version > '3'",
        "wheels/a.whl",
        "./package[extra]",
        "src/package",
        "package-1.0.tar.gz",
        "requirements.txt",
        "${WHEELS}/a.whl",
        "file:///a/b",
        "file:a.whl",
        "git+file:///repository",
        "a @ file:///x/a.whl",
        "a@ ./a.whl",
        "a @ a.whl",
        "C:\\wheels\\a.whl",
        "C:/wheels/a.whl",
        ".\\a",
        "\\\\server\\a",
    ],
)
def test_a_pip_requirement_that_names_a_local_file_is_detected(item: str) -> None:
    assert pip_fault(item) == "local"


@pytest.mark.parametrize(
    "item",
    [
        "numpy",
        "numpy==1.0",
        "numpy[extra]>=1,<2",
        "numpy # see ./x",
        "torch==1.13.1+cu117",
        "ruamel.yaml==0.17",
        "zope.interface",
        "a ; sys_platform == 'a/b'",
        "numpy==1 --hash=sha256:ab/",
        "git+https://github.com/a/b",
        "git+ssh://git@github.com/a/b.git@v1",
        "-e git+https://github.com/a/b#egg=b",
        "-e b @ git+https://github.com/a/b",
        "https://example.com/y/a.whl",
        "a @ https://example.com/a.whl",
        "a@https://example.com/a.tar.gz",
        "-r https://example.com/requirements.txt",
        "-c https://example.com/c.txt",
        "-i https://example.com",
        "--extra-index-url https://example.com/simple",
        "-f https://download.pytorch.org/whl/torch_stable.html",
        "--find-links https://example.com",
        "--pre",
        "--no-binary :all:",
        "--trusted-host example.com/y",
    ],
)
def test_a_pip_requirement_from_an_index_or_url_is_not_local(item: str) -> None:
    assert pip_fault(item) is None


@pytest.mark.parametrize(
    "item",
    [
        "./a.conda",
        "~/a.conda",
        "C:\\a.conda",
        "/opt/a.tar.bz2",
        "packages/a-1.0-0.tar.bz2",
        "a-1.0-0.conda",
        "file:///a-1-0.tar.bz2",
        "file:///channel::a",
        "./channel::a",
        "local::a",
        "a[channel=./channel]",
        "a[channel='file:///x',version=1]",
        "a[url=file:///x/a.conda]",
        "-r requirements.txt",
        "-e .",
        "requirements.txt",
    ],
)
def test_a_conda_dependency_that_names_a_local_file_is_detected(item: str) -> None:
    assert conda_fault(item) == "local"


@pytest.mark.parametrize(
    "item",
    [
        "numpy",
        "numpy=1",
        "python>=3.6,<3.10",
        "_libgcc_mutex=0.1=main",
        "conda-forge::numpy=1",
        "pkgs/main::numpy",
        "conda-forge/linux-64::numpy",
        "https://example.com/channel::numpy",
        "https://example.com/a.conda",
        "https://conda.anaconda.org/c/linux-64/a-1-0.tar.bz2",
        "numpy[version='>=1',channel=conda-forge]",
    ],
)
def test_a_conda_dependency_from_a_channel_or_url_is_not_local(item: str) -> None:
    assert conda_fault(item) is None


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("./channel", True),
        ("../channel", True),
        ("/opt/channel", True),
        ("~/channel", True),
        ("file:///channel", True),
        ("C:\\channel", True),
        ("conda-forge", False),
        ("pkgs/main", False),
        ("conda-forge/label/rc", False),
        ("https://example.com/channel", False),
        # conda ignores this channel if the machine has no packages from `conda build`.
        ("local", False),
    ],
)
def test_a_channel_is_local_if_it_is_a_directory(channel: str, expected: bool) -> None:
    assert is_local_channel(channel) == expected


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ("pip - numpy==1", "list"),
        ("pip - numpy - pandas==2", "list"),
        ("numpy=1 - pandas", "list"),
        ("numpy pandas", "several"),
        ("numpy, pandas", "several"),
        ("scipy scikit-learn", "several"),
        ("numpy=1 pandas=2", "several"),
        ("numpy>=1 pandas>=2", "several"),
        ("numpy >=1 pandas", "several"),
        ("numpy=1.24 pandas", "several"),
        ("python=3.8 numpy=1 scipy=2", "several"),
    ],
)
def test_a_conda_dependency_with_several_packages_is_detected(item: str, fault: str) -> None:
    assert conda_fault(item) == fault


@pytest.mark.parametrize(
    "item",
    [
        "numpy",
        "numpy  # pandas",
        "numpy >=1",
        "numpy !=1.2",
        "numpy ~=1.2",
        "numpy = 1.2",
        "numpy >= 1.2, < 2",
        "numpy 1.7|1.8",
        "python 3.8.*",
        "python>=3.6, <3.10",
        "jpeg 9e",
        "package dev",
        "numpy 1.2 py37_0",
        "numpy=1.2 py37_0",
        "blas 1.0 mkl",
        "blas=1.0=mkl",
        "libblas=*=*mkl",
        "pytorch * *cuda*",
        "openssl 1.1.1w h123_0",
        "numpy[version='>=1, <2']",
        "conda-forge::numpy >=1.20,<2",
    ],
)
def test_a_conda_dependency_with_version_and_build_is_one_package(item: str) -> None:
    assert conda_fault(item) is None


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ("numpy - pandas", "list"),
        ("numpy==1 - pandas==2", "list"),
        ("numpy pandas", "several"),
        ("numpy, pandas", "several"),
        ("numpy==1 pandas==2", "several"),
        ("numpy>=1,<2 pandas", "several"),
        ("a[b] c", "several"),
    ],
)
def test_a_pip_requirement_with_several_packages_is_detected(item: str, fault: str) -> None:
    assert pip_fault(item) == fault


@pytest.mark.parametrize(
    "item",
    [
        "numpy >= 1, < 2",
        "numpy (>=1.0)",
        "numpy [extra] == 1",
        "a ; python_version < '3' and x == 'y z'",
        "a==1 --hash=sha256:x --hash=sha256:y",
        "numpy==1 # and pandas",
        "a ~= 1.0, != 1.5",
        "--trusted-host example.com",
        "a @ https://example.com/b.whl",
    ],
)
def test_a_pip_requirement_with_markers_and_options_is_one_package(item: str) -> None:
    assert pip_fault(item) is None
