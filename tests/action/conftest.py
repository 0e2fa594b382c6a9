"""Fixtures: a GitHub on loopback and its client, a step, and a runner with a project."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from envsync.action.command_line import Completed
from envsync.action.github import GitHub
from tests import command
from tests.action.act import Runner
from tests.action.documented import workflows
from tests.action.forge import REPOSITORY, TOKEN, Forge, serving
from tests.action.in_process import InProcess
from tests.action.project import WORKSPACES, Project
from tests.action.step import Step
from tests.forked import python
from tests.targets.azure.contract import one_creator
from tests.targets.azure.in_process import in_process


@pytest.fixture(scope="session")
def served() -> Iterator[Forge]:
    with serving() as running:
        yield running


@pytest.fixture
def forge(served: Forge) -> Forge:
    """An empty GitHub."""
    # All tests of the session share one server, because starting it takes longer than a test.
    served.__dict__.update(Forge(url=served.url).__dict__)
    return served


@pytest.fixture
def github(forge: Forge) -> GitHub:
    return GitHub(REPOSITORY, TOKEN, api=forge.url, graphql=f"{forge.url}/graphql")


def command_in_process(directory: Path, *arguments: str) -> Completed:
    done = command.envsync(*arguments, cwd=directory)
    return Completed(done.returncode, done.stdout, done.stderr)


def use_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the steps run the command line in this process."""
    for name in ("validate", "plan", "apply", "images"):
        monkeypatch.setattr(f"envsync.action.commands.{name}.envsync", command_in_process)


@pytest.fixture
def own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs the command line in a separate process, as in a workflow on GitHub."""
    monkeypatch.setattr(sys, "executable", python())


@pytest.fixture
def step(
    tmp_path: Path,
    forge: Forge,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Step:
    """A step for pull request 7, in a project that declares one environment."""
    monkeypatch.setattr("envsync.action.approval.time.sleep", lambda _seconds: None)
    if "own_process" not in request.fixturenames:
        use_in_process(monkeypatch)
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    variables = {
        "GITHUB_API_URL": forge.url,
        "GITHUB_GRAPHQL_URL": f"{forge.url}/graphql",
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_REF_NAME": "main",
        "GITHUB_SHA": "abc",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_WORKSPACE": str(workspace),
        "INPUT_COMMENT": "true",
        "INPUT_TOKEN": TOKEN,
        "RUNNER_TEMP": str(tmp_path),
    }
    found = Step(workspace, variables, capsys)
    forge.open(7, "def")
    head = {"sha": "def", "repo": {"full_name": REPOSITORY}}
    found.trigger("pull_request", pull_request={"number": 7, "base": {"ref": "main"}, "head": head})
    found.declare("pydata")
    return found


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The variables of an emulator that the targets of this process call without a network."""
    directory = tmp_path_factory.mktemp("azure")
    with (
        in_process(directory, workspaces=len(WORKSPACES), registries=0) as service,
        service.reached(),
        one_creator(),
    ):
        yield service.variables


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory, served: Forge) -> Runner:
    """A runner with an installed action."""
    runner = Runner(tmp_path_factory.mktemp("runner") / "home", served)
    runner.prepare(installed=True)
    return runner


@pytest.fixture
def runner(machine: Runner, forge: Forge, azure: Mapping[str, str]) -> Runner:
    machine.variables = azure
    return machine


@pytest.fixture
def steps(
    tmp_path: Path, forge: Forge, azure: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> InProcess:
    """A runner that starts no process."""
    monkeypatch.setattr("envsync.action.approval.time.sleep", lambda _seconds: None)
    use_in_process(monkeypatch)
    directory = tmp_path / "steps"
    directory.mkdir()
    return InProcess(directory, forge, azure)


@pytest.fixture(scope="module")
def unused() -> Iterator[str]:
    """The workspaces that no test of the module has used."""
    return iter(WORKSPACES)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with the documented workflows, and without commits."""
    found = Project(tmp_path_factory.mktemp("prepared"), {}, Forge())
    found.git("init", "--quiet", "--initial-branch", "main")
    found.git("remote", "add", "origin", f"https://github.com/{REPOSITORY}.git")
    found.git("config", "user.name", "octocat")
    found.git("config", "user.email", "octocat@example.com")
    for path, text in workflows().items():
        file = found.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return found.path


@pytest.fixture
def project(
    tmp_path: Path, prepared: Path, azure: Mapping[str, str], forge: Forge, unused: Iterator[str]
) -> Project:
    """A project with two applied environments and a checked-out branch for a change."""
    found = Project(tmp_path / "models", azure, forge)
    shutil.copytree(prepared, found.path)
    found.set_targets(dev=next(unused))
    found.declare("pydata", "1")
    found.declare("sklearn", "1")
    found.commit()
    found.apply()
    found.git("switch", "--quiet", "--create", "change")
    return found
