"""Specifications that name local files or several packages are detected."""

from __future__ import annotations

import pytest

from envsync.project.environment.specs import clone_url, conda_fault, is_local_channel, pip_fault


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
        "a.whl[extra]",
        "a-1.0.tar.gz[x,y]",
        "A.WHL",
        "./x.tar.xz",
        "a.tar.xz",
        "a.tar",
        "a.tbz",
        "a.tlz ; python_version > '3'",
        "a @ a.tar.xz ; python_version > '3'",
        "numpy --requirement r.txt",
        "numpy==1 -c c.txt",
        "torch -f wheels",
        "torch==2 ; python_version > '3' --find-links=./wheels",
        "https://example.com/a.whl -r r.txt",
        "--pre -r requirements.txt",
        "--no-index --find-links=wheels",
        "--extra-index-url https://example.com -r requirements.txt",
        "--trusted-host -r -rr.txt",
        "-i https://example.com -f https://example.com/x -c c.txt",
        "--pre --find-links 'my wheels'",
        "--cons c.txt",
        "--unknown -r requirements.txt",
        "--pre -e 'not closed",
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
        "torch==2.0.0+cu118 -f https://download.pytorch.org/whl/torch_stable.html",
        "detectron2 -f https://example.com/x/index.html",
        "torch --find-links=https://example.com/x",
        "torch -i https://example.com/simple",
        "torch ; python_version > '3' -f https://example.com/x",
        "a @ https://example.com/a.whl -f 'https://example.com/x y'",
        "--pre --extra-index-url https://example.com/a -f https://example.com/b",
        "--no-binary :all: --only-binary=./x",
        "a --global-option '-r x' --config-settings -e=./x",
        "--extra-index-url ${INDEX} -f ${LINKS}/x",
        "-e 'b @ git+https://github.com/a/b' --pre",
        "-r",
        "numpy -f",
    ],
)
def test_a_pip_requirement_from_an_index_or_url_is_not_local(item: str) -> None:
    assert pip_fault(item) is None


@pytest.mark.parametrize(
    ("item", "url"),
    [
        ("git+git@github.com:x/y.git", "git+ssh://git@github.com/x/y.git"),
        ("git@github.com:x/y.git@v1", "git+ssh://git@github.com/x/y.git@v1"),
        ("git+me@server:/x/y.git", "git+ssh://me@server/x/y.git"),
        ("y @ git+git@github.com:x/y.git ; a == 'b'", "git+ssh://git@github.com/x/y.git"),
        ("-e git+git@github.com:x/y.git#egg=y", "git+ssh://git@github.com/x/y.git#egg=y"),
        ("-e 'git@github.com:x/y.git'  # don't", "git+ssh://git@github.com/x/y.git"),
        (
            "--pre -e git@ssh.dev.azure.com:v3/o/p/r#egg=r",
            "git+ssh://git@ssh.dev.azure.com/v3/o/p/r#egg=r",
        ),
    ],
)
def test_an_address_that_only_git_clone_reads_is_detected(item: str, url: str) -> None:
    assert pip_fault(item) == "address"
    assert clone_url(item) == url
    assert pip_fault(url) is None


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
        ("numpy pandas -f https://example.com", "several"),
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
