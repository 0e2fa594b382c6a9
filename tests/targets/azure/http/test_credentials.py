"""Signing in with each credential, and the message of each failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("azure.identity", reason="azure-identity is not installed")

import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError

from envsync.model.errors import TargetError
from envsync.targets.azure.http.advice import advice
from tests.targets.azure.on_emulator import READER, Azure, azure, put

# A stand-in for the Azure CLI, which is too large to install here. The program signs in at the
# emulator and prints what `az account get-access-token` prints.
AZ = f"""#!{sys.executable}
import json, os, sys, urllib.parse, urllib.request
assert sys.argv[1:5] == ["account", "get-access-token", "--output", "json"], sys.argv
form = {{"grant_type": "client_credentials", "client_id": "cli", "scope": sys.argv[6],
        "client_secret": "envsync-emulator"}}
url = "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode()) as answer:
    token = json.load(answer)["access_token"]
print(json.dumps({{"accessToken": token, "expiresOn": "2099-01-01 00:00:00.000000",
                  "subscription": "s", "tenant": "t", "tokenType": "Bearer"}}))
"""
NOT_LOGGED_IN = f"""#!{sys.executable}
import sys
sys.exit("ERROR: Please run 'az login' to setup account.")
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with azure(tmp_path_factory.mktemp("azure"), workspaces=40) as service:
        yield service


@pytest.fixture(autouse=True)
def nobody(service: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Removes all variables for signing in, and sets PATH to an empty directory."""
    for name in [name for name in os.environ if name.startswith(("AZURE_", "IDENTITY_", "MSI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()


def install_az(directory: Path, program: str) -> None:
    path = directory / "bin" / "az"
    path.write_text(program)
    path.chmod(0o755)


def reads(service: Azure, credential: str) -> bool:
    """Returns True if an empty target can be read with the credential."""
    with service.target("workspace", credential=credential) as target:
        return target.read(["pydata"]) == {}


def refusal(service: Azure, credential: str) -> str:
    """Returns the message of the error if a target cannot be read with the credential."""
    with (
        pytest.raises(TargetError) as caught,
        service.target("workspace", credential=credential) as target,
    ):
        target.read(["pydata"])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sign_in(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


class TestEnvironment:
    @pytest.mark.parametrize("credential", ["environment", "default"])
    def test_a_client_secret_signs_in(
        self, service: Azure, monkeypatch: pytest.MonkeyPatch, credential: str
    ) -> None:
        names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
        sign_in(monkeypatch, **{name: service.variables[name] for name in names})

        assert reads(service, credential)

    @pytest.mark.parametrize("credential", ["environment", "default"])
    def test_a_wrong_secret_is_reported(
        self, service: Azure, monkeypatch: pytest.MonkeyPatch, credential: str
    ) -> None:
        sign_in(monkeypatch, AZURE_TENANT_ID="t", AZURE_CLIENT_ID="c", AZURE_CLIENT_SECRET="wrong")

        assert refusal(service, credential) == (
            "Azure does not recognize the application, its tenant or its secret. Check "
            "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET."
        )

    def test_the_error_contains_the_required_variables(self, service: Azure) -> None:
        assert refusal(service, "environment") == (
            "Not signed in to Azure. Set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
            "AZURE_CLIENT_SECRET, or choose another `credential` in envsync.yaml."
        )


class TestWorkload:
    @pytest.mark.parametrize("credential", ["workload", "default"])
    def test_a_federated_token_signs_in(
        self,
        service: Azure,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        credential: str,
    ) -> None:
        token = tmp_path / "token"
        token.write_text("header.claims.signature")
        sign_in(
            monkeypatch,
            AZURE_TENANT_ID="t",
            AZURE_CLIENT_ID="c",
            AZURE_FEDERATED_TOKEN_FILE=str(token),
        )

        assert reads(service, credential)

    def test_the_token_file_is_read_for_each_sign_in(
        self, service: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        # With this token, the emulator gives the client the role that can only read.
        token = tmp_path / "token"
        token.write_text(READER)
        sign_in(
            monkeypatch,
            AZURE_TENANT_ID="t",
            AZURE_CLIENT_ID="c",
            AZURE_FEDERATED_TOKEN_FILE=str(token),
        )
        with service.target("workspace", credential="workload") as target:
            assert target.read(["pydata"]) == {}
            with pytest.raises(TargetError, match="No permission to write"):
                put(target, "pydata")

    def test_the_error_contains_the_path_of_a_missing_token_file(
        self, service: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        path = str(tmp_path / "absent")
        sign_in(
            monkeypatch,
            AZURE_TENANT_ID="t",
            AZURE_CLIENT_ID="c",
            AZURE_FEDERATED_TOKEN_FILE=path,
        )

        assert refusal(service, "workload").startswith(
            f"The token file {path} cannot be read: No such file or directory. Set "
        )

    def test_the_error_contains_the_required_variables(self, service: Azure) -> None:
        assert "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE" in refusal(
            service, "workload"
        )


class TestCli:
    @pytest.mark.parametrize("credential", ["cli", "default"])
    def test_the_sign_in_of_az_login_is_used(
        self, service: Azure, tmp_path: Path, credential: str
    ) -> None:
        install_az(tmp_path, AZ)

        assert reads(service, credential)

    def test_the_error_of_a_signed_out_cli_says_to_run_az_login(
        self, service: Azure, tmp_path: Path
    ) -> None:
        install_az(tmp_path, NOT_LOGGED_IN)

        assert refusal(service, "cli") == "Not signed in to Azure. Run `az login`."

    def test_a_missing_cli_is_reported(self, service: Azure) -> None:
        assert refusal(service, "cli").startswith("The Azure CLI is not installed")

    def test_a_cli_that_cannot_run_is_reported(self, service: Azure, tmp_path: Path) -> None:
        install_az(tmp_path, "#!/absent/python\n")

        assert refusal(service, "cli").startswith("The Azure CLI could not be run")

    def test_the_error_of_the_default_credential_lists_several_ways_to_sign_in(
        self, service: Azure, tmp_path: Path
    ) -> None:
        install_az(tmp_path, NOT_LOGGED_IN)

        assert refusal(service, "default").startswith("Not signed in to Azure. Run `az login`, or")


class TestManaged:
    @pytest.mark.parametrize("client", [None, "", "user-assigned"])
    def test_a_managed_identity_signs_in(
        self, service: Azure, monkeypatch: pytest.MonkeyPatch, client: str | None
    ) -> None:
        with app_service() as (url, asked):
            sign_in(monkeypatch, IDENTITY_ENDPOINT=url, IDENTITY_HEADER="header")
            if client is not None:
                sign_in(monkeypatch, AZURE_CLIENT_ID=client)

            assert reads(service, "managed")

        assert asked == [client or None]

    def test_the_error_on_a_machine_without_managed_identity_says_what_to_do(
        self, service: Azure
    ) -> None:
        assert refusal(service, "managed").startswith(
            "Not signed in to Azure. Run envsync on a machine in Azure that has a managed identity"
        )

    def test_an_unknown_managed_identity_is_reported(
        self, service: Azure, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with app_service() as (url, _):
            sign_in(monkeypatch, IDENTITY_ENDPOINT=url, IDENTITY_HEADER="another")

            assert "If the identity is user-assigned, set AZURE_CLIENT_ID." in refusal(
                service, "managed"
            )


@contextmanager
def app_service() -> Iterator[tuple[str, list[str | None]]]:
    """Runs an endpoint for managed identities like the endpoint of App Service and Functions.

    Yields the URL of the endpoint, and the client id in each request. The endpoint of virtual
    machines has a fixed address, 169.254.169.254, so a test cannot run it. Source:
    https://learn.microsoft.com/azure/app-service/overview-managed-identity
    """
    asked: list[str | None] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            if self.headers["X-IDENTITY-HEADER"] != "header":
                self.answer(400, {"statusCode": 400, "message": "No User Assigned or Delegated"})
                return
            asked.append(query.get("client_id", [None])[0])
            form = {"client_id": "machine", "client_secret": "envsync-emulator"}
            url = "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
            form["scope"] = query["resource"][0]
            token = requests.post(url, form, timeout=60).json()["access_token"]
            self.answer(
                200,
                {
                    "access_token": token,
                    "expires_on": "4102444800",  # 2100-01-01
                    "resource": query["resource"][0],
                    "token_type": "Bearer",
                },
            )

        def answer(self, status: int, body: dict[str, object]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AADSTS7000222: The provided client secret keys are expired.", "secret has expired"),
        ("AADSTS700016: Application 'c' was not found in the directory.", "AZURE_CLIENT_ID and"),
        ("Unable to get authority configuration for https://login/t.", "Check AZURE_TENANT_ID"),
        ("AADSTS700213: No matching federated identity record found.", "Add a federated"),
        ("AADSTS70021: No matching federated identity record found.", "Add a federated"),
        ("AADSTS700024: Client assertion is not within its valid time range.", "cannot renew it"),
        ("AADSTS700082: The refresh token has expired.", "Run `az login`"),
        ("Failed to resolve 'login.microsoftonline.com'", "HTTPS_PROXY"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED]", "REQUESTS_CA_BUNDLE"),
    ],
)
@pytest.mark.parametrize("kind", ["default", "cli", "environment", "workload"])
def test_the_error_of_a_refused_sign_in_says_what_to_do(
    kind: str, text: str, expected: str
) -> None:
    assert expected in advice(kind, ClientAuthenticationError(message=text))


def test_a_missing_managed_identity_is_not_a_network_failure() -> None:
    # Outside Azure, the connection times out, because the endpoint of managed identities does not
    # exist.
    text = (
        "DefaultAzureCredential failed to retrieve a token from the included credentials.\n"
        "Attempted credentials:\n"
        "\tManagedIdentityCredential: authentication unavailable. Error: Connection timed out\n"
        "\tAzureCliCredential: Azure CLI not found on path"
    )

    said = advice("default", ClientAuthenticationError(message=text))

    assert said.startswith("Not signed in to Azure. Run `az login`, or ")


def test_a_slow_cli_is_not_reported_as_signed_out() -> None:
    error = CredentialUnavailableError(message="Failed to invoke the Azure CLI")

    assert "did not finish within 60 s" in advice("cli", error)


def test_a_failed_sign_in_prints_one_line_and_exits_with_1(service: Azure, tmp_path: Path) -> None:
    settings = "".join(
        f", {key}: {value!r}"
        for key, value in service.config("workspace", credential="workload").settings.items()
    )
    (tmp_path / "envsync.yaml").write_text(f"targets:\n  dev: {{kind: workspace{settings}}}\n")
    command = [sys.executable, "-m", "envsync", "list", "-t", "dev"]

    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "AZURE_TENANT_ID": "t",
            "AZURE_CLIENT_ID": "c",
            "AZURE_FEDERATED_TOKEN_FILE": "absent",
        },
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: The token file absent cannot be read: ")
    assert done.stderr.count("\n") == 1
