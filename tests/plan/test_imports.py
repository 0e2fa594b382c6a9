"""Which registered versions an import includes."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from envsync.model.errors import EnvsyncError
from envsync.model.state import Container
from envsync.plan.imports import Import, NotImported, Wanted, choose_imports, version_in
from tests.builders import PROJECT, container, declared, registered, state


def free(name: str, version: str, **values: Any) -> Any:
    return registered(name, version, owner=None, **values)


def chosen(*containers: Container, files: Any = (), **wanted: Any) -> list[str]:
    """Returns the address in the file of each import, and the reasons of all others."""
    found = choose_imports(state(*containers), files, Wanted(**wanted), project=PROJECT)
    return [
        f"{item.name}:{item.version}"
        if isinstance(item, Import)
        else f"{item.name}:{item.version} {item.reason}"
        for item in found
    ]


TWO = container("a", free("a", "2"), free("a", "1"))


def test_the_newest_active_version_is_imported() -> None:
    assert chosen(TWO) == ["a:1"]
    assert chosen(container("a", free("a", "1"), free("a", "2", archived=True))) == ["a:1"]


def test_every_active_version_is_imported_on_request() -> None:
    assert chosen(TWO, all_versions=True) == ["a:2", "a:1"]


def test_an_archived_environment_is_not_imported() -> None:
    assert chosen(replace(TWO, archived=True), all_versions=True) == []


def test_no_version_is_imported_if_a_file_without_a_version_declares_the_name() -> None:
    assert chosen(TWO, files=[declared("a", None)], all_versions=True) == []


def test_a_declared_version_is_not_imported() -> None:
    assert chosen(TWO, files=[declared("a", "1")]) == []
    assert chosen(TWO, files=[declared("a", "1")], all_versions=True) == ["a:2"]
    assert chosen(TWO, files=[declared("a", "2")]) == ["a:1"]


def test_a_file_without_a_version_is_not_written_beside_files_with_versions() -> None:
    reason = "other files declare versions of this name, so this file needs a version as well"

    assert chosen(TWO, unversioned=True) == ["a:None"]
    assert chosen(TWO, files=[declared("a", "2")], unversioned=True) == [f"a:1 {reason}"]


def test_a_version_of_another_project_is_not_imported() -> None:
    other = container("a", registered("a", "1", owner="fraud"))

    assert chosen(other) == ["a:1 it belongs to project 'fraud'"]


def test_a_version_of_this_project_is_imported() -> None:
    assert chosen(container("a", "1")) == ["a:1"]


def test_names_and_versions_that_no_file_can_have_are_not_imported() -> None:
    assert chosen(container("../a", free("../a", "1")), container("b", free("b", "latest"))) == [
        "../a:1 an environment file cannot have this name",
        "b:latest an environment file cannot have this version",
    ]


def test_curated_environments_and_anonymous_environments_of_jobs_are_not_imported() -> None:
    anonymous = replace(free("job", "1"), extra={"isAnonymous": True})

    assert chosen(container("AzureML-x", free("AzureML-x", "1", curated=True))) == []
    assert chosen(container("job", anonymous)) == []


def test_the_suffix_of_the_target_is_removed_from_the_name() -> None:
    found = container("a-dev", free("a-dev", "1"))

    assert chosen(found, suffix="-dev") == ["a:1"]
    assert chosen(found, suffix="-dev", files=[declared("a", "1")]) == []


def test_names_that_the_settings_leave_out_are_reported() -> None:
    found = choose_imports(
        state(TWO), [], Wanted(), project=PROJECT, left_out=lambda name: f"no {name}"
    )

    assert found == [NotImported("a", None, "no a")]


def test_globs_select_names() -> None:
    other = container("b", free("b", "1"))

    assert chosen(TWO, other, globs=("b*",)) == ["b:1"]
    with pytest.raises(EnvsyncError, match="No environment in the target matches 'c'"):
        chosen(TWO, other, globs=("c",))


def test_the_error_for_a_curated_environment_suggests_the_option_as() -> None:
    curated = container("AzureML-x", free("AzureML-x", "1", curated=True))

    with pytest.raises(EnvsyncError, match="pass its name and `--as MY-NAME`"):
        chosen(curated, globs=("AzureML-*",))


def test_the_function_version_in_returns_a_version_by_its_string_or_its_label() -> None:
    assert version_in(TWO, "2", None).version == "2"
    assert version_in(TWO, None, "latest").version == "1"
    assert version_in(TWO, None, None).version == "1"
    for version, label, message in (
        ("3", None, "a has no version '3'. Its versions are: 2, 1."),
        (None, "beta", "Unknown label 'beta'. The only label is 'latest'."),
    ):
        with pytest.raises(EnvsyncError) as caught:
            version_in(TWO, version, label)
        assert str(caught.value) == message


def test_a_glob_selects_environments_without_the_suffix_of_the_target() -> None:
    found = [container(name, free(name, "1")) for name in ("a-dev", "b-dev")]

    assert chosen(*found, suffix="-dev", globs=("a",)) == ["a:1"]


def test_the_json_of_a_version_that_is_not_imported_has_the_reason() -> None:
    assert NotImported("a", "1", "it is curated").to_json() == {
        "name": "a",
        "version": "1",
        "reason": "it is curated",
    }
