"""Traps of the service and its SDK, and the tests that show that envsync avoids each trap.

`TRAPS` contains the tests of each trap. This module tests the traps that no other module tests.
"""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("azure.core", reason="azure-core is not installed")

from azure.core import PipelineClient

from envsync.model.canonical import JSON
from envsync.model.environment import (
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
    Metadata,
)
from envsync.model.errors import TargetError
from envsync.model.naming import is_reserved
from envsync.targets.azure.checks import ensure_archived, ensure_uploaded
from envsync.targets.azure.http.transport import SharedTransport
from envsync.targets.azure.wire import Resource
from tests.targets.azure.in_process import in_process
from tests.targets.azure.on_emulator import Azure, put
from tests.targets.contract import OURS, container, environment, registered

AZURE = "tests/targets/azure"
CONTRACT = "tests/targets/contract.py::TargetContract::"
SWITCHES = f"{AZURE}/test_contract.py::"
WIRE = f"{AZURE}/test_wire.py::"
REST = f"{AZURE}/http/test_rest.py::"
HERE = f"{AZURE}/test_traps.py::"
UPLOADS = f"{AZURE}/http/test_uploads.py::"
WORKSPACE = "tests/targets/azure/test_workspace.py::"
REGISTRY = "tests/targets/azure/test_registry.py::"
CONTEXT = "tests/project/context/test_scan.py::"

TRAPS: Mapping[str, tuple[str, ...]] = {
    # The resource model
    "lists omit archived entries unless they are requested": (
        f"{CONTRACT}test_an_archived_container_is_read",
    ),
    "a list can have several pages": (
        f"{REST}TestPages::test_each_page_of_a_list_needs_one_request",
        f"{WORKSPACE}TestRequestsOfAPlan::test_a_plan_sends_one_request_for_each_page_of_a_list",
    ),
    "the response to a PUT is 201 for a create and for an update": (
        f"{CONTRACT}test_repeating_a_create_overwrites_no_metadata",
        f"{CONTRACT}test_repeating_a_create_leaves_an_archived_version_archived",
    ),
    "resources have no ETag, so a client must read just before a write": (
        f"{HERE}test_an_update_keeps_the_changes_of_another_client",
    ),
    "the versions of an absent name can be an empty list or 404": (
        f"{HERE}test_an_empty_list_and_a_404_show_that_a_name_is_absent",
    ),
    "a conda file is returned as different text": (
        f"{WIRE}test_a_conda_file_is_compared_by_its_meaning",
        f"{WIRE}test_a_recorded_request_and_its_response_have_the_same_spec",
    ),
    "the order of lists in a conda file matters": (
        f"{HERE}test_a_conda_file_keeps_list_order_and_loses_key_order",
    ),
    "an unset field is returned as an empty string": (
        f"{WIRE}test_an_empty_string_is_read_as_none",
    ),
    "fields that were not sent are returned with defaults": (
        f"{WIRE}test_fields_with_default_values_are_read_as_unset",
        f"{WIRE}test_an_empty_dockerfile_path_is_the_default",
    ),
    "a fixed field cannot change; the refusal can be 400 or 409": (
        f"{CONTRACT}test_a_create_with_another_spec_is_refused",
        f"{SWITCHES}TestWorkspaceWithOtherAnswers",
    ),
    "the reason of a refusal is the innermost code": (
        f"{REST}TestMessages::test_the_message_contains_the_innermost_error_code",
        f"{WORKSPACE}TestTraps::test_refused_content_fails_with_the_services_reason",
    ),
    "a PUT can add to tags instead of replacing them": (f"{SWITCHES}TestWorkspaceThatKeepsTags",),
    "a PUT without tags or description can keep the stored values": (
        f"{CONTRACT}test_an_update_clears_removed_fields",
        f"{SWITCHES}TestWorkspaceWithOtherAnswers",
    ),
    "lists are stale after a write": (
        f"{WORKSPACE}TestTraps::test_a_read_includes_own_writes_that_lists_lack",
    ),
    "reserved prefixes ignore case": (
        f"{CONTRACT}test_reserved_names_are_refused",
        f"{HERE}test_a_name_is_reserved_in_any_case_of_letters",
    ),
    "names and versions are case-sensitive": (
        f"{CONTRACT}test_names_and_versions_are_case_sensitive",
    ),
    "nextVersion can be a timestamp": (
        f"{WORKSPACE}TestTraps::test_the_next_version_of_the_service_can_be_a_timestamp",
    ),
    "nextVersion can exist already": (
        "tests/plan/test_versions.py"
        "::test_the_next_version_of_the_service_is_not_used_if_it_is_taken_or_too_low",
    ),
    "the GET of an archived container shows isArchived: false": (
        f"{WORKSPACE}TestContainerState::test_every_request_to_archive_or_restore_is_sent_and_takes_effect",
        f"{WORKSPACE}TestContainerState::test_writing_the_owner_tag_does_not_restore_an_environment",
        f"{AZURE}/test_mixed.py::test_a_target_has_the_planned_state_after_changes_of_every_kind",
    ),
    "a list read in pages can miss an entry": (
        f"{WORKSPACE}TestContainerState::test_old_lists_are_read_again_before_a_write",
    ),
    "the GET of a version can be stale": (
        f"{WORKSPACE}TestStaleGet::test_a_stale_get_is_not_a_failure",
        f"{WORKSPACE}TestStaleGet::test_archiving_a_version_keeps_an_earlier_update",
    ),
    "the service writes its own labels into properties": (
        f"{WORKSPACE}TestTraps::test_a_label_of_the_service_does_not_make_a_version_differ",
    ),
    "a tag value can be a number": (
        f"{WIRE}test_tags_sent_as_numbers_become_text",
        f"{WORKSPACE}TestTraps::test_archiving_a_version_keeps_numbers_in_its_tags",
    ),
    "a version with the stage Archived is archived": (
        f"{WIRE}test_a_version_is_archived_by_its_flag_or_its_stage",
    ),
    "the service chose the names of conda files in 2022": (
        "tests/plan/test_compare.py::TestNamesThatTheServiceChooses::test_a_conda_name_that_the_service_chose_is_not_a_difference",
    ),
    "@latest is the newest by creation": (
        f"{WORKSPACE}TestTraps::test_the_latest_version_is_the_version_created_last",
        f"{WIRE}test_the_creation_order_uses_all_seven_digits_of_the_time",
    ),
    # Archive and restore
    "a new version of an archived container is archived": (
        f"{CONTRACT}test_a_new_version_of_an_archived_container_is_archived",
    ),
    "one version cannot be restored while its container is archived": (
        f"{CONTRACT}test_a_version_of_an_archived_container_cannot_be_restored",
    ),
    "restoring a container can restore separately archived versions": (
        f"{WORKSPACE}TestTraps::test_restoring_an_environment_keeps_separately_archived_versions",
    ),
    "the service can refuse to archive a version of an archived container": (
        f"{SWITCHES}TestWorkspaceThatRefusesToArchiveHiddenVersions",
    ),
    "isArchived of a version can be the state of its container": (
        f"{SWITCHES}TestWorkspaceWithHiddenVersions",
        f"{HERE}test_the_state_of_versions_is_unreliable_if_all_are_archived",
    ),
    "the service can accept an archive request and ignore it": (
        f"{HERE}test_a_service_that_ignores_archiving_is_reported",
    ),
    "the REST API can delete environments": (f"{HERE}test_no_request_deletes_a_resource",),
    # The SDK
    "the SDK restores what it updates": (f"{CONTRACT}test_an_update_keeps_the_archived_state",),
    "the SDK cannot clear the last tag": (
        f"{CONTRACT}test_an_update_clears_removed_fields",
        f"{WIRE}test_a_change_sends_back_all_fields_that_clients_may_set",
    ),
    "the SDK loses fields that it does not know, such as autoRebuild": (
        f"{WORKSPACE}TestTraps::test_an_update_keeps_unknown_fields",
        f"{WIRE}test_a_change_sends_back_all_fields_that_clients_may_set",
    ),
    "nulls and stage are not sent back": (
        f"{WIRE}test_a_change_sends_back_all_fields_that_clients_may_set",
    ),
    "the SDK takes more than a second to import": (
        f"{WORKSPACE}TestRequestsOfAPlan::test_a_plan_imports_no_sdk",
    ),
    "the SDK sends telemetry and prints": (
        f"{HERE}test_the_sdk_client_has_no_telemetry_and_shows_progress",
        f"{WORKSPACE}TestBuildContexts::test_an_upload_prints_nothing",
    ),
    "the SDK waits for ever for a failed worker, unless it shows progress": (
        f"{HERE}test_the_sdk_client_has_no_telemetry_and_shows_progress",
        f"{UPLOADS}TestFailures::test_a_create_with_a_failed_upload_reports_the_reason",
    ),
    "the SDK does not replace the files of an interrupted upload": (
        f"{UPLOADS}TestFailures::test_the_next_run_completes_an_interrupted_upload",
    ),
    "two concurrent uploads of the SDK to one address disturb each other": (
        f"{UPLOADS}TestOneContent::test_environments_with_equal_contexts_are_created_in_parallel",
    ),
    "the SDK sends all other files after one has failed": (
        f"{UPLOADS}TestFailures::test_after_one_failure_no_further_file_is_sent",
    ),
    "closing a client of azure-core closes its transport": (
        f"{HERE}test_closing_a_client_keeps_shared_connections_open",
    ),
    "the SDK does not send an empty conda file": (
        f"{AZURE}/contract.py::AzureContract::test_an_empty_conda_file_is_refused",
    ),
    # Build contexts
    "the hash of an upload is SHA-256 or MD5": (
        f"{WIRE}test_the_hash_of_an_upload_is_read_from_its_address",
    ),
    "the name of the directory is in the address of an upload": (
        f"{CONTRACT}test_equal_build_contexts_in_two_directories_are_the_same_spec",
        f"{WORKSPACE}TestBuildContexts::test_an_upload_has_the_hash_and_name_of_azure_ai_ml",
    ),
    "empty directories count for the hash of an upload": (
        f"{CONTEXT}test_an_empty_directory_changes_only_the_upload_hash",
        f"{WORKSPACE}TestBuildContexts::test_an_upload_has_the_hash_and_name_of_azure_ai_ml",
    ),
    "a root .amlignore, else a root .gitignore, decides what is uploaded": (
        f"{CONTEXT}test_gitignore_is_used_only_without_amlignore",
        f"{CONTEXT}test_nested_ignore_files_have_no_effect",
    ),
    "symbolic links are followed, and files are hashed in the order of lower-case paths": (
        f"{CONTEXT}test_a_link_is_hashed_like_its_target",
        f"{CONTEXT}test_envsync_and_azure_ai_ml_hash_and_upload_the_same_files",
    ),
    "a registry's upload has no hash in its address": (
        f"{WIRE}test_an_upload_to_a_registry_has_unknown_content",
    ),
    "a build path can be a URL, and nothing is uploaded": (
        f"{CONTRACT}test_a_spec_is_kept_exactly",
    ),
    # Registries
    "a registry is looked up first, and its resources have another host": (
        f"{REGISTRY}test_a_registry_is_looked_up_only_once",
    ),
    "the response of a registry is 202 before the version exists": (
        f"{REST}TestOperations::test_the_url_in_location_is_polled_until_the_operation_is_done",
        f"{REGISTRY}test_an_operation_is_polled_until_it_ends",
    ),
    "names of registries are case-insensitive": (
        f"{REGISTRY}test_the_id_of_a_registry_is_in_lower_case",
    ),
    "the SDK registers a local path if the registry's version exists already": (
        f"{REGISTRY}test_an_existing_version_is_never_sent_again",
        f"{REGISTRY}test_a_create_that_loses_a_race_registers_no_local_path",
        f"{HERE}test_a_create_fails_if_the_service_has_registered_a_local_path",
    ),
    "a registry can ignore changes of description and tags": (
        f"{REGISTRY}test_an_update_that_the_service_ignores_fails",
        f"{SWITCHES}TestRegistryThatIgnoresMetadata",
    ),
    # Limits
    "the number of reads is limited": (
        f"{REST}TestThrottle",
        f"{WORKSPACE}TestFailures::test_a_throttled_read_succeeds_with_few_refused_requests",
    ),
    "a 429 response says when to retry": (
        f"{REST}TestRetries::test_a_retry_waits_for_retry_after_plus_up_to_a_quarter",
    ),
    "a response can be lost after the request was executed": (
        f"{WORKSPACE}TestFailures::test_a_create_with_a_lost_response_succeeds",
        f"{HERE}test_a_create_without_a_response_is_read_back",
    ),
    # Ownership
    "a container can lose its tags, or refuse them": (
        f"{WORKSPACE}TestOwners::test_owned_environments_are_found_without_owner_tags",
        f"{WORKSPACE}TestOwners::test_all_versions_are_read_if_an_owner_tag_is_missing",
        f"{SWITCHES}TestWorkspaceThatDropsContainerTags",
        f"{SWITCHES}TestWorkspaceWithOtherAnswers",
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_has_its_tests(trap: str) -> None:
    root = Path(__file__).parents[3]

    missing = [test for test in TRAPS[trap] if not is_there(root, test)]

    assert (bool(TRAPS[trap]), missing) == (True, [])


def is_there(root: Path, test: str) -> bool:
    """Returns True if a file has this test or class of tests."""
    file, *names = test.split("::")
    found: ast.Module | ast.ClassDef | ast.FunctionDef = parsed(root / file)
    for name in names:
        inner = (
            item
            for item in found.body
            if isinstance(item, ast.ClassDef | ast.FunctionDef) and item.name == name
        )
        step = next(inner, None)
        if step is None:
            return False
        found = step
    return True


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with in_process(tmp_path_factory.mktemp("azure"), workspaces=10) as service:
        yield service


def test_an_update_keeps_the_changes_of_another_client(service: Azure) -> None:
    config = service.config("workspace")
    with service.open(config) as ours, service.open(config) as theirs:
        ours.create(environment())
        held = ours.endpoint.resources.version("pydata", "1")
        assert held is not None
        changed: JSON = {**dict(held.properties), "properties": {"theirs": "1"}}
        theirs.endpoint.resources.put_version("pydata", "1", {"properties": changed})

        ours.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)

        after = ours.endpoint.resources.version("pydata", "1")
    assert after is not None
    assert after.description == "New."
    assert after.properties["properties"] == {"theirs": "1", "azureml.labels": "latest"}


@pytest.mark.parametrize("answer", ["empty", "404"])
def test_an_empty_list_and_a_404_show_that_a_name_is_absent(tmp_path: Path, answer: str) -> None:
    with in_process(tmp_path, absent_versions=answer) as service:
        for kind in ("workspace", "registry"):
            with service.target(kind) as target:
                assert target.read(["absent"]) == {}


def test_a_conda_file_keeps_list_order_and_loses_key_order(
    service: Azure,
) -> None:
    with service.target("workspace") as target:
        put(target, "pydata", condaFile=json.dumps({"dependencies": ["b", "a"], "channels": ["c"]}))
        (held,) = container(target).versions

    assert held.environment.spec.conda_file == '{"channels":["c"],"dependencies":["b","a"]}'


# If all versions of an archived container show as archived, they possibly show the state of the
# container.
@pytest.mark.parametrize(("archived", "expected"), [(("1", "2"), True), (("1",), False)])
def test_the_state_of_versions_is_unreliable_if_all_are_archived(
    service: Azure, archived: tuple[str, ...], expected: bool
) -> None:
    with service.target("workspace") as target:
        for version in ("1", "2"):
            put(target, "pydata", version)
        for version in archived:
            target.set_archived("pydata", version, True)
        target.set_archived("pydata", None, True)

        assert container(target).may_echo is expected


@pytest.mark.parametrize("archived", [True, False])
def test_a_service_that_ignores_archiving_is_reported(archived: bool) -> None:
    held = Resource("1", {"isArchived": not archived})
    word = "archive" if archived else "restore"

    with pytest.raises(TargetError, match=f"accepted the request to {word} pydata:1, but did not"):
        ensure_archived("pydata:1", held, archived)


@pytest.mark.parametrize("name", ["AzureML-a", "azureml-a", "MICROSOFT.a"])
def test_a_name_is_reserved_in_any_case_of_letters(name: str) -> None:
    assert is_reserved(name)


@pytest.mark.parametrize("done", [True, False])
def test_a_create_without_a_response_is_read_back(
    service: Azure, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    with service.target("workspace") as target:
        create = target.endpoint.creator.create

        def lose_the_answer(declared: Environment, check: Callable[[], object]) -> None:
            if done:
                create(declared, check)
            raise TargetError("The connection was closed.")

        monkeypatch.setattr(target.endpoint.creator, "create", lose_the_answer)
        if done:
            target.create(environment())
            assert registered(target).environment == environment()
        else:
            with pytest.raises(TargetError, match="The connection was closed"):
                target.create(environment())


def test_no_request_deletes_a_resource(service: Azure) -> None:
    with service.target("workspace") as target:
        before = len(service.requests())
        target.create(environment())
        target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)
        for version in ("1", None):
            target.set_archived("pydata", version, True)
        target.set_archived("pydata", None, False)

        methods = {request["method"] for request in service.requests()[before:]}

    assert methods == {"GET", "PUT"}


def test_the_sdk_client_has_no_telemetry_and_shows_progress(
    service: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = importlib.import_module("azure.ai.ml")
    seen: list[dict[str, Any]] = []

    class Watched(sdk.MLClient):  # type: ignore[misc, name-defined]  # imported late
        def __init__(self, *arguments: Any, **named: Any) -> None:
            seen.append(named)
            super().__init__(*arguments, **named)

    monkeypatch.setattr(sdk, "MLClient", Watched)
    with service.target("workspace") as target:
        target.create(environment())

    # Without a progress bar, azure-ai-ml does not read the results of its upload workers.
    assert [(named["enable_telemetry"], named["show_progress"]) for named in seen] == [
        (False, True)
    ]


def test_closing_a_client_keeps_shared_connections_open() -> None:
    transport = SharedTransport(16)
    session = transport.session

    # When a client is closed, azure-core also closes the transport of the client. Other threads
    # still use this transport.
    PipelineClient("https://management.azure.com", transport=transport).close()

    assert transport.session is session
    transport.close()


@pytest.mark.parametrize(
    ("uri", "refused"),
    [("/home/ada/docker", True), (None, True), ("https://a.blob.core.windows.net/b/", False)],
)
def test_a_create_fails_if_the_service_has_registered_a_local_path(
    uri: str | None, refused: bool
) -> None:
    declared = environment(spec=EnvironmentSpec(build=Build(BuildContext("sha256:" + "0" * 64))))
    held = Resource("1", {"build": {"contextUri": uri}})

    if refused:
        with pytest.raises(TargetError, match="was registered without its build context"):
            ensure_uploaded(declared, held)
    else:
        ensure_uploaded(declared, held)
