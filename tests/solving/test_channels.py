"""conda uses more channels than a file names."""

from __future__ import annotations

from pathlib import Path

import pytest

from envsync.solving.channels import absolute, addresses, channels_of, with_address


@pytest.mark.parametrize(
    ("channels", "dependencies", "expected"),
    [
        ([], [], ("defaults",)),
        (["conda-forge"], [], ("conda-forge", "defaults")),
        (["conda-forge", "nodefaults"], [], ("conda-forge",)),
        (["nodefaults"], [], ()),
        (["defaults", "conda-forge"], [], ("defaults", "conda-forge")),
        (["conda-forge", "conda-forge "], [], ("conda-forge", "defaults")),
        (["nodefaults"], ["pytorch::pytorch=2", "numpy"], ("pytorch",)),
        (
            ["conda-forge", "nodefaults"],
            ["https://a.example/b::c=1"],
            ("conda-forge", "https://a.example/b"),
        ),
    ],
)
def test_the_function_channels_of_adds_the_default_channels_of_conda(
    channels: list[str], dependencies: list[str], expected: tuple[str, ...]
) -> None:
    assert channels_of(channels, dependencies) == expected


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("conda-forge", ("conda-forge",)),
        (
            "defaults",
            ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"),
        ),
        ("pkgs/main", ("https://repo.anaconda.com/pkgs/main",)),
        ("https://a.example/b/linux-64", ("https://a.example/b",)),
        ("https://a.example/noarch-things", ("https://a.example/noarch-things",)),
    ],
)
def test_the_function_addresses_returns_every_channel_of_a_name(
    channel: str, expected: tuple[str, ...]
) -> None:
    assert addresses(channel) == expected


@pytest.mark.parametrize(
    ("dependency", "expected"),
    [
        ("numpy=1.26", "numpy=1.26"),
        ("conda-forge::numpy", "conda-forge::numpy"),
        ("pkgs/main::numpy=1", "https://repo.anaconda.com/pkgs/main::numpy=1"),
        ("defaults::numpy", "defaults::numpy"),
    ],
)
def test_the_channel_of_a_dependency_is_replaced_by_the_address_of_the_channel(
    dependency: str, expected: str
) -> None:
    assert with_address(dependency) == expected


def test_local_paths_become_addresses(tmp_path: Path) -> None:
    channels = ["./a b", "../c", "/d", "conda-forge", "https://a.example/b"]

    assert absolute(channels, tmp_path / "project") == (
        f"{tmp_path.as_uri()}/project/a%20b",
        f"{tmp_path.as_uri()}/c",
        "file:///d",
        "conda-forge",
        "https://a.example/b",
    )
