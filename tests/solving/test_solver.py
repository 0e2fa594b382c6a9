"""py-rattler solves requests with channels on this machine and on a server on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rattler", reason="py-rattler is not installed")

import rattler
from rattler.exceptions import GatewayError

from envsync.solving import channels, solver
from envsync.solving.request import Fault, Request, Result, Unreachable
from envsync.solving.solver import Solver
from tests.solving.channel import PACKAGES, package, write_channel

SYSTEM = ("__glibc=2.35=0", "__cuda=11.8=0", "__linux=5.15=0", "__unix=0=0", "__archspec=1=x86_64")


@pytest.fixture
def channel(tmp_path: Path) -> str:
    return write_channel(tmp_path / "channel")


def request(sources: str | Sequence[str], *dependencies: str) -> Request:
    named = (sources,) if isinstance(sources, str) else tuple(sources)
    return Request(dependencies, named, SYSTEM)


def solved(*requests: Request) -> dict[Request, Result]:
    found: dict[Request, Result] = {}

    async def run() -> None:
        await Solver().solve(requests, found.__setitem__)

    asyncio.run(run())
    return found


def result(sources: str | Sequence[str], *dependencies: str) -> Result:
    wanted = request(sources, *dependencies)
    return solved(wanted)[wanted]


def kinds(found: Result) -> list[tuple[str, int, tuple[int, ...]]]:
    return [(fault.kind, fault.dependency, fault.others) for fault in found.faults]


@pytest.mark.parametrize(
    "dependencies",
    [
        ("python=3.12", "numpy=1.26", "pandas"),
        ("Python = 3.9", "numpy<1.21", "old-stack==1.0"),
        ("python 3.11.*", "numpy=1.26.4=0"),
        ("numpy[version='>=1.2']", "python>=3.9,!=3.11.*"),
        (),
    ],
)
def test_dependencies_that_can_be_installed_have_no_fault(
    dependencies: tuple[str, ...], channel: str
) -> None:
    assert result(channel, *dependencies) == Result()


def test_the_fault_of_a_misspelt_package_has_similar_names(channel: str) -> None:
    assert result(channel, "python=3.12", "numpi=1.26").faults == (
        Fault("unknown", 1, near=("numpy",)),
    )


def test_a_package_without_a_similar_name_has_no_near_names(channel: str) -> None:
    assert result(channel, "qqqqqqqq", "x" * 5000).faults == (
        Fault("unknown", 0),
        Fault("unknown", 1),
    )


def test_the_fault_of_a_missing_version_has_the_nearest_versions(channel: str) -> None:
    assert result(channel, "numpy=3", "python=3.11.10", "python>=4").faults == (
        Fault("version", 0, near=("1.26.4", "1.20.3")),
        Fault("version", 1, near=("3.11.9", "3.12.3", "3.9.18")),
        Fault("version", 2, near=("3.12.3", "3.11.9", "3.9.18")),
    )


def test_a_missing_build_is_reported_as_a_missing_version(channel: str) -> None:
    assert kinds(result(channel, "numpy=1.26.4=mkl*")) == [("version", 0, ())]


def test_a_conflict_names_the_other_dependency_and_the_reason(channel: str) -> None:
    (fault,) = result(channel, "python=3.12", "pandas", "numpy=1.20").faults

    # pandas conflicts with numpy=1.20 as well, but without numpy=1.20 everything can be installed.
    assert (fault.kind, fault.dependency, fault.others) == ("conflict", 2, (0,))
    assert fault.reason.startswith("numpy 1.20.3 requires python >=3.7,<3.10")


def test_a_conflict_with_python_is_reported_for_the_other_dependency(channel: str) -> None:
    assert kinds(result(channel, "numpy=1.20", "python=3.12")) == [("conflict", 0, (1,))]


def test_all_conflicts_are_found(channel: str) -> None:
    found = result(channel, "python=3.12", "numpy=1.20", "numpyy", "gpu-tools", "new-system")

    assert kinds(found) == [
        ("conflict", 1, (0,)),
        ("unknown", 2, ()),
        ("conflict", 3, ()),
        ("conflict", 4, ()),
    ]
    assert "__cuda >=12" in found.faults[2].reason
    assert "__glibc >=2.38" in found.faults[3].reason


def test_virtual_packages_decide_which_package_can_be_installed(channel: str) -> None:
    wanted = request(channel, "gpu-tools", "new-system")
    newer = Request(wanted.dependencies, wanted.channels, ("__glibc=2.39=0", "__cuda=12.4=0"))

    found = solved(wanted, newer)

    assert (len(found[wanted].faults), len(found[newer].faults)) == (2, 0)


@pytest.mark.parametrize("dependency", ["num*", "numpy>=", "numpy=1.0[", "=1", "a b c d e f"])
def test_a_dependency_that_cannot_be_read_is_a_fault(dependency: str, channel: str) -> None:
    (fault,) = result(channel, "python", dependency).faults

    assert fault.dependency == 1
    assert fault.kind in ("invalid", "unknown")


def test_a_package_can_come_from_any_channel(tmp_path: Path, channel: str) -> None:
    other = write_channel(tmp_path / "other", [], [package("tool 1.0", "python >=3.12")])

    assert result([channel, other], "tool", "python") == Result()
    assert kinds(result([channel, other], "tool", "python=3.9")) == [("conflict", 0, (1,))]


def test_the_priority_of_channels_is_flexible(tmp_path: Path, channel: str) -> None:
    first = write_channel(tmp_path / "first", [package("numpy 1.0")])

    # With strict priority, only the version of the first channel could be installed.
    assert result([first, channel], "numpy=1.26", "python") == Result()


def test_a_dependency_can_name_its_channel(tmp_path: Path, channel: str) -> None:
    other = write_channel(tmp_path / "other", [package("numpy 9.0")])

    assert result([channel, other], f"{other}::numpy=9", "python") == Result()
    (fault,) = result([channel, other], f"{channel}::numpy=9").faults
    assert (fault.kind, fault.dependency) == ("conflict", 0)
    assert "numpy 9.0 is excluded because candidate not in requested channel" in fault.reason


def test_channels_with_a_common_name_have_equal_priority(
    tmp_path: Path, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_channel(tmp_path / "first", [package("numpy 1.0")])
    monkeypatch.setattr(channels, "DEFAULT_CHANNELS", (first, channel))

    assert result("defaults", "defaults::numpy=1.26", "python=3.12") == Result()
    assert kinds(result("defaults", "numpy=2", "absent")) == [
        ("version", 0, ()),
        ("unknown", 1, ()),
    ]


def test_a_channel_without_packages_for_the_platform_is_read(tmp_path: Path) -> None:
    write_channel(tmp_path / "channel", [], [package("tool 1.0")])
    (tmp_path / "channel" / "linux-64" / "repodata.json").unlink()

    assert result((tmp_path / "channel").as_uri(), "tool") == Result()


def test_solve_returns_a_result_for_each_of_many_requests(channel: str) -> None:
    requests = [request(channel, "python", f"numpy={version}") for version in range(40)]

    found = solved(*requests)

    assert set(found) == set(requests)
    assert [item.dependencies[1] for item in requests if found[item] == Result()] == ["numpy=1"]


def test_requests_are_solved_at_the_same_time(
    channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = most = 0
    original = rattler.solve

    async def counting(*arguments: Any, **options: Any) -> object:
        nonlocal running, most
        running += 1
        most = max(most, running)
        # Lets the other requests start, however fast a solve is.
        for _ in range(20):
            await asyncio.sleep(0)
        try:
            return await original(*arguments, **options)
        finally:
            running -= 1

    monkeypatch.setattr(solver, "solve", counting)
    solved(*(request(channel, f"numpy<{version}") for version in range(2, 12)))

    assert most == solver.PARALLEL


# Channels that cannot be read


def test_a_channel_in_a_missing_directory_is_unreachable(tmp_path: Path) -> None:
    address = (tmp_path / "nothing").as_uri()

    (found,) = result(address, "python").unreachable

    assert found.channel == address
    assert "nothing/noarch/repodata.json`: No such file or directory" in found.reason


def test_a_channel_with_a_damaged_index_is_unreachable(tmp_path: Path, channel: str) -> None:
    (tmp_path / "channel" / "linux-64" / "repodata.json").write_text("{broken")

    (found,) = result(channel, "python").unreachable

    assert found.reason.startswith("failed to parse repodata.json: ")


def test_a_channel_with_an_invalid_address_is_unreachable() -> None:
    assert result("http://[bad", "python").unreachable == (
        Unreachable("http://[bad", "could not parse url: invalid IPv6 address"),
    )


def test_a_channel_on_a_closed_port_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "RETRIES", 0)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/channel"

        (found,) = result(address, "python").unreachable

    assert found.channel == address
    assert "Connection refused" in found.reason


def test_only_requests_with_the_unreachable_channel_are_not_solved(
    tmp_path: Path, channel: str
) -> None:
    missing = (tmp_path / "nothing").as_uri()
    good, bad = request(channel, "numpyy"), request([channel, missing], "numpyy")

    found = solved(good, bad)

    assert kinds(found[good]) == [("unknown", 0, ())]
    assert (found[bad].faults, len(found[bad].unreachable)) == ((), 1)


# A channel on a server


class Handler(SimpleHTTPRequestHandler):
    """Serves a directory, with the status 403 for every path that starts with `/private`."""

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Prints nothing."""

    def do_GET(self) -> None:
        if self.path.startswith("/private"):
            self.send_error(403)
        else:
            super().do_GET()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    write_channel(tmp_path / "public", PACKAGES)
    # The solver keeps the indexes of servers in the home of the user.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    handler = partial(Handler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_a_channel_on_a_server_is_read(server: str) -> None:
    found = result(f"{server}/public", "python=3.12", "numpyy", "numpy=1.20")

    assert kinds(found) == [("unknown", 1, ()), ("conflict", 2, (0,))]


@pytest.mark.parametrize(("path", "reason"), [("private", "(403 "), ("missing", "(404 ")])
def test_the_http_status_is_the_reason_why_a_channel_is_unreachable(
    path: str, reason: str, server: str
) -> None:
    (found,) = result(f"{server}/{path}", "python").unreachable

    assert reason in found.reason


def test_a_channel_whose_packages_cannot_be_fetched_is_unreachable(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The names of the packages are known, but the server fails afterwards.
    async def failing(*arguments: Any, **options: Any) -> None:
        raise GatewayError(f"error sending request for url ({server}/public/a)\nCaused by: reset")

    monkeypatch.setattr(solver, "solve", failing)
    found = result(f"{server}/public", "python")

    reason = f"error sending request for url ({server}/public/a): reset"
    assert found == Result(unreachable=(Unreachable(f"{server}/public", reason),))
