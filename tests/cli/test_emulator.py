"""Tests of `envsync emulator`: the options, and the start and end of a command or a server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from envsync.cli import emulator_values, main
from envsync.cli import serving as command_serving
from envsync.cli.serving import variables_text
from envsync.emulator.settings import Settings
from envsync.model.errors import UsageError
from envsync.model.wording import install
from tests.command import envsync as run
from tests.forked import EMULATOR, WORKER, program

for extra in ("starlette", "uvicorn", "trustme"):
    pytest.importorskip(extra, reason=f"the emulator needs {extra}")

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no POSIX signals")

PRINT = "import json, os; print(json.dumps(dict(os.environ)))"
"""A program that prints its environment variables."""


def envsync(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(*EMULATOR), *arguments],
        env={**os.environ, "NO_COLOR": "1", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Runs `envsync emulator` in the background, and kills it at the end of the block."""
    with subprocess.Popen(
        [program(*EMULATOR), "emulator", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


# A command


# The values of these variables are not constant: two are temporary directories, and azure-ai-ml
# sets AZUREML_CURRENT_CLOUD during other tests in this process.
ELSEWHERE = {"AZURE_CONFIG_DIR", "AZURE_EXTENSION_DIR", "AZUREML_CURRENT_CLOUD"}


@pytest.fixture(scope="module")
def printed() -> subprocess.CompletedProcess[str]:
    """Runs a command that prints its variables. The emulator starts with a proxy and a login."""
    options = ("--workspaces", "one,two", "--registries", "three")
    outside = {"https_proxy": "http://proxy:1", "no_proxy": "*", "NO_PROXY": ".azure.com"}
    command = (*options, "--", sys.executable, "-c", PRINT)
    return envsync("emulator", *command, **outside, AZURE_CONFIG_DIR="/outside")


@pytest.fixture
def variables(printed: subprocess.CompletedProcess[str]) -> dict[str, str]:
    found: dict[str, str] = json.loads(printed.stdout)
    return found


def test_a_command_gets_the_address_of_the_emulator_in_environment_variables(
    variables: dict[str, str],
) -> None:
    assert variables["HTTPS_PROXY"].startswith("http://127.0.0.1:")
    assert {
        name: variables[name]
        for name in variables
        if name.startswith(("AZURE_", "AZUREML_")) and name not in ELSEWHERE
    } == {
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com",
        "AZURE_TENANT_ID": "72f988bf-0000-4000-8000-656e7673796e",
        "AZURE_CLIENT_ID": "0d1c3f6e-0000-4000-8000-656e7673796e",
        "AZURE_CLIENT_SECRET": "envsync-emulator",
        "AZURE_SUBSCRIPTION_ID": "00000000-0000-4000-8000-656e7673796e",
        "AZURE_RESOURCE_GROUP": "envsync-emulator",
        "AZUREML_WORKSPACE_NAME": "one",
        "AZUREML_REGISTRY_NAME": "three",
    }


def test_emulator_replaces_proxies_and_certificates_in_the_variables_of_the_command(
    variables: dict[str, str],
) -> None:
    assert variables["https_proxy"] == variables["HTTPS_PROXY"]
    assert variables["no_proxy"] == variables["NO_PROXY"] == "localhost,127.0.0.1"
    certificates = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    assert {variables[name] for name in certificates} == {variables["REQUESTS_CA_BUNDLE"]}


def test_the_azure_cli_gets_its_own_login_and_keeps_its_extensions(
    variables: dict[str, str],
) -> None:
    own = Path(variables["REQUESTS_CA_BUNDLE"]).parent / "azure"

    assert variables["AZURE_CONFIG_DIR"] == str(own)
    assert variables["AZURE_EXTENSION_DIR"] == str(Path("/outside/cliextensions"))
    assert not own.exists()


def test_temporary_files_are_removed_when_the_command_ends(
    printed: subprocess.CompletedProcess[str], variables: dict[str, str]
) -> None:
    assert not Path(variables["REQUESTS_CA_BUNDLE"]).parent.exists()
    assert (printed.returncode, printed.stderr) == (0, "")


@pytest.mark.parametrize("dashes", [("--",), ()])
def test_options_after_the_command_belong_to_the_command(dashes: tuple[str, ...]) -> None:
    show = "import sys; print(sys.argv[1:])"
    done = envsync("emulator", *dashes, sys.executable, "-c", show, "--seed", "-h", "--", "x")

    assert (done.stdout, done.returncode) == ("['--seed', '-h', '--', 'x']\n", 0)


def test_envsync_exits_with_the_exit_code_of_the_command() -> None:
    done = envsync("emulator", "--", sys.executable, "-c", "raise SystemExit(77)")

    assert done.returncode == 77


@posix
def test_the_exit_code_contains_the_number_of_a_signal_that_ends_the_command() -> None:
    kills_itself = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    assert envsync("emulator", "--", sys.executable, "-c", kills_itself).returncode == 128 + 9


def test_a_missing_command_is_reported_on_one_line(tmp_path: Path) -> None:
    done = run("emulator", "--", "no-such-command", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == "Error: no-such-command: command not found.\n"


@posix
def test_a_command_that_cannot_be_executed_is_reported_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("emulator", "--", str(tmp_path / "file"), cwd=tmp_path)

    assert done.returncode == 126
    assert done.stderr == f"Error: {tmp_path / 'file'}: Permission denied.\n"


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_forwarded_to_the_command(number: signal.Signals) -> None:
    waits = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\ntime.sleep(60)"
    )
    with started("--", sys.executable, "-c", waits) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(timeout=30) == 42


@posix
def test_ctrl_c_in_a_terminal_reaches_the_command_once() -> None:
    pexpect = pytest.importorskip("pexpect", reason="pexpect provides the terminal")
    counts = (
        "import signal, time\ncount = []\n"
        "signal.signal(signal.SIGINT, lambda *_: count.append(1))\n"
        "print('ready', flush=True)\nend = time.time() + 1\n"
        "while time.time() < end: time.sleep(0.05)\n"
        "print(len(count), 'times', flush=True)"
    )
    command = ["-m", "envsync", "emulator", "--", sys.executable, "-c", counts]
    terminal = pexpect.spawn(sys.executable, command, timeout=30, encoding="utf-8")
    terminal.expect("ready")
    terminal.sendintr()
    terminal.expect(r"(\d+) times")
    times = terminal.match[1]
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert (times, terminal.exitstatus) == ("1", 0)


# A server


@posix
def test_a_server_prints_its_variables_and_runs_until_a_signal() -> None:
    with started("--format", "json") as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
        variables = json.loads("".join(lines))
        authority = variables["REQUESTS_CA_BUNDLE"]
        assert Path(authority).exists()

        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out, err) == (0, "", "Serving until Ctrl-C.\n")
    assert not Path(authority).exists()


@posix
def test_a_shell_can_evaluate_the_variables() -> None:
    with started() as process:
        assert process.stdout is not None
        # A server prints 18 variables. Reading more lines would block until the server ends.
        lines = [process.stdout.readline() for _ in range(18)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    shown = subprocess.run(
        ["sh", "-c", "".join(lines) + 'echo "$HTTPS_PROXY $AZUREML_WORKSPACE_NAME"'],
        capture_output=True,
        text=True,
    ).stdout

    assert (process.returncode, out, err) == (0, "", "Serving until Ctrl-C.\n")
    assert shown.startswith("http://127.0.0.1:")
    assert shown.endswith(" ws-dev\n")


def test_values_for_a_shell_are_quoted() -> None:
    assert variables_text({"A": "it's $1"}, as_json=False) == "export A='it'\"'\"'s $1'"


# Options


def settings_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Settings:
    """Runs a command line that starts an emulator, and returns the settings of the emulator."""
    found: list[Settings] = []

    def take(_session: object, *, settings: Settings, **_: object) -> int:
        found.append(settings)
        return 0

    monkeypatch.setattr(command_serving, "run", take)
    main.app(["emulator", *arguments], standalone_mode=False)
    return found[0]


def test_options_and_settings_have_the_same_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert settings_of(monkeypatch) == Settings()


def test_every_setting_has_an_option(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = {
        "workspaces": ("--workspaces", "Aa,b,aA", ("Aa", "b")),
        "registries": ("--registries", "", ()),
        "state": ("--state", "s.db", Path("s.db")),
        "seed": ("--seed", str(tmp_path), tmp_path),
        "reader_secret": ("--reader-secret", "r", "r"),
        "assertion_seconds": ("--assertion-lifetime", "90s", 90.0),
        "token_seconds": ("--token-lifetime", "60", 60),
        "tags": ("--tags", "merge", "merge"),
        "omitted": ("--omitted", "keep", "keep"),
        "conflict": ("--conflict", "400", 400),
        "restore": ("--restore", "all", "all"),
        "archive_hidden": ("--archive-hidden", "refuse", "refuse"),
        "hidden_versions": ("--hidden-versions", "effective", "effective"),
        "container_tags": ("--container-tags", "drop", "drop"),
        "registry_metadata": ("--registry-metadata", "ignore", "ignore"),
        "next_version": ("--next-version", "timestamp", "timestamp"),
        "absent_versions": ("--absent-versions", "404", "404"),
        "end_of_life_python": ("--end-of-life-python", "refuse", "refuse"),
        "container_get": ("--container-get", "stored", "stored"),
        "archived_entry": ("--archived-entry", "false", "false"),
        "numeric_tags": ("--numeric-tags", "number", "number"),
        "system_data": ("--system-data", "updated", "updated"),
        "stale_get_seconds": ("--stale-get", "2s", 2.0),
        "latency_ms": ("--latency", "50ms", 50),
        "throttle": ("--throttle", "arm", "arm"),
        "list_lag_seconds": ("--list-lag", "1.5", 1.5),
        "faults": ("--fault", "reset=0.5", (("reset", 0.5),)),
        "fault_seed": ("--fault-seed", "7", 7),
        "page_size": ("--page-size", "3", 3),
        "operation_polls": ("--operation-polls", "0", 0),
        "retry_after": ("--retry-after", "0", 0.0),
    }
    # The addresses of containers depend on the blob account and its key. `as_of` is only for tests
    # that replay recordings.
    fixed = {"blob_account", "blob_key", "as_of"}
    words = [word for option, value, _ in options.values() for word in (option, value)]
    settings = settings_of(monkeypatch, *words)

    assert options.keys() | fixed == {field.name for field in msgspec.structs.fields(Settings)}
    assert {name: getattr(settings, name) for name in options} == {
        name: value for name, (_, _, value) in options.items()
    }


def test_emulator_keeps_the_order_of_several_faults() -> None:
    assert emulator_values.faults(["429=0.1", "drop-after-commit=1"]) == (
        ("429", 0.1),
        ("drop-after-commit", 1.0),
    )


@pytest.mark.parametrize("text", ["429", "=1", "429=", "429=2", "429=-1", "418=0.5", "500=nan"])
def test_an_invalid_fault_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="expected KIND=RATE"):
        emulator_values.faults([text])


@pytest.mark.parametrize("text", ["", "-1", "1s", "1.5"])
def test_an_invalid_latency_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="expected milliseconds"):
        emulator_values.milliseconds(text)


@pytest.mark.parametrize(("text", "expected"), [("30", 30.0), ("30s", 30.0), ("0.5s", 0.5)])
def test_seconds_are_accepted_with_and_without_unit(text: str, expected: float) -> None:
    assert emulator_values.seconds("--list-lag", text) == expected


@pytest.mark.parametrize("text", ["", "-1", "1ms", "nan"])
def test_an_invalid_number_of_seconds_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="expected seconds"):
        emulator_values.seconds("--list-lag", text)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "json", "--", "true"),
        ("--workspaces", ""),
        ("--workspaces", "../up"),
        ("--seed", "no-such-directory"),
        ("--tags", "other"),
        ("--fault", "teapot=1"),
        ("--no-such-option",),
    ],
)
def test_wrong_usage_exits_with_64_before_the_emulator_starts(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = run("emulator", *arguments, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (64, "")


# Imports


def test_other_commands_do_not_import_the_emulator() -> None:
    code = (
        "import sys, envsync.cli.main\n"
        "names = ('starlette', 'uvicorn', 'trustme', 'azure', 'envsync.emulator')\n"
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["starlette", "uvicorn", "trustme"])
def test_a_missing_extra_is_reported_on_one_line(name: str) -> None:
    code = (
        f"import sys; sys.modules[{name!r}] = None\n"
        "from envsync.cli.main import main; sys.argv = ['envsync', 'emulator']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stderr == f"Error: The emulator needs {name}: {install('emulator')}\n"
    assert done.returncode == 1


def test_a_log_that_cannot_be_written_is_reported_on_one_line(tmp_path: Path) -> None:
    done = run("emulator", "--log", str(tmp_path), "--", "true", cwd=tmp_path)

    assert done.stderr == f"Error: {tmp_path} cannot be written: Is a directory.\n"
    assert done.returncode == 1


def test_the_emulator_prints_a_warning_without_azurite_and_runs_the_command() -> None:
    done = envsync(
        "emulator", "--", sys.executable, "-c", "print('runs')", ENVSYNC_AZURITE="no-such-program"
    )

    assert (done.stdout, done.returncode) == ("runs\n", 0)
    assert done.stderr == (
        "Warning: Azurite is not installed, so build contexts cannot be uploaded. Install it with"
        " `npm install --global azurite`, or set ENVSYNC_AZURITE to the path of azurite-blob.\n"
    )


def test_failed_uploads_do_not_repeat_how_to_install_azurite(tmp_path: Path) -> None:
    pytest.importorskip("azure.ai.ml", reason="uploads need azure-ai-ml")
    (tmp_path / "envsync.yaml").write_text(
        "project: churn\ntargets:\n  dev: {kind: workspace, workspace: ws-dev, resource_group: g,"
        ' subscription_id: "${AZURE_SUBSCRIPTION_ID}"}\n'
    )
    for name in ("a", "b"):
        (tmp_path / "environments" / name / "context").mkdir(parents=True)
        (tmp_path / "environments" / name / "context" / "Dockerfile").write_text(f"FROM {name}:1\n")
        (tmp_path / "environments" / name / "env.yml").write_text(
            f"name: {name}\nversion: 1\ndescription: About {name}.\nbuild: {{path: context}}\n"
        )
    command = ("-C", str(tmp_path), "apply", "--yes")
    done = envsync(
        "emulator",
        "--",
        program(*WORKER),
        *command,
        ENVSYNC_AZURITE="no-such-program",
    )

    reason = "The envsync emulator needs Azurite for uploads, and Azurite is not installed."
    assert done.returncode == 1
    assert done.stdout.count(f"cannot be reached: the proxy refused: 503 {reason}\n") == 2
    assert "Check the network" not in done.stdout
    assert (done.stdout + done.stderr).count("npm install") == 1
