"""Signing in with the tokens of a job of GitHub Actions or Azure Pipelines."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("azure.identity", reason="azure-identity is not installed")

from envsync.api import Applied, apply_plan, make_plan
from envsync.emulator.service.assets import Assets
from envsync.model.addresses import DOCUMENTATION
from envsync.model.errors import TargetError
from envsync.project.project import load_project
from envsync.targets.azure.http import federated
from envsync.targets.azure.http.clouds import cloud
from tests.targets.azure.http.ci_system import LIFETIME, CiSystem, jwt, serving
from tests.targets.azure.on_emulator import Azure, azure

REQUEST_TOKEN = "the token of this job"


@pytest.fixture
def ci() -> Iterator[CiSystem]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with azure(tmp_path_factory.mktemp("azure"), workspaces=30) as service:
        yield service


@pytest.fixture(autouse=True)
def nobody(service: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Removes all variables for signing in, and hides the Azure CLI of this machine."""
    prefixes = ("AZURE", "IDENTITY_", "MSI_", "ACTIONS_", "GITHUB_", "SYSTEM_", "TF_")
    for name in [name for name in os.environ if name.startswith(prefixes)]:
        monkeypatch.delenv(name)
    (tmp_path / "bin").mkdir()
    if git := shutil.which("git"):
        (tmp_path / "bin" / "git").symlink_to(git)  # an apply records the commit
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    # The delays between retries would make the tests slow.
    monkeypatch.setattr(federated, "_RETRIES", 0)


@pytest.fixture
def github_job(ci: CiSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the variables of a job of GitHub Actions."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{ci.url}/run//job/idtoken?api-version=2.0")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)
    monkeypatch.setenv("AZURE_TENANT_ID", "contoso")
    monkeypatch.setenv("AZURE_CLIENT_ID", "app")


@pytest.fixture
def pipelines_job(ci: CiSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the variables of the task AzureCLI@2 in a job of Azure Pipelines."""
    monkeypatch.setenv("TF_BUILD", "True")
    monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", f"{ci.url}/project/oidctoken")
    monkeypatch.setenv("SYSTEM_ACCESSTOKEN", REQUEST_TOKEN)
    monkeypatch.setenv("AZURESUBSCRIPTION_TENANT_ID", "contoso")
    monkeypatch.setenv("AZURESUBSCRIPTION_CLIENT_ID", "app")
    monkeypatch.setenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "connection")


def read(service: Azure, **settings: str) -> None:
    """Reads an empty target."""
    with service.target("workspace", None, **settings) as target:
        assert target.read(["pydata"]) == {}


def refusal(service: Azure, credential: str) -> str:
    """Returns the message of the error if a target cannot be read with the credential."""
    with pytest.raises(TargetError) as caught:
        read(service, credential=credential)
    assert "\n" not in str(caught.value)
    assert REQUEST_TOKEN not in str(caught.value)
    return str(caught.value)


class TestGitHub:
    @pytest.mark.parametrize("settings", [{"credential": "github"}, {"credential": "default"}, {}])
    def test_a_job_signs_in(
        self, service: Azure, github_job: None, ci: CiSystem, settings: dict[str, str]
    ) -> None:
        read(service, **settings)

        assert set(ci.requests) == {
            (
                "GET",
                "/run//job/idtoken?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange",
                f"Bearer {REQUEST_TOKEN}",
            )
        }

    @pytest.mark.parametrize(
        ("name", "audience"),
        [
            ("AzureUSGovernment", "api%3A%2F%2FAzureADTokenExchangeUSGov"),
            ("AzureChinaCloud", "api%3A%2F%2FAzureADTokenExchangeChina"),
        ],
    )
    def test_each_cloud_has_its_own_audience(
        self, github_job: None, ci: CiSystem, name: str, audience: str
    ) -> None:
        assert federated.github(cloud(name))._func().startswith("e30.")
        assert ci.requests[0][1].endswith(f"&audience={audience}")

    def test_a_job_without_the_permission_is_reported(
        self, service: Azure, github_job: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL")
        monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")

        assert refusal(service, "github") == (
            "`credential: github` needs environment variables that are empty or not set: "
            "ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN. Give the job the "
            "permission `id-token: write`. GitHub then sets ACTIONS_ID_TOKEN_REQUEST_URL and "
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN. A pull request from a fork never gets this permission."
        )

    @pytest.mark.parametrize("name", ["AZURE_TENANT_ID", "AZURE_CLIENT_ID"])
    @pytest.mark.parametrize("value", ["", None])
    def test_a_missing_id_is_reported(
        self,
        service: Azure,
        github_job: None,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        value: str | None,
    ) -> None:
        monkeypatch.delenv(name)
        if value is not None:
            monkeypatch.setenv(name, value)

        assert refusal(service, "github") == (
            f"`credential: github` needs environment variables that are empty or not set: {name}. "
            "Set AZURE_TENANT_ID and AZURE_CLIENT_ID in the workflow to the ids of the application "
            "that trusts this repository."
        )

    def test_the_error_outside_github_says_how_to_sign_in_on_other_machines(
        self, service: Azure
    ) -> None:
        assert refusal(service, "github").endswith(
            "This credential signs in only in a job of GitHub Actions. To sign in elsewhere as "
            "well, remove `credential` from envsync.yaml: by default, envsync uses the job's "
            "tokens in GitHub Actions, and another sign-in, such as `az login`, on other machines."
        )

    @pytest.mark.parametrize(
        ("status", "content"),
        [(403, b"{}"), (401, b"Unauthorized"), (200, b"<html>"), (200, b'{"value": ""}')],
    )
    def test_a_refused_request_for_a_token_is_reported(
        self, service: Azure, github_job: None, ci: CiSystem, status: int, content: bytes
    ) -> None:
        ci.answers.append((status, content))

        assert refusal(service, "github") == (
            f"GitHub issued no token: 127.0.0.1 returned the status {status}. Check that the job "
            "has the permission `id-token: write` and is still running."
        )

    def test_an_unreachable_endpoint_is_reported(
        self, service: Azure, github_job: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "http://127.0.0.1:1/?api-version=2.0")

        assert refusal(service, "github").startswith(
            "GitHub's token endpoint 127.0.0.1 cannot be reached. Check the network"
        )

    def test_a_failed_request_for_a_token_is_repeated(
        self, service: Azure, github_job: None, ci: CiSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(federated, "_RETRIES", 2)
        monkeypatch.setattr(time, "sleep", lambda _: None)
        ci.answers += [(503, b"{}"), (500, b"{}")]

        read(service, credential="github")

    def test_a_token_with_a_wrong_time_is_reported(
        self, service: Azure, github_job: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(federated, "_issued", lambda _: "e30.eyJleHAiOiAxfQ.s")  # exp: 1

        assert refusal(service, "github").endswith("Check the clock of this machine.")

    @pytest.mark.parametrize("name", ["AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"])
    def test_the_default_credential_prefers_other_variables_to_the_job_token(
        self,
        service: Azure,
        github_job: None,
        ci: CiSystem,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        name: str,
    ) -> None:
        (tmp_path / "token").write_text(jwt())
        values = {
            "AZURE_CLIENT_SECRET": "envsync-emulator",
            "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token"),
        }
        monkeypatch.setenv(name, values[name])

        read(service)

        assert ci.requests == []

    def test_the_error_of_the_default_credential_names_the_missing_permission(
        self, service: Azure, github_job: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL")

        assert "permission `id-token: write`" in refusal(service, "default")


class TestPipelines:
    @pytest.mark.parametrize("settings", [{"credential": "pipelines"}, {}])
    def test_a_job_signs_in(
        self, service: Azure, pipelines_job: None, ci: CiSystem, settings: dict[str, str]
    ) -> None:
        read(service, **settings)

        assert set(ci.requests) == {
            (
                "POST",
                "/project/oidctoken?api-version=7.1&serviceConnectionId=connection",
                f"Bearer {REQUEST_TOKEN}",
            )
        }

    @pytest.mark.parametrize(
        ("name", "fix"),
        [
            ("SYSTEM_ACCESSTOKEN", "`SYSTEM_ACCESSTOKEN: $(System.AccessToken)`"),
            ("AZURESUBSCRIPTION_CLIENT_ID", "in the task AzureCLI@2"),
            ("AZURESUBSCRIPTION_TENANT_ID", "in the task AzureCLI@2"),
            ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "in the task AzureCLI@2"),
        ],
    )
    def test_a_missing_variable_is_reported(
        self,
        service: Azure,
        pipelines_job: None,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        fix: str,
    ) -> None:
        monkeypatch.delenv(name)
        said = refusal(service, "pipelines")

        assert f" empty or not set: {name}. " in said
        assert fix in said

    def test_the_error_outside_azure_pipelines_says_where_the_credential_works(
        self, service: Azure
    ) -> None:
        assert refusal(service, "pipelines").endswith(
            "This credential signs in only in a job of Azure Pipelines. To sign in elsewhere as "
            "well, remove `credential` from envsync.yaml: by default, envsync uses the job's "
            "tokens in Azure Pipelines, and another sign-in, such as `az login`, on other machines."
        )

    @pytest.mark.parametrize(
        ("status", "content"), [(302, b""), (401, b"{}"), (200, b"<html>"), (200, b"{}")]
    )
    def test_a_refused_request_for_a_token_is_reported(
        self, service: Azure, pipelines_job: None, ci: CiSystem, status: int, content: bytes
    ) -> None:
        ci.answers.append((status, content))

        assert refusal(service, "pipelines").startswith(
            "Azure Pipelines issued no token for the service connection. Check that the service "
        )


class TestLongJobs:
    """An apply that takes longer than the tokens of the CI system and of Azure are valid."""

    @pytest.fixture
    def applied(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Callable[[str], Applied]]:
        """A function that applies four versions with a credential. Each write takes 12 minutes."""
        waited = 0

        def wait(put: Callable[..., Any]) -> Callable[..., Any]:
            def put_and_wait(*arguments: Any) -> Any:
                nonlocal waited
                waited += 12 * 60
                return put(*arguments)

            return put_and_wait

        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + waited)
        monkeypatch.setattr(Assets, "put_version", wait(Assets.put_version))
        with azure_for_minutes(tmp_path, 20) as service:

            def apply(credential: str) -> Applied:
                write_project(tmp_path / "project", service, credential)
                project = load_project(tmp_path / "project")
                return apply_plan(project, make_plan(project), parallel=1)

            yield apply

    def test_a_job_of_github_requests_new_tokens(
        self, applied: Callable[[str], Applied], github_job: None, ci: CiSystem
    ) -> None:
        done = applied("github")

        assert [outcome.status for outcome in done.outcomes] == ["done"] * 4
        assert len(ci.requests) > 2

    def test_a_job_of_azure_pipelines_requests_new_tokens(
        self, applied: Callable[[str], Applied], pipelines_job: None, ci: CiSystem
    ) -> None:
        done = applied("pipelines")

        assert [outcome.status for outcome in done.outcomes] == ["done"] * 4
        assert len(ci.requests) > 2

    def test_a_federated_token_in_a_file_expires(
        self,
        applied: Callable[[str], Applied],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        (tmp_path / "token").write_text(jwt())
        monkeypatch.setenv("AZURE_TENANT_ID", "contoso")
        monkeypatch.setenv("AZURE_CLIENT_ID", "app")
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))

        done = applied("workload")

        statuses = [outcome.status for outcome in done.outcomes]
        assert (statuses[0], statuses[-1]) == ("done", "failed")
        assert done.outcomes[-1].error == (
            "The federated token has expired, and this credential cannot renew it. Use "
            "`credential: github` in GitHub Actions, or `credential: pipelines` in Azure "
            "Pipelines. These credentials request a new token for each sign-in: "
            f"{DOCUMENTATION}/how-to/azure.md#signing-in"
        )


@contextmanager
def azure_for_minutes(directory: Path, minutes: int) -> Iterator[Azure]:
    """Runs an emulator whose access tokens are valid for some minutes."""
    with azure(directory, token_seconds=minutes * 60, assertion_seconds=LIFETIME) as service:
        for name in service.variables:
            if name.startswith("AZURE_"):
                os.environ.pop(name, None)
        yield service


def write_project(path: Path, service: Azure, credential: str) -> None:
    """Writes a project with four environments and a target with a credential."""
    (path / "environments").mkdir(parents=True)
    for name in ("a", "b", "c", "d"):
        text = f'name: {name}\nversion: "1"\nimage: python:3.12.1\ndescription: About {name}.\n'
        (path / "environments" / f"{name}.yml").write_text(text)
    settings = service.config("workspace", credential=credential).settings
    lines = "".join(f", {key}: {value!r}" for key, value in settings.items())
    (path / "envsync.yaml").write_text(
        f"project: churn\ntargets:\n  dev: {{kind: workspace{lines}}}\n"
    )
