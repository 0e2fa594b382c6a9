"""The search for environment files below a directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.project.project import Contents, found, load_files

SCHEMA = "https://azuremlschemas.azureedge.net/latest/environment.schema.json"

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")


def env(name: str = "e", more: str = "") -> str:
    return f"name: {name}\ndescription: d\nimage: i:1\n{more}"


def build(name: str, path: str) -> str:
    return f"name: {name}\ndescription: d\nbuild: {{path: {path}}}\n"


def names(root: Path, files: Contents, paths: list[Path] | None = None) -> list[str]:
    below = {f"environments/{name}": content for name, content in files.items()}
    return [declaration.name for declaration in load_files(root, below, paths=paths).declarations]


@pytest.mark.parametrize(
    "schema",
    [
        SCHEMA,
        SCHEMA.replace("https", "http"),
        SCHEMA.replace("latest", "2024-01"),
        SCHEMA.upper().replace("HTTPS", "https"),
        SCHEMA + "#",
        "https://azuremlschemasprod.azureedge.net/latest/environment.schema.json",
        "https://azuremlsdk2.blob.core.windows.net/latest/environment.schema.json",
    ],
)
def test_a_file_with_the_environment_schema_is_an_environment_file(
    schema: str, tmp_path: Path
) -> None:
    files = {"environments/e.yml": f"$schema: {schema}\nname: e\n"}

    assert found(load_files(tmp_path, files)) == [
        "e.yml:2:1 error image-or-build",
        "e.yml:2:1 warning missing-description",
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            env(more=f"$schema: {SCHEMA.replace('environment', 'commandJob')}\n"), id="job"
        ),
        pytest.param(env(more="$schema: https://example.com/environment.schema.json\n"), id="host"),
        pytest.param("nmae: e\nimage: i:1\n", id="no name"),
        pytest.param("name: e\ndependencies: [python]\n", id="conda file"),
        pytest.param("- name: e\n  image: i:1\n", id="list"),
        pytest.param("", id="empty"),
        pytest.param("<<: {name: e}\nimages: 1\n", id="merge"),
        pytest.param(
            f"$schema: {SCHEMA.replace('environment', 'commandJob')}\ncommand: {{{{x}}\n",
            id="invalid YAML of another schema",
        ),
    ],
)
def test_other_files_are_not_environment_files(content: str, tmp_path: Path) -> None:
    loaded = load_files(tmp_path, {"environments/e.yml": content})

    assert (loaded.files, loaded.problems) == (0, ())


def test_both_yaml_extensions_are_found_at_every_depth(tmp_path: Path) -> None:
    files = {
        "a.yml": env("a"),
        "b.yaml": env("b"),
        "x/y/z/c.YML": env("c"),
        # Only YAML files are searched, although YAML can read JSON.
        "d.json": '{"name": "d", "image": "i:1"}',
        "merged.yml": "<<: {name: m}\ndescription: d\nimage: i:1\n",
    }
    assert names(tmp_path, files) == ["a", "b", "c", "m"]


def test_hidden_directories_are_skipped(tmp_path: Path) -> None:
    files: Contents = {
        ".ipynb_checkpoints/a.yml": env("a"),
        ".hidden.yml": env("h"),
        "._b.yml": b"\x00\x05",  # macOS writes such files to foreign file systems
    }

    assert names(tmp_path, files) == ["h"]


def test_a_broken_file_that_may_be_an_environment_file_is_reported(tmp_path: Path) -> None:
    loaded = load_files(tmp_path, {"environments/e.yml": "name: e\nimage: [i:1\n"})

    assert found(loaded) == ["e.yml:3:1 error yaml-syntax"]
    assert loaded.files == 1


def test_a_conda_file_is_never_an_environment_file(tmp_path: Path) -> None:
    files = {
        "environments/e.yml": env("e", "conda_file: conda/c.yml\n"),
        "environments/conda/c.yml": "name: c\nimage: x\ndependencies: [a=1]\n",
    }
    loaded = load_files(tmp_path, files)

    assert (loaded.files, found(loaded)) == (1, ["conda/c.yml:2:1 error unknown-field"])


def test_a_broken_conda_file_is_reported_only_as_a_conda_file(tmp_path: Path) -> None:
    files = {
        "environments/e.yml": env("e", "conda_file: c.yml\n"),
        "environments/c.yml": "dependencies: [\n",
    }
    loaded = load_files(tmp_path, files)

    assert (loaded.files, found(loaded)) == (1, ["c.yml:2:1 error invalid-conda"])


def test_files_in_a_build_context_are_not_environment_files(tmp_path: Path) -> None:
    files = {
        "e.yml": build("e", "context"),
        "context/Dockerfile": "FROM scratch\n",
        "context/inner.yml": env("inner"),
        "context/broken.yml": "a: [\n",
        "context/deep/er.yml": env("deeper"),
    }
    assert names(tmp_path, files) == ["e"]


def test_a_file_in_its_own_build_context_is_an_environment_file(tmp_path: Path) -> None:
    # `other.yml` is not an environment file: it is in the context of `env.yml` and has none itself.
    files = {
        "a/env.yml": build("a", "."),
        "a/gpu.yml": build("a-gpu", "."),
        "a/Dockerfile": "FROM scratch\n",
        "a/other.yml": env("other"),
        "b/env.yml": build("b", "."),
        "b/Dockerfile": "FROM scratch\n",
    }
    assert names(tmp_path, files) == ["a", "a-gpu", "b"]


def test_the_build_context_of_an_excluded_file_excludes_no_files(
    tmp_path: Path,
) -> None:
    files = {
        "e.yml": build("e", "context"),
        "context/Dockerfile": "FROM scratch\n",
        "context/inner.yml": build("inner", "../other"),
        "other/Dockerfile": "FROM scratch\n",
        "other/f.yml": env("f"),
    }
    assert names(tmp_path, files) == ["e", "f"]


def test_of_two_mutually_excluding_files_the_file_with_the_outer_context_is_kept(
    tmp_path: Path,
) -> None:
    # Each file is in the context of the other. The context of `f` contains the context of `g`.
    files = {
        "a/f.yml": build("f", ".."),
        "g.yml": build("g", "a"),
        "Dockerfile": "FROM scratch\n",
        "a/Dockerfile": "FROM scratch\n",
    }
    assert names(tmp_path, files) == ["f"]


@needs_links
def test_links_to_directories_are_followed_once_inside_the_project(tmp_path: Path) -> None:
    root = tmp_path / "project"
    elsewhere = root / "elsewhere"
    elsewhere.mkdir(parents=True)
    (elsewhere / "f.yml").write_text(env("f"))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "o.yml").write_text(env("o"))
    directory = root / "environments" / "a"
    directory.mkdir(parents=True)
    # A loop, the same directory again, a directory elsewhere in the project, a directory outside,
    # and a link without a target.
    (directory / "loop").symlink_to(root / "environments", target_is_directory=True)
    (directory / "again").symlink_to(directory, target_is_directory=True)
    (directory / "elsewhere").symlink_to(elsewhere, target_is_directory=True)
    (directory / "outside").symlink_to(tmp_path / "outside", target_is_directory=True)
    (directory / "nowhere.yml").symlink_to(tmp_path / "nowhere.yml")

    loaded = load_files(root, {"environments/a/e.yml": env("e")})

    assert [d.source.file for d in loaded.declarations] == [
        "environments/a/e.yml",
        "environments/a/elsewhere/f.yml",
    ]


@needs_links
def test_a_file_that_leads_out_of_the_project_is_not_read(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "environments").mkdir(parents=True)
    (tmp_path / "secret.yml").write_text(env("secret"))
    (root / "environments" / "e.yml").symlink_to(tmp_path / "secret.yml")

    loaded = load_files(root, {})

    assert found(loaded) == ["e.yml:1:1 error path-escape"]
    assert loaded.declarations == ()


@needs_links
def test_a_conda_file_or_context_behind_a_link_out_of_the_project_is_refused(
    tmp_path: Path,
) -> None:
    root = tmp_path / "project"
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "outside" / "conda.yml").write_text("dependencies: []\n")
    (root / "environments").mkdir(parents=True)
    (root / "environments" / "link").symlink_to(tmp_path / "outside", target_is_directory=True)
    (root / "environments" / "conda.yml").symlink_to(tmp_path / "outside" / "conda.yml")
    files = {
        "environments/a.yml": build("a", "link"),
        "environments/b.yml": env("b", "conda_file: conda.yml\n"),
        "environments/c.yml": env("c", "conda_file: link/conda.yml\n"),
    }

    assert found(load_files(root, files)) == [
        "a.yml:3:15 error path-escape",
        "b.yml:4:13 error path-escape",
        "c.yml:4:13 error path-escape",
    ]


@needs_links
def test_a_link_from_a_build_context_out_of_the_project_is_reported(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "environments" / "ctx").mkdir(parents=True)
    (tmp_path / "secret").write_text("s")
    (root / "environments" / "ctx" / "secret").symlink_to(tmp_path / "secret")
    # This link has no target.
    (root / "environments" / "ctx" / "nothing").symlink_to(tmp_path / "project" / "nothing")
    files = {
        "environments/a.yml": build("a", "ctx"),
        "environments/ctx/Dockerfile": "FROM scratch\n",
    }

    assert found(load_files(root, files)) == [
        "a.yml:3:15 error missing-file",
        "a.yml:3:15 error path-escape",
    ]


def test_a_missing_directory_has_no_environment_files(tmp_path: Path) -> None:
    loaded = load_files(tmp_path, {})

    assert (loaded.files, loaded.declarations, loaded.problems) == (0, (), ())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    load_files(tmp_path, {"environments/e.yml": env()})
    (tmp_path / "environments" / "e.yml").chmod(0)

    assert found(load_files(tmp_path, {})) == ["e.yml:1:1 error missing-file"]
