"""The state files of an emulator, and its initial content."""

from __future__ import annotations

from pathlib import Path

import pytest

from envsync.emulator.settings import TEMPORARY, Settings
from envsync.model.environment import Build, Environment, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.errors import InvalidProject, TargetError
from envsync.model.provenance import Provenance
from envsync.model.target import TargetIdentity
from envsync.targets.leftovers import LOCK, locked_directory
from envsync.targets.local.target import LocalTarget
from tests.emulator.client import DATAPLANE, IMAGE, REGISTRY, WORKSPACE, serving
from tests.project.project import write
from tests.targets.contract import build_context

VERSION = f"{WORKSPACE}/environments/pydata/versions/1"


def local(path: Path) -> LocalTarget:
    """Returns a local target that uses a state file."""
    return LocalTarget(path, TargetIdentity("local", "local", str(path)))


def test_a_local_target_can_read_the_state_file(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "emulator.db")
    tags = {"team": "churn", "envsync.owner": "churn-models"}
    with serving(settings) as client:
        client.put(VERSION, {"image": IMAGE, "condaFile": "{}", "tags": tags})
        client.put(VERSION.replace("ws-dev", "ws-prod"), {"image": IMAGE})
        client.put(f"{REGISTRY}/environments/pydata/versions/1", {"image": IMAGE}, DATAPLANE)
    target = local(tmp_path / "emulator.db")
    held = target.read(["pydata"])["pydata"].versions[0]
    target.close()

    assert held.environment == Environment(
        EnvironmentKey("pydata", "1"),
        EnvironmentSpec(image=IMAGE, conda_file="{}"),
        Metadata(None, {"team": "churn"}),
        Provenance(owner="churn-models"),
    )
    assert {path.name for path in tmp_path.glob("*.db")} == {
        "emulator.db",
        "emulator.workspace-ws-prod.db",
        "emulator.registry-shared.db",
    }


def test_state_is_kept_after_the_emulator_ends(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "emulator.db")
    with serving(settings) as client:
        before = client.put(VERSION, {"image": IMAGE}).json
    with serving(settings) as client:
        assert client.get(VERSION).json == before


def test_the_emulator_serves_the_environments_of_a_local_target(tmp_path: Path) -> None:
    # One environment for each kind of content.
    files = {"Dockerfile": b"FROM scratch\n"}
    context = build_context(tmp_path / "context", files)
    target = local(tmp_path / "local.db")
    specs = {
        "conda": EnvironmentSpec(image=IMAGE, conda_file='{"dependencies":["python=3.11"]}'),
        "git": EnvironmentSpec(build=Build("https://contoso.example/c.git#main")),
        "built": EnvironmentSpec(build=Build(context)),
    }
    for name, spec in specs.items():
        target.create(Environment(EnvironmentKey(name, "1"), spec))
    target.close()

    with serving(Settings(state=tmp_path / "local.db")) as client:
        found = {
            name: client.get(f"{WORKSPACE}/environments/{name}/versions/1").properties
            for name in specs
        }
        replies = [
            client.put(f"{WORKSPACE}/environments/{name}/versions/1", properties).status
            for name, properties in found.items()
        ]

    assert found["conda"]["condaFile"] == '{\n  "dependencies": [\n    "python=3.11"\n  ]\n}'
    assert found["git"]["build"]["contextUri"] == "https://contoso.example/c.git#main"
    assert "/LocalUpload/" in found["built"]["build"]["contextUri"]
    assert replies == [201, 201, 201]


def test_without_a_state_file_no_files_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with serving() as client:
        client.put(VERSION, {"image": IMAGE})
        assert list(tmp_path.iterdir()) != []

    assert list(tmp_path.iterdir()) == []


def test_environment_files_are_seeded(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pydata.yml": "name: pydata\nimage: i:1\nconda_file: conda.yml\ntags: {a: b}\n",
            "conda.yml": "dependencies:\n- python=3.11\n",
            "built.yml": "name: built\nversion: 2\nbuild:\n  path: context\n",
            "context/Dockerfile": "FROM scratch\n",
        },
    )
    with serving(Settings(seed=tmp_path)) as client:
        pydata = client.get(VERSION).properties
        built = client.get(f"{WORKSPACE}/environments/built/versions/2").properties
        elsewhere = client.get(VERSION.replace("ws-dev", "ws-prod"))

    assert (pydata["image"], pydata["tags"]) == ("i:1", {"a": "b"})
    assert built["build"]["contextUri"].endswith("/context/")
    # Only the first workspace gets the environments.
    assert elsewhere.status == 404


def test_the_environment_files_of_a_project_are_seeded(tmp_path: Path) -> None:
    files = {
        "envsync.yaml": "",
        "conda.yml": "dependencies: [python=3.11]\n",
        "environments/pydata.yml": "name: pydata\nimage: i:1\nconda_file: ../conda.yml\n",
    }
    write(tmp_path, files)
    with serving(Settings(seed=tmp_path / "environments")) as client:
        assert client.get(VERSION).properties["condaFile"] == (
            '{\n  "dependencies": [\n    "python=3.11"\n  ]\n}'
        )


@pytest.mark.parametrize(
    ("files", "error"), [({}, TargetError), ({"e.yml": "name: e\nimage: 3\n"}, InvalidProject)]
)
def test_an_empty_or_invalid_seed_is_an_error(
    tmp_path: Path, files: dict[str, str], error: type[Exception]
) -> None:
    write(tmp_path, files)

    with pytest.raises(error), serving(Settings(seed=tmp_path)):
        pass


def test_an_emulator_removes_the_directories_of_a_killed_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    # The world and the servers have a directory each. No process holds their locks.
    for name in ("envsync-emulator-world", "envsync-emulator-servers"):
        (tmp_path / name).mkdir()
        (tmp_path / name / LOCK).touch()
        (tmp_path / name / "emulator.db").touch()
    (tmp_path / "envsync-emulator-notes").write_text("a file of a user")
    (tmp_path / "envsync-other").mkdir()

    with serving(Settings()), locked_directory(TEMPORARY) as used, serving(Settings()):
        running = {path.name for path in tmp_path.iterdir()}

    assert not {"envsync-emulator-world", "envsync-emulator-servers"} & running
    # Another emulator that still runs keeps its directory.
    assert used.name in running
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"envsync-emulator-notes", "envsync-other"}
