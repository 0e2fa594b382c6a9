"""The contract of every target, for workspaces and registries, under every emulator setting.

The whole contract runs with the default settings. For each other setting, only those tests run in
which the setting changes the responses of the service. They run for one kind of target if envsync
and the emulator have one implementation for both. If a setting makes it impossible to do what a
test requires, envsync must raise an error that says what is not possible.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from envsync.model.environment import EnvironmentKey, Metadata
from envsync.model.errors import TargetError
from envsync.model.target import Target
from tests.targets.azure.contract import AzureContract, config, fails, service
from tests.targets.contract import OURS, TargetContract, environment, flags

__all__ = ["config", "service"]

NETWORK = (
    "test_the_identity_of_a_target_does_not_change",
    "test_a_created_version_is_read_back",
    "test_text_is_kept_exactly",
    "test_a_build_context_is_uploaded",
    "test_equal_build_contexts_in_two_directories_are_the_same_spec",
    "test_a_create_with_another_build_context_is_refused",
    "test_a_build_context_that_changed_on_disk_is_refused",
    "test_a_create_can_be_repeated_without_the_directory",
    "test_threads_create_versions_in_parallel",
    "test_only_one_of_several_threads_creates_a_version",
    "test_threads_see_no_incomplete_write",
)
"""Tests of the contract that need connections: uploads, parallel requests, and encoded text."""

REMOVING_TAGS = (
    "test_text_is_kept_exactly",
    "test_an_update_replaces_metadata_and_provenance",
    "test_an_update_clears_removed_fields",
    "test_an_update_does_not_make_a_version_the_latest",
    "test_an_update_touches_no_other_version",
    "test_a_container_is_found_by_an_owner_that_an_update_has_set",
    "test_an_update_keeps_the_archived_state",
    "test_an_update_can_restore_its_version",
    "test_an_update_with_restore_keeps_an_active_version_active",
)
"""Tests of the contract in which an update removes a tag, without those of parallel updates."""

HIDDEN_FLAGS = (
    "test_a_new_version_of_an_archived_container_is_archived",
    "test_an_update_keeps_the_archived_state",
    "test_an_update_cannot_restore_a_version_of_an_archived_container",
    "test_a_version_of_an_archived_container_cannot_be_restored",
)
"""Tests of the contract that check the state of single versions of an archived container."""


ARCHIVING = (
    "test_an_archived_container_is_read",
    "test_repeating_a_create_leaves_an_archived_version_archived",
    "test_a_new_version_of_an_archived_container_is_archived",
    "test_an_update_keeps_the_archived_state",
    "test_an_update_can_restore_its_version",
    "test_an_update_cannot_restore_a_version_of_an_archived_container",
    "test_one_version_is_archived_and_restored",
    "test_restoring_a_container_keeps_separately_archived_versions",
    "test_a_version_of_an_archived_container_can_be_archived",
    "test_a_version_of_an_archived_container_cannot_be_restored",
    "test_setting_the_same_archived_state_changes_nothing",
    "test_archive_and_restore_change_nothing_else",
)
"""Tests of the contract that archive and restore."""

FINDING_BY_OWNER = (
    "test_environments_of_an_owner_are_found_without_their_names",
    "test_a_container_is_found_by_the_owner_of_any_version",
    "test_owners_are_case_sensitive",
    "test_a_container_has_all_its_versions",
    "test_an_archived_container_is_read",
    "test_a_container_is_found_by_an_owner_that_an_update_has_set",
)
"""Tests of the contract that find environments by their owner."""


def only(*names: str) -> dict[str, Any]:
    """Returns a class namespace that removes all tests of the contract except `names`.

    The namespace has the value None for each removed test.
    """
    tests = {name for name in vars(AzureContract) | vars(TargetContract) if name.startswith("test")}
    assert tests.issuperset(names)
    return dict.fromkeys(tests.difference(names))


def expecting(names: tuple[str, ...], change: Callable[[Any], Any]) -> dict[str, Any]:
    """Returns the tests `names` of the contract by name, after `change` has replaced each test."""
    return {name: change(getattr(TargetContract, name)) for name in names}


# In a class body, `locals()` is the namespace of the class. `locals().update` therefore overrides
# inherited tests, and the value None removes an inherited test.
class TestWorkspace(AzureContract):
    kind = "workspace"
    locals().update(dict.fromkeys(NETWORK))


class TestRegistry(AzureContract):
    kind = "registry"
    locals().update(dict.fromkeys(NETWORK))


class TestWorkspaceOverTheNetwork(AzureContract):
    kind = "workspace"
    network = True
    locals().update(only(*NETWORK))


class TestRegistryOverTheNetwork(AzureContract):
    kind = "registry"
    network = True
    locals().update(only(*NETWORK))


OTHER_ANSWERS: dict[str, Any] = {
    "conflict": 400,
    "omitted": "keep",
    "restore": "all",
    "next_version": "timestamp",
    "end_of_life_python": "refuse",
    "container_get": "stored",
    "archived_entry": "false",
    "container_tags": "refuse",
    "numeric_tags": "number",
    "system_data": "updated",
}
"""Settings of the emulator that make no difference to a user."""

ANSWERED = (
    *FINDING_BY_OWNER,
    *ARCHIVING,
    "test_a_created_version_is_read_back",
    "test_a_create_with_another_spec_is_refused",
    "test_versions_are_in_order_of_creation",
    "test_tag_values_stay_text",
    "test_an_update_clears_removed_fields",
    "test_an_absent_version_cannot_be_archived_or_restored",
    "test_threads_create_versions_in_parallel",
    "test_only_one_of_several_threads_creates_a_version",
    "test_threads_see_no_incomplete_write",
)
"""Tests of the contract that get other responses with these settings."""

CREATING = (
    "test_a_created_version_is_read_back",
    "test_a_create_with_another_spec_is_refused",
    "test_versions_are_in_order_of_creation",
    "test_a_new_version_of_an_archived_container_is_archived",
    "test_threads_create_versions_in_parallel",
    "test_only_one_of_several_threads_creates_a_version",
    "test_threads_see_no_incomplete_write",
)
"""Those of `ANSWERED` in which creating a version matters.

A creation in a registry is a long-running operation of azure-ai-ml. For all other requests, envsync
and the emulator have one implementation for workspaces and registries.
"""


class TestWorkspaceWithOtherAnswers(AzureContract):
    kind = "workspace"
    settings: ClassVar[dict[str, Any]] = OTHER_ANSWERS
    locals().update(only(*ANSWERED))


class TestRegistryWithOtherAnswers(AzureContract):
    kind = "registry"
    settings: ClassVar[dict[str, Any]] = OTHER_ANSWERS
    locals().update(only(*CREATING))


class TestWorkspaceThatKeepsTags(AzureContract):
    kind = "workspace"
    settings: ClassVar[dict[str, Any]] = {"tags": "merge"}
    locals().update(only(*REMOVING_TAGS))
    locals().update(expecting(REMOVING_TAGS, lambda test: fails(test, "service kept")))


class TestRegistryThatIgnoresMetadata(AzureContract):
    kind = "registry"
    settings: ClassVar[dict[str, Any]] = {"registry_metadata": "ignore"}
    locals().update(only(*REMOVING_TAGS, "test_one_version_is_archived_and_restored"))
    locals().update(expecting(REMOVING_TAGS, lambda test: fails(test, "ignored it")))


class TestWorkspaceThatDropsContainerTags(AzureContract):
    kind = "workspace"
    settings: ClassVar[dict[str, Any]] = {"container_tags": "drop"}
    locals().update(only(*FINDING_BY_OWNER))


ARCHIVING_HIDDEN = ("test_a_version_of_an_archived_container_can_be_archived",)


class TestWorkspaceThatRefusesToArchiveHiddenVersions(AzureContract):
    kind = "workspace"
    settings: ClassVar[dict[str, Any]] = {"archive_hidden": "refuse"}
    locals().update(only(*ARCHIVING))
    locals().update(expecting(ARCHIVING_HIDDEN, lambda test: fails(test, "could not be archi")))


class TestWorkspaceWithHiddenVersions(AzureContract):
    """A service that shows all versions of an archived container as archived.

    A client cannot see which of these versions were archived separately. After a restore of the
    container, each version must still have its own state.
    """

    kind = "workspace"
    settings: ClassVar[dict[str, Any]] = {"hidden_versions": "effective"}
    locals().update(only(*ARCHIVING))
    locals().update(expecting(HIDDEN_FLAGS, lambda _: None))

    def test_restoring_a_container_restores_the_state_of_each_version(self, target: Target) -> None:
        for version in ("1", "2"):
            target.create(environment(version=version))
        target.set_archived("pydata", "1", True)
        target.set_archived("pydata", None, True)
        hidden = flags(target)

        target.set_archived("pydata", None, False)

        assert hidden == {None: True, "1": True, "2": True}
        assert flags(target) == {None: False, "1": True, "2": False}

    def test_a_version_of_an_archived_container_is_not_restored(self, target: Target) -> None:
        target.create(environment())
        target.set_archived("pydata", None, True)

        with pytest.raises(TargetError, match="pydata"):
            target.set_archived("pydata", "1", False)
        with pytest.raises(TargetError, match="pydata"):
            target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS, restore=True)
