"""Uploads of build contexts end with success, or with a failure and its reason."""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import pexpect
import pytest
from msgspec.structs import replace

from envsync.emulator.settings import Settings
from envsync.model.environment import Build, Environment, EnvironmentSpec
from envsync.model.errors import TargetError
from envsync.project.context.scan import scan_context
from envsync.project.settings.targets import TargetKind
from envsync.targets.azure.http.upload_retries import UploadRetries
from envsync.targets.azure.http.uploads import Uploads
from envsync.targets.azure.target import AzureTarget
from envsync.targets.connection import Connection
from tests.command import envsync
from tests.project.project import DATA, write
from tests.targets.azure.blob_faults import RESET, SILENCE, BlobFaults, blob_faults
from tests.targets.azure.on_emulator import Azure, azure, require_azurite
from tests.targets.contract import OURS, environment

SLOW = (SILENCE, "503 ServerBusy")
"""Faults that last until the time limit of an upload."""

KINDS: tuple[TargetKind, ...] = ("workspace", "registry")
DOCKERFILE = {"Dockerfile": "FROM mcr.microsoft.com/azureml/core:1\n"}
REFUSED = "403 AuthorizationPermissionMismatch"

SHORT = Connection(time_limit=10.0)
"""A short time limit for tests of timeouts. Requests without faults need less time than this.

The command line has no option for it.
"""

SHORTEST = Connection(time_limit=5.0)
"""The time limit of tests in which no upload has to succeed."""

HANGS = 120
"""Seconds after which a program counts as hanging. Every test takes much less time."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    require_azurite()
    directory = tmp_path_factory.mktemp("azure")
    with azure(directory, workspaces=30, registries=18) as service:
        # Upload once here, because the first upload starts Azurite, which takes longer than `SHORT`
        # allows.
        with service.target("workspace") as target:
            target.create(with_context(write(directory / "first", DOCKERFILE)))
        yield service


@pytest.fixture
def faults(service: Azure, tmp_path: Path) -> Iterator[BlobFaults]:
    with blob_faults(service, tmp_path) as faults:
        yield faults


def with_context(directory: Path, name: str = "alpha", version: str = "1") -> Environment:
    """Returns an environment that is built from a directory."""
    spec = EnvironmentSpec(build=Build(scan_context(directory, directory).context))
    return environment(name, version, spec=spec, provenance=replace(OURS, digest=spec.digest))


def uploaded(target: AzureTarget, name: str, version: str = "1") -> dict[str, str]:
    """Returns the files of a version's build context in the storage account."""
    storage = importlib.import_module("azure.storage.blob")
    held = target.endpoint.resources.version(name, version)
    assert held is not None
    assert held.context_uri is not None
    container, _, prefix = urlsplit(held.context_uri).path.lstrip("/").partition("/")
    settings = Settings()
    with storage.ContainerClient(
        settings.blob_endpoint, container, credential=settings.blob_key
    ) as client:
        return {
            blob.name.removeprefix(prefix): client.download_blob(blob.name).readall().decode()
            for blob in client.list_blobs(prefix)
        }


def create_all(target: AzureTarget, environments: list[Environment]) -> list[str]:
    """Creates environments in 16 threads. Returns an error message or "" for each environment."""

    def create(declared: Environment) -> str:
        try:
            target.create(declared)
        except TargetError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(create, environments))


class TestOneContent:
    @pytest.mark.parametrize("kind", KINDS)
    def test_environments_with_equal_contexts_are_created_in_parallel(
        self, service: Azure, faults: BlobFaults, tmp_path: Path, kind: TargetKind
    ) -> None:
        directory = write(tmp_path / "context", DOCKERFILE)
        declared = [with_context(directory, f"e{number}") for number in range(10)]
        with service.target(kind) as target:
            failures = create_all(target, declared)

            assert failures == [""] * 10
            # In a registry, each version has its own address.
            assert faults.written == ["Dockerfile"] * (1 if kind == "workspace" else 10)
            assert uploaded(target, "e0") == uploaded(target, "e9") == DOCKERFILE

    def test_versions_of_one_name_share_an_upload(
        self, service: Azure, faults: BlobFaults, tmp_path: Path
    ) -> None:
        directory = write(tmp_path / "context", DOCKERFILE)
        declared = [with_context(directory, version=version) for version in ("1", "2", "3")]
        with service.target("workspace") as target:
            assert create_all(target, declared) == ["", "", ""]
            assert faults.written == ["Dockerfile"]
            assert uploaded(target, "alpha", "3") == DOCKERFILE

    def test_directories_with_different_names_have_different_addresses(
        self, service: Azure, faults: BlobFaults, tmp_path: Path
    ) -> None:
        declared = [
            with_context(write(tmp_path / name, DOCKERFILE), name) for name in ("one", "two")
        ]
        with service.target("workspace") as target:
            assert create_all(target, declared) == ["", ""]
            assert faults.written == ["Dockerfile"] * 2
            assert uploaded(target, "one") == uploaded(target, "two") == DOCKERFILE

    def test_an_upload_that_waits_for_a_failed_upload_fails_with_the_same_reason(
        self, service: Azure, faults: BlobFaults, tmp_path: Path
    ) -> None:
        directory = write(tmp_path / "context", DOCKERFILE)
        faults.on_writes(SILENCE)
        with service.target("workspace", SHORTEST) as target, ThreadPoolExecutor(1) as pool:
            first = pool.submit(create_all, target, [with_context(directory, "alpha")])
            assert faults.silent.wait(HANGS)
            second = create_all(target, [with_context(directory, "beta")])

            assert second == first.result()
            assert second != [""]
            # Only the first upload sends requests: at most one attempt and 3 retries.
            assert len(faults.written) <= 4


FAILURES = (
    (REFUSED, "No permission to upload to the storage account envsyncemulator. Ask for"),
    ("403 AuthenticationFailed", "No permission to upload to the storage account"),
    ("404 ContainerNotFound", "storage account envsyncemulator has no container .*-"),
    ("409 LeaseIdMissing", r"The service refused the request \(LeaseIdMissing\): No"),
    ("503 ServerBusy", r"envsyncemulator.* failed after all retries \(503\): No"),
    (RESET, "envsyncemulator.* cannot be reached: the connection was closed. Check"),
    (SILENCE, "envsyncemulator.* cannot be reached: it did not respond in time. Check"),
)
"""Faults, and a part of the message about each."""


class TestFailures:
    @pytest.mark.parametrize(
        ("kind", "fault", "sentence"),
        [
            *(("workspace", *failure) for failure in FAILURES),
            # Both kinds upload with the same code, so one kind waits for the time limit.
            *(("registry", *failure) for failure in FAILURES if failure[0] not in SLOW),
        ],
    )
    def test_a_create_with_a_failed_upload_reports_the_reason(
        self,
        service: Azure,
        faults: BlobFaults,
        tmp_path: Path,
        kind: TargetKind,
        fault: str,
        sentence: str,
    ) -> None:
        directory = write(tmp_path / "context", {**DOCKERFILE, "b/run.py": "pass\n"})
        faults.on_writes(fault)
        with service.target(kind, SHORTEST if fault in SLOW else None) as target:
            with pytest.raises(TargetError, match=sentence):
                target.create(with_context(directory))

            assert target.endpoint.resources.version("alpha", "1") is None

    def test_a_create_fails_if_the_storage_account_permits_no_keys(
        self, service: Azure, faults: BlobFaults, tmp_path: Path
    ) -> None:
        directory = write(tmp_path / "context", DOCKERFILE)
        faults.fault = lambda _: "403 KeyBasedAuthenticationNotPermitted"
        with (
            service.target("workspace") as target,
            pytest.raises(TargetError, match="No permission to upload to the storage account"),
        ):
            target.create(with_context(directory))

    def test_a_refused_upload_is_not_retried(
        self, service: Azure, faults: BlobFaults, tmp_path: Path
    ) -> None:
        directory = write(tmp_path / "context", DOCKERFILE)
        faults.on_writes(REFUSED)
        with service.target("workspace") as target, pytest.raises(TargetError):
            target.create(with_context(directory))

        assert faults.written == ["Dockerfile"]

    def test_after_one_failure_no_further_file_is_sent(
        self, service: Azure, faults: BlobFaults, tmp_path: Path
    ) -> None:
        directory = write(tmp_path / "context", {f"{number}.txt": "x" for number in range(400)})
        faults.on_writes(REFUSED)
        with service.target("workspace") as target, pytest.raises(TargetError):
            target.create(with_context(directory))

        # azure-ai-ml sends several files at once, so some requests are sent before the failure.
        assert 0 < len(faults.written) < 200

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("broken", ["a.txt", "b.txt"])
    def test_the_next_run_completes_an_interrupted_upload(
        self, service: Azure, faults: BlobFaults, tmp_path: Path, kind: TargetKind, broken: str
    ) -> None:
        files = {"a.txt": "a", "b.txt": "b"}
        directory = write(tmp_path / "context", files)
        with service.target(kind) as target:
            faults.on_writes(REFUSED, broken)
            with pytest.raises(TargetError):
                target.create(with_context(directory))
            faults.heal()
            target.create(with_context(directory))

            assert uploaded(target, "alpha") == files

    def test_a_failure_in_a_large_file_ends_the_upload(
        self, service: Azure, faults: BlobFaults, tmp_path: Path
    ) -> None:
        directory = write(tmp_path / "context", DOCKERFILE)
        with (directory / "model.bin").open("wb") as file:
            # azure-storage-blob sends files above 64 MiB in blocks.
            file.truncate(65 * 1024 * 1024)
        faults.on_writes(REFUSED, "model.bin")
        with (
            service.target("workspace") as target,
            pytest.raises(TargetError, match="No permission to upload"),
        ):
            target.create(with_context(directory))

    def test_a_create_with_an_empty_context_fails(self, service: Azure, tmp_path: Path) -> None:
        (tmp_path / "context").mkdir()
        with (
            service.target("workspace") as target,
            pytest.raises(
                TargetError, match=r"alpha:1 could not be created by azure-ai-ml:.*empty"
            ),
        ):
            target.create(with_context(tmp_path / "context"))


class TestTime:
    def test_the_time_limit_of_an_upload_grows_with_its_files_and_size(self) -> None:
        now = 0.0
        policy = UploadRetries(10.0, clock=lambda: now)
        sent: list[object] = []

        def send(request: object) -> object:
            sent.append(request)
            return SimpleNamespace(http_response=SimpleNamespace(status_code=201))

        policy.next = cast("Any", SimpleNamespace(send=send))
        request: Any = SimpleNamespace(
            http_request=SimpleNamespace(method="PUT", url="https://a.blob.core.windows.net/c/b"),
            context=SimpleNamespace(options={"hosts": {}, "connection_timeout": 14400}),
        )

        # The time limit is 15 seconds: 10 for one request, 2 for the files, and 3 for the size at
        # 32 KiB a second.
        policy.start(files=2, size=3 * 32 * 1024)
        now = 15.0
        policy.send(request)
        now = 15.1
        with pytest.raises(TargetError, match="took longer than 15 seconds"):
            policy.send(request)
        now = 1.0
        with pytest.raises(TargetError, match="took longer than 15 seconds"):
            policy.send(request)

        assert len(sent) == 1
        # Each attempt gets a quarter of the 10 seconds, so that one attempt and 3 retries take at
        # most 10 seconds.
        assert request.context.options == {"connection_timeout": 2.5, "read_timeout": 2.5}

    def test_uploads_without_envsync_keep_their_progress_bar(self) -> None:
        assets = importlib.import_module("azure.ai.ml._utils._asset_utils")
        bar = importlib.import_module("tqdm").tqdm
        with Uploads(1.0).watched(), assets.tqdm(total=1) as hidden:
            assert not isinstance(hidden, bar)
        with assets.tqdm(total=1, disable=True) as shown:
            assert isinstance(shown, bar)


def project(directory: Path, contexts: Mapping[str, Mapping[str, str]]) -> Path:
    """Writes a project with one environment for each context."""
    files = {}
    for name, context in contexts.items():
        place = f"environments/{name}"
        files[f"{place}/environment.yml"] = (
            f'name: {name}\nversion: "1"\ndescription: About\nbuild: {{path: context}}\n'
        )
        files |= {f"{place}/context/{path}": text for path, text in context.items()}
    return write(directory, files)


def settings(service: Azure, directory: Path) -> None:
    """Writes the settings of a project, with an empty target of each kind."""
    targets = {kind: {"kind": kind, **service.config(kind).settings} for kind in KINDS}
    # JSON text is valid in the YAML file, because every JSON document is also a YAML document.
    text = json.dumps({"project": "churn", "default_target": "workspace", "targets": targets})
    (directory / "envsync.yaml").write_text(text)


class TestApply:
    """Runs `envsync apply`, in a separate process if the process state matters."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_apply_creates_two_environments_with_equal_contexts(
        self, service: Azure, tmp_path: Path, kind: TargetKind
    ) -> None:
        directory = project(tmp_path / "p", {"alpha": DOCKERFILE, "beta": DOCKERFILE})
        settings(service, directory)

        done = envsync("apply", "--yes", "-t", kind, "--format", "json", cwd=directory)

        statuses = {item["name"]: item["status"] for item in json.loads(done.stdout)["outcomes"]}
        assert (done.returncode, done.stderr) == (0, "")
        assert statuses == {"alpha": "done", "beta": "done"}

    @pytest.mark.parametrize(
        ("kind", "fault", "sentence"),
        [
            ("workspace", REFUSED, "No permission to upload to the storage account"),
            ("workspace", RESET, "the connection was closed"),
            ("workspace", SILENCE, "it did not respond in time"),
            ("registry", REFUSED, "No permission to upload to the storage account"),
        ],
    )
    def test_other_uploads_continue_after_a_failed_upload(
        self,
        service: Azure,
        faults: BlobFaults,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        kind: TargetKind,
        fault: str,
        sentence: str,
    ) -> None:
        contexts = {"alpha": {**DOCKERFILE, "alpha.txt": "a"}, "beta": DOCKERFILE}
        directory = project(tmp_path / "p", contexts)
        settings(service, directory)
        faults.on_writes(fault, "alpha.txt")

        if fault in SLOW:
            limited = functools.partial(Connection, time_limit=SHORT.time_limit)
            monkeypatch.setattr("envsync.targets.connection.Connection", limited)

        done = envsync("apply", "--yes", "-t", kind, "--format", "json", cwd=directory)

        outcomes = {item["name"]: item for item in json.loads(done.stdout)["outcomes"]}
        assert (done.returncode, done.stderr) == (1, "")
        assert {name: item["status"] for name, item in outcomes.items()} == {
            "alpha": "failed",
            "beta": "done",
        }
        assert sentence in outcomes["alpha"]["error"]

    def test_a_terminal_shows_one_progress_bar(
        self, service: Azure, faults: BlobFaults, tmp_path: Path
    ) -> None:
        contexts = {"alpha": {**DOCKERFILE, "alpha.txt": "a"}, "beta": DOCKERFILE}
        directory = project(tmp_path / "p", contexts)
        settings(service, directory)
        faults.on_writes(REFUSED, "alpha.txt")
        child = pexpect.spawn(
            sys.executable,
            ["-m", "envsync", "apply", "--yes"],
            cwd=str(directory),
            env={**os.environ, "TERM": "xterm"},
            encoding="utf-8",
            timeout=HANGS,
            dimensions=(40, 400),
        )
        child.expect(pexpect.EOF)
        child.close()
        shown = str(child.before)

        assert child.exitstatus == 1
        assert "Applying" in shown
        assert "Uploading" not in shown
        assert "Traceback" not in shown


# Two directories of Azure/azureml-examples have build contexts with the same content.
EQUAL_CONTEXTS = "corpus/azureml-examples/cli/jobs/single-step/r"


class TestRealRepositories:
    def test_directories_with_equal_content_share_an_upload(
        self, service: Azure, faults: BlobFaults, tmp_path: Path
    ) -> None:
        found = [DATA / EQUAL_CONTEXTS / name / "docker-context" for name in ("accidents", "iris")]
        if not all(context.is_dir() for context in found):
            pytest.skip(f"there are no public examples in {DATA} (set ENVSYNC_TEST_DATA)")
        declared = [with_context(context, context.parent.name) for context in found]
        with service.target("workspace") as target:
            assert create_all(target, declared) == ["", ""]
            assert faults.written == ["Dockerfile"]
            assert uploaded(target, "accidents") == uploaded(target, "iris")

    def test_components_with_equal_contexts_are_created(
        self, service: Azure, tmp_path: Path
    ) -> None:
        # The directories are named as in the NVFLARE components of
        # Azure-Samples/azure-ml-federated-learning.
        names = ("client", "provision", "server")
        declared = [
            with_context(
                write(tmp_path / "NVFLARE" / name / "environment/context", DOCKERFILE), name
            )
            for name in names
        ]
        with service.target("workspace") as target:
            assert create_all(target, declared) == [""] * 3
            assert [uploaded(target, name) for name in names] == [DOCKERFILE] * 3
