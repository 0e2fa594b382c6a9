"""A stored result is used only for the request and the channel content that produced it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from envsync.solving import cache as module
from envsync.solving.cache import Cache
from envsync.solving.request import Fault, Request, Result, Unreachable
from tests.solving.channel import write_channel

SOLVER = "py-rattler 0.28.0"
BAD = Result((Fault("conflict", 1, (0,), "numpy requires python <3.10", ("1.26.4",)),))


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    return Request(("python", "numpy"), (write_channel(tmp_path / "channel"),), ("__glibc=2.35=0",))


def cache(tmp_path: Path, solver: str = SOLVER) -> Cache:
    # A new object, as in another run.
    return Cache(tmp_path / ".envsync", solver)


@pytest.mark.parametrize("result", [Result(), BAD], ids=["good", "bad"])
def test_the_cache_returns_a_result_that_it_has_stored(
    result: Result, request_: Request, tmp_path: Path
) -> None:
    cache(tmp_path).write(request_, result)

    assert cache(tmp_path).read(request_) == result


@pytest.mark.parametrize(
    "change",
    [
        lambda request: replace(request, dependencies=("numpy", "python")),
        lambda request: replace(request, dependencies=("python",)),
        lambda request: replace(request, channels=(*request.channels, "conda-forge")),
        lambda request: replace(request, system=("__glibc=2.31=0",)),
    ],
    ids=["order", "dependency", "channel", "system"],
)
def test_a_result_is_not_used_for_another_request(
    change: Callable[[Request], Request], request_: Request, tmp_path: Path
) -> None:
    cache(tmp_path).write(request_, BAD)

    assert cache(tmp_path).read(change(request_)) is None


@pytest.mark.parametrize("platform", ["linux-64", "noarch"])
def test_a_changed_index_needs_a_new_solve(
    platform: str, request_: Request, tmp_path: Path
) -> None:
    cache(tmp_path).write(request_, BAD)
    with (tmp_path / "channel" / platform / "repodata.json").open("a") as index:
        index.write("\n")

    assert cache(tmp_path).read(request_) is None


def test_a_result_for_a_channel_with_a_platform_depends_on_its_index(
    request_: Request, tmp_path: Path
) -> None:
    wanted = replace(request_, channels=(f"{request_.channels[0]}/linux-64",))
    cache(tmp_path).write(wanted, BAD)
    assert cache(tmp_path).read(wanted) == BAD

    write_channel(tmp_path / "channel", [])
    assert cache(tmp_path).read(wanted) is None


def test_another_version_of_the_solver_needs_a_new_solve(request_: Request, tmp_path: Path) -> None:
    cache(tmp_path).write(request_, BAD)

    assert cache(tmp_path, "py-rattler 0.29.0").read(request_) is None


def test_another_version_of_envsync_needs_a_new_solve(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(tmp_path).write(request_, BAD)
    monkeypatch.setattr(module, "__version__", "99")

    assert cache(tmp_path).read(request_) is None


def test_a_result_without_faults_is_stored_for_a_day_if_a_channel_is_on_a_server(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = replace(request_, channels=("conda-forge",))
    cache(tmp_path).write(remote, Result())
    assert cache(tmp_path).read(remote) == Result()

    monkeypatch.setattr(module, "today", lambda: "2999-01-01")
    assert cache(tmp_path).read(remote) is None


def test_a_result_with_faults_is_not_stored_if_a_channel_is_on_a_server(
    request_: Request, tmp_path: Path
) -> None:
    remote = replace(request_, channels=(*request_.channels, "conda-forge"))
    cache(tmp_path).write(remote, BAD)

    assert cache(tmp_path).read(remote) is None


def test_a_result_with_an_unreachable_channel_is_not_stored(
    request_: Request, tmp_path: Path
) -> None:
    cache(tmp_path).write(request_, Result(unreachable=(Unreachable("a", "down"),)))

    assert cache(tmp_path).read(request_) is None


DAMAGE: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "cut": lambda text: text[:-5],
    "binary": lambda _: "\x00\xff",
    "no mapping": lambda _: "[]",
    "deep": lambda _: "[" * 100_000,
    "no faults": lambda text: text.replace('"faults"', '"other"'),
    "no list": lambda text: text.replace("[{", "{").replace("}]", "}"),
    "other key": lambda text: text.replace('"key":"', '"key":"0'),
    "unknown kind": lambda text: text.replace("conflict", "surprise"),
    "index": lambda text: text.replace('"dependency":1', '"dependency":2'),
    "negative": lambda text: text.replace('"others":[0]', '"others":[-1]'),
    "number": lambda text: text.replace('"dependency":1', '"dependency":"1"'),
    "reason": lambda text: text.replace('"numpy requires python <3.10"', "{}"),
    "near": lambda text: text.replace('["1.26.4"]', "[1]"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_result_is_ignored_and_written_again(
    damage: Callable[[str], str], request_: Request, tmp_path: Path
) -> None:
    cache(tmp_path).write(request_, BAD)
    (path,) = (tmp_path / ".envsync" / "solved").iterdir()
    text = path.read_text()
    damaged = damage(text)
    assert damaged != text
    path.write_text(damaged)

    assert cache(tmp_path).read(request_) is None
    cache(tmp_path).write(request_, BAD)
    assert cache(tmp_path).read(request_) == BAD


def test_the_cache_directory_is_hidden_from_git(request_: Request, tmp_path: Path) -> None:
    cache(tmp_path).write(request_, BAD)

    assert (tmp_path / ".envsync" / ".gitignore").read_text() == "*\n"
    assert [path.suffix for path in (tmp_path / ".envsync" / "solved").iterdir()] == [".json"]


def test_a_cache_directory_that_cannot_be_written_causes_no_error(
    request_: Request, tmp_path: Path
) -> None:
    (tmp_path / ".envsync").write_text("a file")
    cache(tmp_path).write(request_, BAD)
    cache(tmp_path).remove_old()

    assert cache(tmp_path).read(request_) is None


def test_old_results_are_removed(request_: Request, tmp_path: Path) -> None:
    cache(tmp_path).write(request_, BAD)
    directory = tmp_path / ".envsync" / "solved"
    old = directory / "old.json"
    old.write_text("{}")
    os.utime(old, (0, 0))

    cache(tmp_path).remove_old()

    assert not old.exists()
    assert cache(tmp_path).read(request_) == BAD
