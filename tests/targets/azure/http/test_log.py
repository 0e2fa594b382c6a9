"""The log of `--debug-http`, and the message for a missing extra."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("azure.mgmt.core", reason="azure-mgmt-core is not installed")

from envsync.model.errors import TargetError
from envsync.model.wording import install
from envsync.targets.azure.http.log import RequestLog, redacted_text, redacted_url
from envsync.targets.azure.http.transport import SharedTransport
from envsync.targets.connection import Connection
from tests.targets.azure.scripted import Script, answer, rest

BLOB = "https://account.blob.core.windows.net/store"
URL = "https://management.azure.com/subscriptions/0000"


def test_the_signature_of_a_url_is_hidden() -> None:
    assert redacted_url(f"{BLOB}?sv=2021&sig=a%2Bb&$top=1&api-version=1") == (
        f"{BLOB}?sv=REDACTED&sig=REDACTED&$top=1&api-version=1"
    )


@pytest.mark.parametrize("key", ["sig", "SharedAccessKey", "AccountKey"])
def test_signatures_in_a_text_are_hidden(key: str) -> None:
    assert redacted_text(f"at {BLOB}?{key}=abc&se=1 now") == f"at {BLOB}?{key}=REDACTED&se=1 now"


def test_secrets_in_bodies_are_hidden_and_other_fields_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "http.jsonl"
    log = RequestLog(path, pytest.fail)
    connection = rest(
        Script(
            answer(
                200,
                {
                    "secretsType": "Sas",
                    "sasToken": "se=1&sig=abc",
                    "key": "abc",
                    "blobReference": {"credential": {"sasUri": f"{BLOB}?sig=abc"}, "blobUri": BLOB},
                    "tags": {"team": "churn"},
                },
            )
        ),
        log=log,
    )

    connection.put(URL, {"api-version": "1"}, {"properties": {"tags": {"password": "abc"}}})
    log.close()

    (line,) = (json.loads(text) for text in path.read_text(encoding="utf-8").splitlines())
    assert "abc" not in path.read_text(encoding="utf-8")
    assert (line["method"], line["url"], line["status"]) == ("PUT", f"{URL}?api-version=1", 200)
    assert line["answer"]["tags"] == {"team": "churn"}
    assert line["answer"]["blobReference"]["blobUri"] == BLOB


def test_a_request_without_a_response_is_logged(tmp_path: Path) -> None:
    path = tmp_path / "http.jsonl"
    log = RequestLog(path, pytest.fail)
    connection = rest(Script(ConnectionError("refused"), answer(200, {})), log=log)

    with pytest.raises(ConnectionError):
        connection.get(URL)
    log.close()

    (line,) = (json.loads(text) for text in path.read_text(encoding="utf-8").splitlines())
    assert line["error"] == "refused"


def test_the_pool_keeps_a_connection_for_each_worker() -> None:
    transport = SharedTransport(Connection(parallel=32).parallel)

    # If the pool had fewer places than there are workers, urllib3 would close some connections
    # after each request.
    adapter = transport.session.get_adapter(URL)

    assert adapter._pool_maxsize >= 32
    transport.close()


@pytest.mark.parametrize("kind", ["workspace", "registry"])
def test_the_error_of_a_missing_extra_says_how_to_install_it(kind: str) -> None:
    code = (
        # None in `sys.modules` makes an import fail, as if the package were not installed.
        "import sys; sys.modules['azure.identity'] = None;"
        "from pathlib import Path; from envsync.model.errors import TargetError;"
        "from envsync.targets.kinds import open_target; "
        "from envsync.project.settings.targets import TargetConfig\n"
        f"try: open_target(TargetConfig('dev', {kind!r}, {{}}), Path())\n"
        "except TargetError as error: print(error)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == (
        f"The target dev is a {kind} in Azure, and the package azure.identity is not installed: "
        f"{install('azure')}\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_full_disk_ends_the_log_and_not_the_requests() -> None:
    warnings: list[str] = []
    log = RequestLog(Path("/dev/full"), warnings.append)
    connection = rest(Script(answer(200, {"a": 1}), answer(200, {"a": 2})), log=log)
    received = [connection.get(URL) for _ in range(2)]
    log.close()

    assert received == [{"a": 1}, {"a": 2}]
    assert warnings == [
        "The request log /dev/full cannot be written any more: No space left on device. Later "
        "requests are not logged."
    ]


def test_credentials_in_urls_and_bodies_are_hidden(tmp_path: Path) -> None:
    path = tmp_path / "http.jsonl"
    log = RequestLog(path, pytest.fail)
    conda = "channels: ['https://conda.example/t/s3cret-1/ml', 'https://u:s3cret-2@h.example']"
    connection = rest(Script(answer(200, {"properties": {"condaFile": conda}})), log=log)

    connection.put(URL, {"api-version": "1"}, {"properties": {"condaFile": conda}})
    log.close()

    assert "s3cret" not in path.read_text(encoding="utf-8")
    assert "https://***@h.example" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("exists", [False, True])
def test_only_the_owner_can_read_the_log(tmp_path: Path, exists: bool) -> None:
    path = tmp_path / "http.jsonl"
    if exists:
        path.write_text("earlier\n")
        path.chmod(0o644)

    RequestLog(path, pytest.fail).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == ("earlier\n" if exists else "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_that_nobody_reads_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)

    with pytest.raises(TargetError) as caught:
        RequestLog(path, pytest.fail)
    assert str(caught.value) == (
        f"The request log {path} cannot be written: it is not a regular file or a terminal. Pass "
        "another file to --debug-http."
    )
