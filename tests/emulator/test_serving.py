"""A complete emulator: TLS, log, faults, blobs and clean-up."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, Protocol

import pytest

from envsync.emulator.settings import (
    APPLICATION_HOSTS,
    BLOB_SUFFIX,
    CLIENT_ID,
    CLIENT_SECRET,
    FaultKind,
    Settings,
)
from tests import forked
from tests.emulator.conftest import require_blobs

pytest.importorskip("starlette", reason="the emulator needs starlette")
pytest.importorskip("uvicorn", reason="the emulator needs uvicorn")
pytest.importorskip("trustme", reason="the emulator needs trustme")

import uvicorn

from envsync.emulator.network.azurite import find
from envsync.emulator.serve import Emulator, running

WORKSPACE = (
    "https://management.azure.com/subscriptions/s/resourceGroups/g"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws-dev"
)
ENVIRONMENT = {"properties": {"image": "python:3.12"}}


@dataclass(frozen=True)
class Reply:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    url: str,
    method: str = "GET",
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
    timeout: float = 30,
) -> Reply:
    """Sends a request with urllib, which reads the proxy and certificate variables itself."""
    # Each request needs a new opener, because an opener reads the variables only once.
    # Every URL is one of the emulator.
    request = urllib.request.Request(url, body, dict(headers), method=method)  # noqa: S310
    try:
        with urllib.request.build_opener().open(request, timeout=timeout) as answer:
            return Reply(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, dict(error.headers), error.read())


def token(secret: str = CLIENT_SECRET) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": secret,
        "scope": "https://management.azure.com/.default",
    }
    url = "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
    answer = ask(url, "POST", body=urllib.parse.urlencode(form).encode())
    return f"Bearer {json.loads(answer.body)['access_token']}"


def manage(
    path: str,
    method: str = "GET",
    body: object = None,
    authorization: str = "",
    timeout: float = 30,
) -> Reply:
    """Sends a request to the first workspace, with a token that may write by default."""
    content = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": authorization or token(), "Content-Type": "application/json"}
    url = f"{WORKSPACE}{path}?api-version=2024-04-01"
    return ask(url, method, body=content, headers=headers, timeout=timeout)


class Start(Protocol):
    """Starts another emulator."""

    def __call__(self, settings: Settings, log: Path | None = None) -> Emulator: ...


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts emulators that run until the end of the test.

    The environment variables of this process connect clients to the emulator that started last.
    """
    with ExitStack() as stack:

        def call(settings: Settings, log: Path | None = None) -> Emulator:
            emulator = stack.enter_context(running(settings, log))
            for name, value in emulator.variables.items():
                monkeypatch.setenv(name, value)
            return emulator

        yield call


def test_the_fixture_connects_this_process_to_the_emulator(emulator: Emulator) -> None:
    assert emulator.variables.items() <= dict(os.environ).items()
    assert manage("/environments").status == 200


# TLS


@pytest.mark.parametrize("host", APPLICATION_HOSTS)
def test_the_client_trusts_the_certificate_of_every_host(emulator: Emulator, host: str) -> None:
    assert ask(f"https://{host}/nothing").status in {401, 404}


def test_the_certificate_passes_strict_verification(emulator: Emulator) -> None:
    context = ssl.create_default_context(cafile=emulator.variables["REQUESTS_CA_BUNDLE"])
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default since Python 3.13
    with (
        connected(emulator, "management.azure.com") as plain,
        context.wrap_socket(plain, server_hostname="management.azure.com") as secure,
    ):
        assert secure.version() == "TLSv1.3"


def test_other_clients_do_not_trust_the_certificate(emulator: Emulator) -> None:
    context = ssl.create_default_context(cadata=other_authority())
    with (
        connected(emulator, "management.azure.com") as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname="management.azure.com")


@contextmanager
def connected(emulator: Emulator, host: str) -> Iterator[socket.socket]:
    """Yields a connection through the tunnel before the TLS handshake."""
    proxy = urllib.parse.urlsplit(emulator.variables["HTTPS_PROXY"])
    with socket.create_connection((proxy.hostname or "", proxy.port or 0)) as plain:
        plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
        assert plain.recv(100).startswith(b"HTTP/1.1 200 ")
        yield plain


def test_without_registries_the_variable_of_the_registry_is_absent(start: Start) -> None:
    assert "AZUREML_REGISTRY_NAME" not in start(Settings(registries=())).variables


def other_authority() -> str:
    import trustme

    return trustme.CA().cert_pem.bytes().decode()


def test_an_unknown_host_is_refused(emulator: Emulator) -> None:
    with pytest.raises(urllib.error.URLError, match=r"does not serve example\.org:443"):
        ask("https://example.org/")


# Behaviour


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_other_users_cannot_read_the_private_key(emulator: Emulator) -> None:
    directory = Path(emulator.variables["REQUESTS_CA_BUNDLE"]).parent

    modes = [path.stat().st_mode & 0o777 for path in (directory, directory / "key.pem")]

    assert modes == [0o700, 0o600]


def test_a_written_version_can_be_read(start: Start) -> None:
    start(Settings())
    put = manage("/environments/pydata/versions/1", "PUT", ENVIRONMENT)
    got = manage("/environments/pydata/versions/1")

    assert (put.status, got.status) == (201, 200)
    assert json.loads(got.body)["properties"]["image"] == "python:3.12"


def test_the_reader_role_can_read_but_not_write(start: Start) -> None:
    start(Settings(reader_secret="reads"))
    reader = token("reads")
    write = manage("/environments/a/versions/1", "PUT", ENVIRONMENT, authorization=reader)

    assert manage("/environments", authorization=reader).status == 200
    assert write.status == 403


def test_each_request_is_logged(tmp_path: Path, start: Start) -> None:
    log = tmp_path / "requests.jsonl"
    start(Settings(), log)
    manage("/environments/absent/versions/1")
    entries = [json.loads(line) for line in log.read_text().splitlines()]

    assert [(entry["method"], entry["host"], entry["status"]) for entry in entries] == [
        ("POST", "login.microsoftonline.com", 200),
        ("GET", "management.azure.com", 404),
    ]
    assert entries[1]["query"] == "api-version=2024-04-01"
    assert "Bearer" not in log.read_text()
    assert CLIENT_SECRET not in log.read_text()


def test_responses_show_the_remaining_requests(start: Start) -> None:
    start(Settings(throttle="arm"))
    authorization = token()
    answers = [manage("/environments", authorization=authorization) for _ in range(2)]
    left = [
        int(answer.headers["x-ms-ratelimit-remaining-subscription-reads"]) for answer in answers
    ]

    assert left[0] == 249
    assert left[1] in {248, 249}  # the bucket is refilled between the requests


@pytest.mark.parametrize("kind", ["reset", "drop-after-commit"])
def test_only_drop_after_commit_executes_a_write_whose_response_is_lost(
    kind: FaultKind, tmp_path: Path, start: Start
) -> None:
    state = tmp_path / "state.db"
    start(Settings(state=state, faults=((kind, 1.0),)))
    with pytest.raises((ConnectionError, ssl.SSLError, urllib.error.URLError)):
        manage("/environments/lost/versions/1", "PUT", ENVIRONMENT)

    start(Settings(state=state))
    kept = manage("/environments/lost/versions/1").status == 200
    assert kept == (kind == "drop-after-commit")


def test_a_timeout_fault_makes_the_client_time_out(start: Start) -> None:
    start(Settings(faults=(("timeout", 1.0),)))
    authorization = token()
    with pytest.raises((TimeoutError, urllib.error.URLError), match="timed out"):
        manage("/environments", authorization=authorization, timeout=0.3)


def test_concurrent_requests_are_served_concurrently(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed = asyncio.sleep
    now, most = 0, 0

    async def counted(seconds: float) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await delayed(seconds)
        now -= 1

    own = SimpleNamespace(**{**vars(asyncio), "sleep": counted})
    monkeypatch.setattr("envsync.emulator.middleware.faults.asyncio", own)
    start(Settings(latency_ms=200))
    authorization = token()
    with ThreadPoolExecutor(16) as threads:
        replies = list(
            threads.map(lambda _: manage("/environments", authorization=authorization), range(16))
        )

    assert {reply.status for reply in replies} == {200}
    assert most > 1


# State


def test_the_state_is_kept_and_a_local_target_can_read_it(tmp_path: Path, start: Start) -> None:
    state = tmp_path / "emulator.db"
    start(Settings(state=state))
    manage("/environments/pydata/versions/1", "PUT", ENVIRONMENT)
    start(Settings(state=state))
    (tmp_path / "envsync.yaml").write_text("targets: {local: {kind: local, path: emulator.db}}\n")
    listed = subprocess.run(
        [forked.program(), "-C", str(tmp_path), "list", "--format", "json"],
        capture_output=True,
        text=True,
    )

    assert manage("/environments/pydata/versions/1").status == 200
    assert "pydata" in {found["name"] for found in json.loads(listed.stdout)}


# Blobs


def blob_url(settings: Settings) -> str:
    return f"{settings.blob_endpoint}/{settings.blob_containers[0]}/file.txt"


def signed(settings: Settings, method: str, size: int = 0) -> dict[str, str]:
    """Returns the headers of a request for the blob, signed with the account's key."""
    import base64
    import hashlib
    import hmac
    from email.utils import formatdate

    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    if method == "PUT":
        headers = {"x-ms-blob-type": "BlockBlob", **headers}
    kind = "text/plain" if method == "PUT" else ""
    # https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    fixed = [method, "", "", str(size or ""), "", kind, *[""] * 6]
    account = settings.blob_account
    path = f"/{account}/{settings.blob_containers[0]}/file.txt"
    text = "\n".join([*fixed, *(f"{key}:{value}" for key, value in headers.items()), path])
    digest = hmac.digest(base64.b64decode(settings.blob_key), text.encode(), hashlib.sha256)
    authorization = f"SharedKey {account}:{base64.b64encode(digest).decode()}"
    return {**headers, **({"Content-Type": kind} if kind else {}), "Authorization": authorization}


def upload(settings: Settings) -> Reply:
    return ask(blob_url(settings), "PUT", body=b"hello", headers=signed(settings, "PUT", 5))


def download(settings: Settings) -> Reply:
    return ask(blob_url(settings), headers=signed(settings, "GET"))


def test_a_blob_is_kept_until_the_emulator_ends(start: Start) -> None:
    require_blobs()
    start(Settings())

    assert upload(Settings()).status == 201
    assert download(Settings()).body == b"hello"

    start(Settings())
    assert download(Settings()).status == 404


def test_blobs_are_kept_beside_the_state_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_blobs()
    settings = Settings(state=tmp_path / "emulator.db")
    replies = []
    for request in (upload, download):
        with running(settings) as emulator, monkeypatch.context() as patch:
            for name, value in emulator.variables.items():
                patch.setenv(name, value)
            replies.append(request(settings))

    assert [reply.status for reply in replies] == [201, 200]
    assert (tmp_path / "emulator.blobs").is_dir()


def program(tmp_path: Path, text: str) -> str:
    path = tmp_path / "azurite-blob"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_the_error_of_an_upload_says_why_azurite_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    monkeypatch.setenv("ENVSYNC_AZURITE", program(tmp_path, "echo This is broken; exit 3"))
    start(Settings())

    with pytest.raises(urllib.error.URLError, match=r"Azurite did not start\. This is broken"):
        upload(Settings())


def test_the_error_of_an_upload_says_that_azurite_is_missing(
    monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    monkeypatch.setenv("ENVSYNC_AZURITE", "no-such-program")
    emulator = start(Settings())

    (warning,) = emulator.warnings
    assert warning.startswith("Azurite is not installed, so build contexts cannot be uploaded.")
    assert "`npm install --global azurite`" in warning
    with pytest.raises(urllib.error.URLError, match="Azurite is not installed>"):
        upload(Settings())


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_azurite_is_searched_in_the_documented_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, on_path, beside = (tmp_path / name for name in ("named", "path", "project"))
    modules = beside / "node_modules" / ".bin"
    for directory in (named, on_path, modules):
        directory.mkdir(parents=True)
        program(directory, "true")
    # Hides the Azurite of this virtual environment.
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "no-venv"))
    monkeypatch.delenv("ENVSYNC_AZURITE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path)
    assert find() is None

    monkeypatch.chdir(beside)
    assert find() == modules / "azurite-blob"

    monkeypatch.setenv("PATH", str(on_path))
    assert find() == on_path / "azurite-blob"

    monkeypatch.setenv("ENVSYNC_AZURITE", str(named / "azurite-blob"))
    assert find() == named / "azurite-blob"


# Clean-up


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fails if the block leaves threads, open files or unclosed objects.

    Python warns when it collects an unclosed object, and pytest turns the warning into an error.
    """
    gc.collect()
    before = set(threading.enumerate()), open_files()
    yield
    gc.collect()
    # Threads and files from before the block may have ended. AnyIO ends its threads with the event
    # loop, but does not wait for them.
    new = set(threading.enumerate()) - before[0]
    for thread in new:
        thread.join(timeout=10)
    assert [thread for thread in new if thread.is_alive()] == []
    assert open_files() <= before[1]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0


@pytest.mark.parametrize("with_blobs", [False, True])
def test_no_thread_process_or_file_is_left(
    with_blobs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if with_blobs:
        require_blobs()
    with nothing_left():
        with running(Settings()) as emulator, monkeypatch.context() as patch:
            for name, value in emulator.variables.items():
                patch.setenv(name, value)
            manage("/environments")
            if with_blobs:
                upload(Settings())
        proxy = urllib.parse.urlsplit(emulator.variables["HTTPS_PROXY"])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((proxy.hostname or "", proxy.port or 0))
        assert not Path(emulator.variables["REQUESTS_CA_BUNDLE"]).parent.exists()


def test_a_signal_ends_the_emulator_immediately_even_during_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = uvicorn.Config

    def patient(*arguments: Any, **named: Any) -> uvicorn.Config:
        """Returns a uvicorn configuration that waits for open requests without a time limit."""
        return config(*arguments, **{**named, "timeout_graceful_shutdown": None})

    def hang(authorization: str) -> None:
        with pytest.raises((OSError, urllib.error.URLError)):
            manage("/environments", authorization=authorization, timeout=600)

    monkeypatch.setattr(uvicorn, "Config", patient)
    with running(Settings(faults=(("timeout", 1.0),))) as emulator:
        for name, value in emulator.variables.items():
            monkeypatch.setenv(name, value)
        client = threading.Thread(target=hang, args=(token(),))
        client.start()
        # Gives the client time to send its request.
        time.sleep(0.3)
    client.join(timeout=5)
    assert not client.is_alive()


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_the_emulator_ends_immediately_while_azurite_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait_for_azurite() -> None:
        with pytest.raises((OSError, urllib.error.URLError)):
            upload(Settings())

    # Remove the time limits of the emulator, so that it would wait as long as Azurite runs.
    wait = subprocess.Popen.wait
    monkeypatch.setattr(subprocess.Popen, "wait", lambda process, **_: wait(process))
    monkeypatch.setattr("envsync.emulator.network.azurite.START_SECONDS", 600)
    monkeypatch.setenv("ENVSYNC_AZURITE", program(tmp_path, "exec sleep 600"))
    with running(Settings()) as emulator:
        for name, value in emulator.variables.items():
            monkeypatch.setenv(name, value)
        clients = [threading.Thread(target=wait_for_azurite) for _ in range(3)]
        for client in clients:
            client.start()
        # Gives the clients time to send their requests, and Azurite time to start.
        time.sleep(0.5)
    for client in clients:
        client.join(timeout=5)
    assert [client for client in clients if client.is_alive()] == []


def test_an_exception_in_the_block_ends_the_emulator() -> None:
    class Failure(Exception):
        pass

    with nothing_left(), pytest.raises(Failure), running(Settings()):
        raise Failure


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_azurite_ends_after_its_emulator_was_killed(tmp_path: Path) -> None:
    require_blobs()
    upload_and_wait = (
        "import urllib.request, urllib.error, time\n"
        f"try: urllib.request.urlopen('https://envsyncemulator{BLOB_SUFFIX}/x')\n"
        "except urllib.error.HTTPError: print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    command = ["emulator", "--", sys.executable, "-c", upload_and_wait]
    with subprocess.Popen(
        [sys.executable, "-m", "envsync", *command],
        env={**os.environ, "TMPDIR": str(tmp_path)},  # a killed emulator leaves its files behind
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        children = [
            int(child)
            for task in Path(f"/proc/{process.pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
        azurite = [child for child in children if b"--blobPort" in arguments(child)]
        process.kill()
    # The command still runs after its emulator was killed.
    for child in set(children) - set(azurite):
        os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(arguments(child) for child in azurite) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert len(azurite) == 1
    assert [child for child in azurite if arguments(child)] == []


def arguments(process: int) -> bytes:
    """Returns the command line of a process, or nothing if the process has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""
