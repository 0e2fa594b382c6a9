"""What the service and its SDK do that a naive client gets wrong, and the tests that fail then.

`TRAPS` says where each is tested; what no other module tests is tested here.
"""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Iterator, Mapping
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
from tests.targets.azure.on_emulator import Azure, azure, put
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
    "lists leave archived entries out unless they are asked for": (
        f"{CONTRACT}test_an_archived_container_is_read_too",
    ),
    "a list ends with its last page, not with its first": (
        f"{REST}TestPages::test_every_page_is_one_request",
        f"{WORKSPACE}TestWhatAPlanCosts::test_each_page_of_a_list_is_one_request",
    ),
    "a PUT answers 201 whether it creates or updates": (
        f"{CONTRACT}test_repeating_a_create_overwrites_no_metadata",
        f"{CONTRACT}test_repeating_a_create_leaves_an_archived_version_archived",
    ),
    "there is no ETag, so what is written back must have been read just before": (
        f"{HERE}test_a_write_starts_from_what_is_there_now",
    ),
    "the versions of a name that is not there may be an empty list or 404": (
        f"{HERE}test_a_name_that_is_not_there_has_no_versions_under_either_answer",
    ),
    "a conda file comes back as other text": (
        f"{WIRE}test_a_conda_file_is_compared_by_what_it_means",
        f"{WIRE}test_what_the_service_rewrites_means_what_was_sent",
    ),
    "in a conda file the order of lists counts": (
        f"{HERE}test_the_order_of_a_list_counts_in_a_conda_file_and_that_of_keys_does_not",
    ),
    "what is unset comes back as an empty text": (f"{WIRE}test_an_empty_text_is_none",),
    "defaults come back that nobody sent": (
        f"{WIRE}test_defaults_that_nobody_sent_make_no_difference",
        f"{WIRE}test_an_empty_dockerfile_path_is_the_default",
    ),
    "a fixed field cannot change; the refusal may be 400 or 409": (
        f"{CONTRACT}test_another_spec_is_refused",
        f"{SWITCHES}TestWorkspaceWithOtherAnswers",
    ),
    "the reason of a refusal is the innermost code": (
        f"{REST}TestSentences::test_the_innermost_code_is_shown",
        f"{WORKSPACE}TestTraps::test_content_that_the_service_refuses_fails_with_its_reason",
    ),
    "a PUT may add to tags instead of replacing them": (
        f"{SWITCHES}TestWorkspaceThatKeepsTags",
        f"{SWITCHES}TestRegistryThatKeepsTags",
    ),
    "leaving tags or description out may keep them": (
        f"{CONTRACT}test_an_update_clears_what_is_no_longer_there",
        f"{SWITCHES}TestWorkspaceWithOtherAnswers",
    ),
    "lists lag behind writes": (
        f"{WORKSPACE}TestTraps::test_lists_that_lag_behind_are_not_believed",
    ),
    "reserved names are reserved in any case of letters": (
        f"{CONTRACT}test_reserved_names_are_refused",
        f"{HERE}test_a_name_is_reserved_in_any_case_of_letters",
    ),
    "names and versions are case-sensitive": (
        f"{CONTRACT}test_names_and_versions_are_case_sensitive",
    ),
    "nextVersion may be a timestamp": (
        f"{WORKSPACE}TestTraps::test_a_next_version_that_is_no_number_is_taken_as_it_is",
    ),
    "nextVersion may be there already": (
        "tests/plan/test_versions.py"
        "::test_a_next_version_of_the_service_that_is_taken_or_lower_is_not_used",
    ),
    "the GET of an archived container says that it is active": (
        f"{WORKSPACE}TestContainerState::test_every_archive_and_restore_is_written_and_seen",
        f"{WORKSPACE}TestContainerState::test_the_owners_mark_restores_nothing",
        f"{AZURE}/test_mixed.py::test_changes_of_every_kind_end_as_planned",
    ),
    "a list that is read page by page may miss an entry": (
        f"{WORKSPACE}TestContainerState"
        "::test_an_entry_that_one_list_missed_is_looked_for_again_before_it_is_carried_on",
    ),
    "the GET of a version may be stale": (
        f"{WORKSPACE}TestStaleGet::test_a_stale_get_is_no_failure",
        f"{WORKSPACE}TestStaleGet::test_an_archive_after_an_update_keeps_the_update",
    ),
    "properties hold labels of the service's own": (
        f"{WORKSPACE}TestTraps::test_labels_of_the_service_are_no_difference",
    ),
    "a tag value may be a number": (
        f"{WIRE}test_tags_that_were_sent_as_numbers_are_their_text",
        f"{WORKSPACE}TestTraps::test_numbers_in_tags_survive_an_archive",
    ),
    "a stage of Archived is an archived version": (f"{WIRE}test_a_stage_of_archived_wins",),
    "the service chose the names of conda files in 2022": (
        "tests/plan/test_compare.py::TestNamesThatTheServiceChooses::test_a_name_that_the_service_chose_is_not_a_difference",
    ),
    "@latest is the newest by creation": (
        f"{WORKSPACE}TestTraps::test_latest_is_the_newest_by_creation_whatever_order_a_list_has",
        f"{WIRE}test_creation_is_ordered_to_a_ten_millionth_of_a_second",
    ),
    # Archive and restore
    "under an archived container a version is born archived": (
        f"{CONTRACT}test_under_an_archived_container_a_version_is_born_archived",
    ),
    "one version cannot be restored while its container is archived": (
        f"{CONTRACT}test_one_version_cannot_be_restored_while_it_is_hidden",
    ),
    "restoring a container may restore what was archived on its own": (
        f"{WORKSPACE}TestTraps"
        "::test_restoring_an_environment_leaves_archived_what_was_archived_alone",
    ),
    "one version may not be archived while its container is": (
        f"{SWITCHES}TestWorkspaceThatArchivesNothingHidden",
    ),
    "isArchived of a hidden version may only be its container's": (
        f"{SWITCHES}HiddenVersions::test_hidden_versions_come_back_as_they_were",
        f"{HERE}test_a_state_that_may_be_the_containers_is_said_to_be",
    ),
    "a service may accept to archive and ignore it": (
        f"{HERE}test_a_service_that_ignores_archiving_is_found_out",
    ),
    "deleting exists on the wire": (f"{HERE}test_nothing_is_ever_deleted",),
    # The SDK
    "the SDK restores what it updates": (f"{CONTRACT}test_an_update_leaves_the_archived_state",),
    "the SDK cannot clear the last tag": (
        f"{CONTRACT}test_an_update_clears_what_is_no_longer_there",
        f"{WIRE}test_a_change_sends_everything_back_but_nulls_and_what_the_service_sets",
    ),
    "the SDK loses autoRebuild and what else it does not know": (
        f"{WORKSPACE}TestTraps::test_an_update_keeps_what_envsync_does_not_know",
        f"{WIRE}test_a_change_sends_everything_back_but_nulls_and_what_the_service_sets",
    ),
    "nulls and stage are not sent back": (
        f"{WIRE}test_a_change_sends_everything_back_but_nulls_and_what_the_service_sets",
    ),
    "the SDK takes more than a second to import": (
        f"{WORKSPACE}TestWhatAPlanCosts::test_a_plan_imports_no_sdk",
    ),
    "the SDK sends telemetry and prints": (
        f"{HERE}test_the_sdk_sends_no_telemetry_and_looks_at_its_workers",
        f"{WORKSPACE}TestBuildContexts::test_nothing_is_printed_while_it_is_uploaded",
    ),
    "the SDK waits for ever for a worker that failed, unless it shows progress": (
        f"{HERE}test_the_sdk_sends_no_telemetry_and_looks_at_its_workers",
        f"{UPLOADS}TestFailures::test_a_failed_upload_is_a_failed_create_with_its_reason",
    ),
    "the SDK does not replace the files of an upload that broke off": (
        f"{UPLOADS}TestFailures::test_the_next_run_completes_an_upload_that_broke_off",
    ),
    "two uploads of the SDK to one address disturb each other": (
        f"{UPLOADS}TestOneContent::test_environments_with_equal_contexts_are_created_side_by_side",
    ),
    "the SDK sends all other files after one has failed": (
        f"{UPLOADS}TestFailures::test_after_one_failure_the_files_that_are_left_are_not_sent",
    ),
    "a client of azure-core that is closed closes its transport": (
        f"{HERE}test_a_client_that_is_closed_leaves_the_shared_connections_open",
    ),
    "the SDK leaves an empty conda file out": (
        f"{AZURE}/contract.py::AzureContract"
        "::test_an_empty_conda_file_is_refused_before_it_is_lost",
    ),
    # Build contexts
    "the hash of an upload is SHA-256 or MD5": (
        f"{WIRE}test_the_hash_of_an_upload_is_read_from_its_address",
    ),
    "the name of the directory is in the address of an upload": (
        f"{CONTRACT}test_the_same_build_context_of_another_directory_is_the_same_spec",
        f"{WORKSPACE}TestBuildContexts"
        "::test_the_upload_has_the_hash_and_name_that_the_sdk_itself_would_give",
    ),
    "empty directories count for the hash of an upload": (
        f"{CONTEXT}test_an_empty_directory_counts_for_the_upload_hash_only",
        f"{WORKSPACE}TestBuildContexts"
        "::test_the_upload_has_the_hash_and_name_that_the_sdk_itself_would_give",
    ),
    "a root .amlignore, else a root .gitignore, decides what is uploaded": (
        f"{CONTEXT}test_gitignore_decides_only_without_amlignore",
        f"{CONTEXT}test_nested_ignore_files_do_nothing",
    ),
    "symbolic links are followed, and the order is that of lower-case paths": (
        f"{CONTEXT}test_links_count_as_what_they_lead_to",
        f"{CONTEXT}test_any_context_is_hashed_and_uploaded_as_azure_ai_ml_does",
    ),
    "a registry's upload has no hash in its address": (
        f"{WIRE}test_what_a_registry_was_given_is_unknown_content_and_no_address",
    ),
    "a build path may be a URL, and nothing is uploaded": (
        f"{CONTRACT}test_a_spec_is_kept_exactly",
    ),
    # Registries
    "a registry is found first, and its resources lie elsewhere": (
        f"{REGISTRY}test_a_registry_is_found_once_and_then_costs_what_a_workspace_costs",
    ),
    "a registry answers 202 before it has done anything": (
        f"{REST}TestOperations::test_a_location_is_asked_until_it_is_done",
        f"{REGISTRY}test_operations_are_asked_for_as_often_as_it_takes",
    ),
    "names of registries compare without case": (
        f"{REGISTRY}test_its_id_is_in_lower_case_whatever_its_name_is",
    ),
    "the SDK registers a path of this machine where a registry's version is there already": (
        f"{REGISTRY}test_a_version_that_is_there_is_never_sent_again",
        f"{REGISTRY}test_who_loses_a_race_for_a_version_registers_no_path_of_this_machine",
        f"{HERE}test_a_local_path_that_was_registered_is_a_failed_create",
    ),
    "a registry may ignore changes of description and tags": (
        f"{REGISTRY}test_an_update_that_the_service_ignores_is_a_failed_change",
        f"{SWITCHES}TestRegistryThatIgnoresMetadata",
    ),
    # Limits
    "reads run out": (
        f"{REST}TestPace",
        f"{WORKSPACE}TestFailures::test_a_throttled_principal_is_not_throttled_into_failure",
    ),
    "429 says when to come again": (
        f"{REST}TestRetries::test_retry_after_is_honoured_with_a_little_more",
    ),
    "an answer may be lost after the work was done": (
        f"{WORKSPACE}TestFailures::test_a_create_whose_answer_was_lost_is_known_as_ours",
        f"{HERE}test_a_create_that_seems_to_fail_is_read_back",
    ),
    # Ownership
    "a container may lose its tags, or refuse them": (
        f"{WORKSPACE}TestOwners::test_what_a_project_owns_is_found_whatever_becomes_of_the_mark",
        f"{WORKSPACE}TestOwners::test_one_environment_without_its_mark_has_all_versions_read",
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
    """Whether a test, or a class of tests, is where it is said to be."""
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
    with azure(tmp_path_factory.mktemp("azure"), places=10) as service:
        yield service


def test_a_write_starts_from_what_is_there_now(service: Azure) -> None:
    config = service.config("workspace")
    with service.open(config) as ours, service.open(config) as theirs:
        ours.create(environment())
        held = ours.site.resources.version("pydata", "1")
        assert held is not None
        changed: JSON = {**dict(held.properties), "properties": {"theirs": "1"}}
        theirs.site.resources.put_version("pydata", "1", {"properties": changed})

        ours.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)

        after = ours.site.resources.version("pydata", "1")
    assert after is not None
    assert after.description == "New."
    assert after.properties["properties"] == {"theirs": "1", "azureml.labels": "latest"}


@pytest.mark.parametrize("answer", ["empty", "404"])
def test_a_name_that_is_not_there_has_no_versions_under_either_answer(
    tmp_path: Path, answer: str
) -> None:
    with azure(tmp_path, absent_versions=answer) as service:
        for kind in ("workspace", "registry"):
            with service.target(kind) as target:
                assert target.read(["absent"]) == {}


def test_the_order_of_a_list_counts_in_a_conda_file_and_that_of_keys_does_not(
    service: Azure,
) -> None:
    with service.target("workspace") as target:
        put(target, "pydata", condaFile=json.dumps({"dependencies": ["b", "a"], "channels": ["c"]}))
        (held,) = container(target).versions

    assert held.environment.spec.conda_file == '{"channels":["c"],"dependencies":["b","a"]}'


@pytest.mark.parametrize(("archived", "expected"), [(("1", "2"), True), (("1",), False)])
def test_a_state_that_may_be_the_containers_is_said_to_be(
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
def test_a_service_that_ignores_archiving_is_found_out(archived: bool) -> None:
    held = Resource("1", {"isArchived": not archived})
    word = "archive" if archived else "restore"

    with pytest.raises(TargetError, match=f"accepted to {word} pydata:1 and ignored it"):
        ensure_archived("pydata:1", held, archived)


@pytest.mark.parametrize("name", ["AzureML-a", "azureml-a", "MICROSOFT.a"])
def test_a_name_is_reserved_in_any_case_of_letters(name: str) -> None:
    assert is_reserved(name)


@pytest.mark.parametrize("done", [True, False])
def test_a_create_that_seems_to_fail_is_read_back(
    service: Azure, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    with service.target("workspace") as target:
        create = target.site.creator.create

        def lose_the_answer(declared: Environment) -> None:
            if done:
                create(declared)
            raise TargetError("The connection broke off.")

        monkeypatch.setattr(target.site.creator, "create", lose_the_answer)
        if done:
            target.create(environment())
            assert registered(target).environment == environment()
        else:
            with pytest.raises(TargetError, match="The connection broke off"):
                target.create(environment())


def test_nothing_is_ever_deleted(service: Azure) -> None:
    with service.target("workspace") as target:
        before = len(service.requests())
        target.create(environment())
        target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)
        for version in ("1", None):
            target.set_archived("pydata", version, True)
        target.set_archived("pydata", None, False)

        methods = {request["method"] for request in service.requests()[before:]}

    assert methods == {"GET", "PUT"}


def test_the_sdk_sends_no_telemetry_and_looks_at_its_workers(
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

    assert [(named["enable_telemetry"], named["show_progress"]) for named in seen] == [
        (False, True)
    ]


def test_a_client_that_is_closed_leaves_the_shared_connections_open() -> None:
    transport = SharedTransport(16)
    session = transport.session

    PipelineClient("https://management.azure.com", transport=transport).close()

    assert transport.session is session
    transport.close()


@pytest.mark.parametrize(
    ("uri", "refused"),
    [("/home/ada/docker", True), (None, True), ("https://a.blob.core.windows.net/b/", False)],
)
def test_a_local_path_that_was_registered_is_a_failed_create(
    uri: str | None, refused: bool
) -> None:
    declared = environment(spec=EnvironmentSpec(build=Build(BuildContext("sha256:" + "0" * 64))))
    held = Resource("1", {"build": {"contextUri": uri}})

    if refused:
        with pytest.raises(TargetError, match="was registered without its build context"):
            ensure_uploaded(declared, held)
    else:
        ensure_uploaded(declared, held)
