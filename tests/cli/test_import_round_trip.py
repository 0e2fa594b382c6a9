"""An import into an empty project declares the environments that another project has applied."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.api import make_plan
from envsync.api.import_draft import Style
from envsync.api.importing import Imported, imports_for, write_imports
from envsync.model.declaration import Declaration
from envsync.model.environment import Environment, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.naming import is_reserved, is_valid_version
from envsync.model.target import TargetIdentity
from envsync.plan.imports import Import, Wanted
from envsync.project.load import load
from envsync.project.project import load_project
from envsync.targets.kinds import open_target
from envsync.targets.local.target import LocalTarget
from tests.project.project import DATA

CORPUS = DATA / "corpus"
BUNDLE = CORPUS / "azureml-assets-release-2022-2024.bundle"

Meaning = Mapping[tuple[str, str | None], tuple[EnvironmentSpec, Metadata]]


def project(directory: Path, database: Path) -> Path:
    (directory / "environments").mkdir(parents=True)
    settings = {
        "project": "churn",
        "targets": {"local": {"kind": "local", "path": str(database)}},
    }
    (directory / "envsync.yaml").write_text(json.dumps(settings))
    return directory


def meaning(declarations: Iterable[Declaration]) -> Meaning:
    return {(item.name, item.version): (item.spec, item.metadata) for item in declarations}


def declared(directory: Path) -> Meaning:
    loaded = load(directory, [directory / "environments"], rules={}, versions="auto")
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    assert errors == []
    return meaning(loaded.declarations)


def register(database: Path, declarations: Iterable[Declaration]) -> None:
    """Registers declarations in a local target, without an owner."""
    with closing(LocalTarget(database, TargetIdentity("local", "local", ""))) as target:
        for item in declarations:
            key = EnvironmentKey(item.name, item.version or "1")
            target.create(Environment(key, item.spec, item.metadata))


def plan(directory: Path) -> set[tuple[str, str]]:
    """Returns the action and the reason of each change in the plan of a project."""
    found = make_plan(load_project(directory))
    assert found.rejections == ()
    return {(change.action, change.reason) for change in found.changes}


ADOPT = {("update", "new owner: the version belongs to no project")}


def import_all(directory: Path, *, unversioned: bool = False, **style: bool) -> None:
    """Imports every environment of the target of a project."""
    found = load_project(directory)
    with closing(open_target(found.config.target(), directory)) as target:
        wanted = Wanted(all_versions=style.get("nested", False), unversioned=unversioned)
        chosen = imports_for(found, "local", target.read(None), wanted)
        imports = [item for item in chosen if isinstance(item, Import)]
        assert chosen == imports
        for result in write_imports(found, target, imports, Style(**style)):
            assert isinstance(result, Imported), result


# The public repositories


def public() -> list[Declaration]:
    """Returns the declarations of the public environment files that have no errors."""
    found: list[Declaration] = []
    for repository in ("azureml-examples", "mlops-project-template"):
        root = CORPUS / repository
        found += load(root, [root], rules={}, versions="auto").declarations
    return found


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"there are no public environment files in {DATA}")
@pytest.mark.parametrize("inline", [False, True])
def test_an_import_declares_the_content_of_public_environment_files(
    tmp_path: Path, inline: bool
) -> None:
    database = tmp_path / ".envsync/local.db"
    # Several files declare the same name without a version.
    declarations = {(item.name, item.version or "1"): item for item in public()}
    assert len(declarations) > 10
    register(database, declarations.values())
    here = project(tmp_path / "here", database)
    import_all(here, nested=True, inline=inline)

    expected = {key: (item.spec, item.metadata) for key, item in declarations.items()}
    assert declared(here) == expected
    assert plan(here) == ADOPT


COMMITS = ("release", "release~300", "release~700")
"""Commits from which the released environments are taken, the newest first."""


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> list[Declaration]:
    """The released environments of several commits, most of them with a build context."""
    if not BUNDLE.is_file():
        pytest.skip(f"there are no released environments in {DATA}")
    top = tmp_path_factory.mktemp("assets")
    subprocess.run(["git", "clone", "--quiet", "--bare", BUNDLE, top / "git"], check=True)
    found: dict[tuple[str, str | None], Declaration] = {}
    for number, commit in enumerate(COMMITS):
        directory = top / str(number)
        directory.mkdir()
        at = [f"--git-dir={top / 'git'}", f"--work-tree={directory}"]
        subprocess.run(["git", *at, "checkout", "--quiet", commit, "--", "."], check=True)
        for item in load(directory, [directory], rules={}, versions="auto").declarations:
            found.setdefault((item.name, item.version), item)
    return list(found.values())


def test_an_import_declares_the_content_of_released_environments(
    released: list[Declaration], tmp_path: Path
) -> None:
    assert len(released) > 100
    here = project(tmp_path / "here", tmp_path / ".envsync/local.db")
    register(tmp_path / ".envsync/local.db", released)
    import_all(here, nested=True)

    assert declared(here) == meaning(released)
    assert plan(here) == ADOPT


def test_an_import_without_versions_declares_the_newest_released_environments(
    released: list[Declaration], tmp_path: Path
) -> None:
    here = project(tmp_path / "here", tmp_path / ".envsync/local.db")
    # The newest commit comes first in `released`, so the oldest versions are registered first.
    register(tmp_path / ".envsync/local.db", released[::-1])
    import_all(here, unversioned=True, inline=True)
    newest = {item.name: item for item in released[::-1]}

    assert declared(here) == {
        (name, None): (item.spec, item.metadata) for name, item in newest.items()
    }
    assert plan(here) == ADOPT


# Generated environments

NAMES = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._\-]{0,12}", fullmatch=True).filter(
    lambda name: not is_reserved(name)
)
VERSIONS = st.one_of(
    st.integers(0, 10**9).map(str),
    st.sampled_from(
        ["1.10", "01", "1_000", "true", "no", "2024-01-01", "1e3", "0x1f", "1.2.3-rc1", "v1", "."]
    ),
    st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._\-]{0,12}", fullmatch=True),
).filter(is_valid_version)
SPECIAL = "\n\r\t #:-'\"|>\\\x00\x85\u2028\U0001f600aé1"
TEXT = st.text() | st.text(SPECIAL, max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
CONDA = st.builds(
    lambda name, packages, pip, variables: {
        **({"name": name} if name is not None else {}),
        "channels": ["conda-forge"],
        "dependencies": [*packages, "pip", {"pip": pip}],
        **({"variables": variables} if variables else {}),
    },
    st.none() | TEXT,
    st.lists(st.sampled_from(["python=3.11", "numpy>=1.26", "a::b", "scipy"]), max_size=3),
    st.lists(
        st.sampled_from(
            ["torch==2.4", "a[b]>=1,<2", "-e git+https://a.b/c#egg=d", "x @ https://a.b/c"]
        ),
        min_size=1,
        max_size=3,
    ),
    st.dictionaries(TEXT, SCALARS, max_size=3),
)
ROUTES = st.fixed_dictionaries(
    {"path": TEXT, "port": st.integers(1, 65535)},
)
SOURCES = st.one_of(
    st.fixed_dictionaries(
        {"image": st.sampled_from(["mcr.microsoft.com/a:1", "x@sha256:" + "0" * 64])}
    ),
    st.fixed_dictionaries({"image": st.just("a.azurecr.io/b:1"), "conda_file": CONDA}),
    st.fixed_dictionaries(
        {
            "build": st.fixed_dictionaries(
                {"path": st.just("https://github.com/a/b.git#main:c")},
                optional={"dockerfile_path": st.just("docker/Dockerfile")},
            )
        }
    ),
    st.fixed_dictionaries(
        {"files": st.dictionaries(st.sampled_from(["a.txt", "ü/b", "env.yml"]), TEXT, max_size=2)}
    ),
)
ENVIRONMENTS = st.builds(
    lambda name, version, source, rest: {"name": name, "version": version, **source, **rest},
    NAMES,
    VERSIONS,
    SOURCES,
    st.fixed_dictionaries(
        {},
        optional={
            "description": TEXT,
            "tags": st.dictionaries(
                TEXT.filter(lambda key: not key.startswith("envsync.")), TEXT, max_size=3
            ),
            "os_type": st.sampled_from(["linux", "windows"]),
            "inference_config": st.fixed_dictionaries(
                {"liveness_route": ROUTES, "readiness_route": ROUTES, "scoring_route": ROUTES}
            ),
        },
    ),
)


def write(directory: Path, number: int, content: dict[str, Any]) -> None:
    """Writes an environment file with PyYAML, independently of the code under test."""
    content = dict(content)
    if "files" in content:
        files = {"Dockerfile": "FROM x:1\n", **content.pop("files")}
        for path, text in files.items():
            file = directory / "environments" / f"ctx-{number}" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        content["build"] = {"path": f"ctx-{number}"}
    version = f'version: "{content.pop("version")}"\n'
    file = directory / "environments" / f"{number}.yml"
    file.write_text(version + yaml.safe_dump(content), encoding="utf-8")


@settings(max_examples=40)
@given(
    st.lists(ENVIRONMENTS, min_size=1, max_size=3, unique_by=lambda item: item["name"].casefold()),
    st.booleans(),
    st.booleans(),
)
def test_an_import_declares_the_content_of_generated_environments(
    environments: list[dict[str, Any]], inline: bool, nested: bool
) -> None:
    with tempfile.TemporaryDirectory() as top:
        database = Path(top) / ".envsync/local.db"
        there = project(Path(top) / "there", database)
        here = project(Path(top) / "here", database)
        for number, content in enumerate(environments):
            write(there, number, content)
        register(database, load_project(there).declarations)
        import_all(here, inline=inline, nested=nested)

        assert declared(here) == declared(there)
        assert plan(here) == ADOPT
