"""The directories of new environment files."""

from __future__ import annotations

from pathlib import Path

import pytest

from envsync.model.errors import EnvsyncError
from envsync.project.project import load_project
from envsync.project.writing.layout import Layout
from envsync.project.writing.staging import publish, staging
from tests.project.project import Contents, write


def layout(root: Path, files: Contents | None = None, settings: str = "project: a\n") -> Layout:
    write(root, {"envsync.yaml": settings, **(files or {})})
    return Layout(load_project(root))


def places(found: Layout, *names: str, nested: bool = False) -> list[str | None]:
    """Returns the directory of each `NAME` or `NAME:VERSION`, below the environments directory."""
    result: list[str | None] = []
    for name, _, version in (item.partition(":") for item in names):
        place = found.place(name, version or None, nested=nested)
        result.append(None if place is None else place.relative_to(found.directory).as_posix())
    return result


def test_each_environment_has_a_directory(tmp_path: Path) -> None:
    assert places(layout(tmp_path), "a:1", "sklearn-1.5:2", "c") == ["a", "sklearn-1.5", "c"]


def test_each_version_has_a_directory_on_request(tmp_path: Path) -> None:
    assert places(layout(tmp_path), "a:1", "a:1.0", nested=True) == ["a/1", "a/1.0"]


def test_an_existing_directory_is_not_used(tmp_path: Path) -> None:
    found = layout(tmp_path, {"environments/a/README.md": "", "environments/b/2/x": ""})

    assert places(found, "a:1", "a", "b:2") == ["a/1", "a-2", "b-2"]


def test_a_path_of_an_existing_file_is_not_used(tmp_path: Path) -> None:
    assert places(layout(tmp_path, {"environments/a": ""}), "a:1", "a") == ["a-1", "a-2"]


def test_names_that_differ_only_in_case_have_different_directories(tmp_path: Path) -> None:
    assert places(layout(tmp_path), "a:1", "A:1", "A:2") == ["a", "A/1", "A/2"]


def test_a_directory_inside_a_build_context_is_not_used(tmp_path: Path) -> None:
    files = {
        "environments/a/e.yml": "name: a\nversion: '1'\nbuild: {path: .}\n",
        "environments/a/Dockerfile": "FROM x:1\n",
    }

    assert places(layout(tmp_path, files), "a:2", "b:1") == ["a-2", "b"]


def test_there_is_no_directory_if_the_whole_project_is_a_build_context(tmp_path: Path) -> None:
    files = {
        "environments/e.yml": "name: a\nversion: '1'\nbuild: {path: ..}\n",
        "Dockerfile": "FROM x:1\n",
    }

    assert places(layout(tmp_path, files), "b:1") == [None]


def test_a_directory_that_the_settings_exclude_is_not_used(tmp_path: Path) -> None:
    assert places(layout(tmp_path, settings="exclude: [a]\nproject: p\n"), "a:1") == ["a-1"]


def test_the_first_of_several_environments_directories_is_used(tmp_path: Path) -> None:
    settings = "project: p\nenvironments: [one, two]\n"

    assert layout(tmp_path, {"two/x": ""}, settings).directory == tmp_path / "one"


def test_a_directory_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), staging(tmp_path / "environments") as staged:
        (staged / "a").mkdir()
        raise ZeroDivisionError
    assert list((tmp_path / "environments").iterdir()) == []

    with staging(tmp_path / "environments") as staged:
        write(staged, {"a/env.yml": "x"})
        publish(staged / "a", tmp_path / "environments/b/1")
    assert [path.name for path in (tmp_path / "environments").iterdir()] == ["b"]


def test_an_existing_directory_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()

    with staging(tmp_path) as staged:
        write(staged, {"a/env.yml": "x"})
        with pytest.raises(EnvsyncError, match="exists now"):
            publish(staged / "a", tmp_path / "b")
    assert list((tmp_path / "b").iterdir()) == []


def test_the_error_names_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "environments").write_text("")

    with (
        pytest.raises(EnvsyncError, match="environments cannot be written"),
        staging(tmp_path / "environments"),
    ):
        pass
