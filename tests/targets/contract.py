"""The contract of every target: the promises of `envsync/model/target.py` as tests.

The tests of each kind of target subclass `TargetContract` and override the `target` fixture. Tests
that can insert curated versions also override `seed_curated`:

    class TestLocalTargetContract(TargetContract):
        @pytest.fixture
        def target(self, tmp_path):
            ...
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from envsync.model.canonical import canonical_json
from envsync.model.content_version import content_version
from envsync.model.environment import (
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
    InferenceConfig,
    Metadata,
    Route,
)
from envsync.model.errors import Conflict, TargetError
from envsync.model.provenance import Provenance
from envsync.model.state import Container, RegisteredVersion
from envsync.model.target import Target
from envsync.plan.compare import match_spec
from envsync.plan.drift import is_edited
from envsync.project.context.scan import scan_context

IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20240101.v1"

# This digest is not the digest of any spec. Tests of build contexts replace this digest with the
# real digest.
OURS = Provenance(
    owner="churn-models",
    digest="sha256:" + "0" * 64,
    source="environments/pydata.yml",
    commit="0123456789abcdef0123456789abcdef01234567",
    applied="sha256:" + "1" * 64,
)


def environment(
    name: str = "pydata",
    version: str = "1",
    *,
    spec: EnvironmentSpec | None = None,
    description: str | None = "Data science.",
    tags: dict[str, str] | None = None,
    provenance: Provenance = OURS,
) -> Environment:
    """Returns an environment version as the planner would create it."""
    return Environment(
        EnvironmentKey(name, version),
        spec or EnvironmentSpec(image=IMAGE),
        Metadata(description, {"team": "churn"} if tags is None else tags),
        provenance,
    )


def container(target: Target, name: str = "pydata") -> Container:
    """Returns the container `name`."""
    return target.read([name])[name]


def registered(target: Target, name: str = "pydata", version: str = "1") -> RegisteredVersion:
    """Returns one registered version."""
    return {item.version: item for item in container(target, name).versions}[version]


def flags(target: Target, name: str = "pydata") -> dict[str | None, bool]:
    """Returns the archived flag of each version, and of the container under the key None."""
    held = container(target, name)
    return {None: held.archived, **{item.version: item.archived for item in held.versions}}


def build_context(directory: Path, files: dict[str, bytes]) -> BuildContext:
    """Writes files to a directory and returns the build context of the directory."""
    for path, content in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return scan_context(directory, directory).context


class TargetContract:
    """The tests of the contract.

    Before each test, the target has none of the environments that the test uses.
    """

    @pytest.fixture
    def target(self) -> Iterator[Target]:
        raise NotImplementedError

    def seed_curated(self, target: Target, environment: Environment) -> None:
        """Inserts a curated version."""
        pytest.skip("curated versions cannot be inserted into this kind of target")

    # Identity

    def test_the_identity_of_a_target_does_not_change(self, target: Target) -> None:
        assert target.identity == target.identity
        assert target.identity.name
        assert target.identity.id

    # Reading

    def test_read_omits_unknown_names(self, target: Target) -> None:
        target.create(environment("pydata"))

        assert target.read(["absent"]) == {}
        assert target.read(["absent", "pydata"]).keys() == {"pydata"}

    def test_read_without_names_and_owner_returns_nothing(self, target: Target) -> None:
        target.create(environment("pydata"))

        assert target.read([]) == {}

    def test_read_with_none_returns_every_environment(self, target: Target) -> None:
        target.create(environment("pydata"))
        target.create(environment("foreign", provenance=Provenance(owner="other")))
        target.create(environment("unowned", provenance=Provenance()))

        assert {"pydata", "foreign", "unowned"} <= target.read(None).keys()

    def test_environments_of_an_owner_are_found_without_their_names(self, target: Target) -> None:
        target.create(environment("pydata"))
        target.create(environment("foreign", provenance=Provenance(owner="other")))
        target.create(environment("unowned", provenance=Provenance()))

        assert target.read([], owner="churn-models").keys() == {"pydata"}
        assert target.read(["unowned"], owner="other").keys() == {"unowned", "foreign"}

    def test_a_container_is_found_by_the_owner_of_any_version(self, target: Target) -> None:
        target.create(environment("shared", "1", provenance=Provenance()))
        target.create(environment("shared", "2", provenance=Provenance(owner="other")))
        target.create(environment("shared", "3"))

        assert target.read([], owner="churn-models").keys() == {"shared"}
        assert target.read([], owner="other").keys() == {"shared"}

    def test_owners_are_case_sensitive(self, target: Target) -> None:
        target.create(environment("pydata"))

        assert target.read([], owner="Churn-Models") == {}

    def test_a_container_has_all_its_versions(self, target: Target) -> None:
        target.create(environment(version="1", provenance=Provenance()))
        target.create(environment(version="2"))
        target.create(environment(version="3", provenance=Provenance(owner="other")))
        target.set_archived("pydata", "2", True)

        by_name, by_owner = target.read(["pydata"]), target.read([], owner="churn-models")

        assert flags(target) == {None: False, "1": False, "2": True, "3": False}
        assert by_name == by_owner

    def test_an_archived_container_is_read(self, target: Target) -> None:
        target.create(environment())
        target.set_archived("pydata", None, True)

        assert target.read(["pydata"]).keys() == {"pydata"}
        assert target.read([], owner="churn-models").keys() == {"pydata"}
        assert "pydata" in target.read(None)

    # Creating

    def test_a_created_version_is_read_back(self, target: Target) -> None:
        declared = environment()
        target.create(declared)

        held = container(target)

        assert [item.environment for item in held.versions] == [declared]
        assert held.archived is False
        assert held.latest == "1"
        assert held.versions[0].curated is False
        assert held.versions[0].created != ""

    def test_a_version_can_be_created_from_an_image_only(self, target: Target) -> None:
        declared = environment(description=None, tags={}, provenance=Provenance())
        target.create(declared)

        assert registered(target).environment == declared

    @pytest.mark.parametrize("image", [IMAGE, "python", f"python@sha256:{'0' * 64}"])
    def test_a_version_that_is_derived_from_the_content_is_read_back(
        self, target: Target, image: str
    ) -> None:
        spec = EnvironmentSpec(image=image, conda_file='{"dependencies":["python=3.12"]}')
        version = content_version(spec)
        target.create(environment(version=version, spec=spec))

        (found,) = target.read(["pydata"])["pydata"].versions
        assert found.version == version == content_version(found.environment.spec)

    def test_repeating_a_create_changes_nothing(self, target: Target) -> None:
        target.create(environment())
        target.create(environment(version="2"))
        before = container(target)

        target.create(environment())

        assert container(target) == before

    def test_repeating_a_create_overwrites_no_metadata(self, target: Target) -> None:
        target.create(environment(description="first"))

        with pytest.raises(Conflict, match='description is "first", and was "second"'):
            target.create(environment(description="second"))

        assert registered(target).environment == environment(description="first")

    def test_repeating_a_create_leaves_an_archived_version_archived(self, target: Target) -> None:
        target.create(environment())
        target.set_archived("pydata", "1", True)

        target.create(environment())

        assert flags(target) == {None: False, "1": True}

    @pytest.mark.parametrize(
        "other",
        [
            EnvironmentSpec(image=IMAGE + "-other"),
            EnvironmentSpec(image=IMAGE, conda_file='{"name":"x"}'),
            EnvironmentSpec(image=IMAGE, os_type="Windows"),
            EnvironmentSpec(build=Build("https://github.com/contoso/images.git#main:py")),
            EnvironmentSpec(
                image=IMAGE,
                inference_config=InferenceConfig(
                    Route("/live", 80), Route("/ready", 80), Route("/score", 80)
                ),
            ),
        ],
        ids=["image", "conda", "os", "build", "inference"],
    )
    def test_a_create_with_another_spec_is_refused(
        self, target: Target, other: EnvironmentSpec
    ) -> None:
        target.create(environment())

        with pytest.raises(TargetError, match="pydata"):
            target.create(environment(spec=other))

        assert [item.environment for item in container(target).versions] == [environment()]

    @pytest.mark.parametrize("first", [None, "other"])
    def test_a_create_with_another_owner_is_refused(
        self, target: Target, first: str | None
    ) -> None:
        theirs = environment(provenance=Provenance(owner=first))
        target.create(theirs)

        with pytest.raises(TargetError, match="pydata"):
            target.create(environment())

        assert registered(target).environment == theirs

    def test_a_new_version_of_an_archived_container_is_archived(self, target: Target) -> None:
        target.create(environment(version="1"))
        target.set_archived("pydata", None, True)

        target.create(environment(version="2"))

        assert flags(target) == {None: True, "1": False, "2": True}
        assert container(target).latest is None

    def test_versions_are_in_order_of_creation(self, target: Target) -> None:
        # Create the versions in an order that is neither numeric nor alphabetical.
        for version in ("10", "9", "1.10", "1.9", "nightly"):
            target.create(environment(version=version))

        held = container(target)

        assert [item.version for item in held.versions] == ["10", "9", "1.10", "1.9", "nightly"]
        assert held.latest == "nightly"

    def test_an_update_does_not_make_a_version_the_latest(self, target: Target) -> None:
        target.create(environment(version="1"))
        target.create(environment(version="2"))

        target.update(EnvironmentKey("pydata", "1"), Metadata("new"), OURS)

        assert container(target).latest == "2"

    def test_names_and_versions_are_case_sensitive(self, target: Target) -> None:
        keys = [("pydata", "rc1"), ("pydata", "RC1"), ("PyData", "rc1")]
        for name, version in keys:
            target.create(environment(name, version, description=f"{name}:{version}"))

        target.set_archived("pydata", "RC1", True)

        assert flags(target, "pydata") == {None: False, "rc1": False, "RC1": True}
        assert flags(target, "PyData") == {None: False, "rc1": False}
        assert target.read(["PYDATA"]) == {}

    # Unchanged storage of values

    @pytest.mark.parametrize(
        "text",
        [
            'It\'s "quoted"; DROP TABLE versions;-- %s ? :name',
            "Grüße, 世界 🐍 e\u0301",
            "two\nlines\r\nand\ttabs \\ and / and \x7f",
            " spaces around ",
            "long " * 2000,
        ],
        ids=["quotes", "unicode", "control", "spaces", "long"],
    )
    def test_text_is_kept_exactly(self, target: Target, text: str) -> None:
        created = environment(description=text, tags={"text": text, text[:100]: "key"})
        target.create(created)
        target.create(environment(version="2"))
        target.update(EnvironmentKey("pydata", "2"), created.metadata, OURS)

        assert registered(target, version="1").environment.metadata == created.metadata
        assert registered(target, version="2").environment.metadata == created.metadata

    def test_tag_values_stay_text(self, target: Target) -> None:
        # A YAML or JSON parser would read these texts as numbers, booleans or other types.
        tags = {"empty": "", "number": "1.10", "flag": "true", "nothing": "null", "json": "{}"}
        target.create(environment(tags=tags))

        assert dict(registered(target).environment.metadata.tags) == tags

    @pytest.mark.parametrize(
        "conda",
        [
            '{"channels":["conda-forge"],"dependencies":["python=3.11",{"pip":["a","b"]}]}',
            '{"channels":["b","a"],"dependencies":[]}',
            '{"number":1,"other":1.0,"text":"1","truth":true,"void":null}',
            '{"exponent":1e+16,"large":12345678901234567890,"small":0.1}',
            '{"text":"Grüße 🐍 \\" \\\\ \\n"}',
            "{}",
        ],
    )
    def test_the_meaning_of_a_conda_file_is_kept(self, target: Target, conda: str) -> None:
        assert canonical_json(json.loads(conda)) == conda, "the case itself is canonical"
        target.create(environment(spec=EnvironmentSpec(image=IMAGE, conda_file=conda)))

        assert registered(target).environment.spec.conda_file == conda

    @pytest.mark.parametrize(
        ("before", "after"),
        [('{"n":1}', '{"n":1.0}'), ('{"n":1}', '{"n":true}'), ('{"n":1}', '{"n":"1"}')],
    )
    def test_specs_differ_if_their_json_differs(
        self, target: Target, before: str, after: str
    ) -> None:
        target.create(environment(spec=EnvironmentSpec(image=IMAGE, conda_file=before)))

        with pytest.raises(TargetError):
            target.create(environment(spec=EnvironmentSpec(image=IMAGE, conda_file=after)))

    @pytest.mark.parametrize(
        "spec",
        [
            EnvironmentSpec(image=IMAGE, os_type="Windows"),
            EnvironmentSpec(
                image=IMAGE,
                inference_config=InferenceConfig(
                    liveness_route=Route("/live", 8080),
                    readiness_route=Route("/ready", 8081),
                    scoring_route=Route("/score?a='b'", 65535),
                ),
            ),
            EnvironmentSpec(build=Build("https://github.com/contoso/images.git#main:py")),
            EnvironmentSpec(build=Build("https://contoso.example/c.tar", "docker/Dockerfile.gpu")),
        ],
        ids=["windows", "inference", "git", "url"],
    )
    def test_a_spec_is_kept_exactly(self, target: Target, spec: EnvironmentSpec) -> None:
        target.create(environment(spec=spec))

        assert registered(target).environment.spec == spec
        assert registered(target).environment.spec.digest == spec.digest

    @pytest.mark.parametrize(
        "spec",
        [EnvironmentSpec(), EnvironmentSpec(image=IMAGE, build=Build("https://contoso.example/c"))],
        ids=["neither", "both"],
    )
    def test_exactly_one_of_image_and_build_is_required(
        self, target: Target, spec: EnvironmentSpec
    ) -> None:
        with pytest.raises(TargetError, match="pydata:1"):
            target.create(environment(spec=spec))

        assert target.read(["pydata"]) == {}

    # Local build contexts

    def test_a_build_context_is_uploaded(self, target: Target, tmp_path: Path) -> None:
        context = build_context(
            tmp_path / "context", {"Dockerfile": b"FROM a\n", "app/main.py": b"\0\xff"}
        )
        spec = EnvironmentSpec(build=Build(context))
        provenance = replace(OURS, digest=spec.digest)

        target.create(environment(spec=spec, provenance=provenance))

        assert match_spec(spec, registered(target)) == "same"

    def test_equal_build_contexts_in_two_directories_are_the_same_spec(
        self, target: Target, tmp_path: Path
    ) -> None:
        files = {"Dockerfile": b"FROM a\n"}
        first = EnvironmentSpec(build=Build(build_context(tmp_path / "one", files)))
        second = EnvironmentSpec(build=Build(build_context(tmp_path / "two", files)))
        provenance = replace(OURS, digest=first.digest)
        target.create(environment(spec=first, provenance=provenance))
        before = container(target)

        target.create(environment(spec=second, provenance=provenance))

        assert container(target) == before

    def test_a_create_with_another_build_context_is_refused(
        self, target: Target, tmp_path: Path
    ) -> None:
        first = EnvironmentSpec(build=Build(build_context(tmp_path / "1", {"Dockerfile": b"a"})))
        second = EnvironmentSpec(build=Build(build_context(tmp_path / "2", {"Dockerfile": b"b"})))
        target.create(environment(spec=first, provenance=replace(OURS, digest=first.digest)))

        with pytest.raises(TargetError, match="pydata"):
            target.create(environment(spec=second, provenance=replace(OURS, digest=second.digest)))

        assert match_spec(first, registered(target)) == "same"

    @pytest.mark.parametrize("change", ["edited", "removed"])
    def test_a_build_context_that_changed_on_disk_is_refused(
        self, target: Target, tmp_path: Path, change: str
    ) -> None:
        context = build_context(tmp_path / "context", {"Dockerfile": b"FROM a\n", "b": b""})
        dockerfile = tmp_path / "context" / "Dockerfile"
        dockerfile.unlink() if change == "removed" else dockerfile.write_bytes(b"FROM b\n")

        with pytest.raises(TargetError):
            target.create(environment(spec=EnvironmentSpec(build=Build(context))))

        assert target.read(["pydata"]) == {}

    def test_a_create_can_be_repeated_without_the_directory(
        self, target: Target, tmp_path: Path
    ) -> None:
        context = build_context(tmp_path / "context", {"Dockerfile": b"FROM a\n"})
        spec = EnvironmentSpec(build=Build(context))
        declared = environment(spec=spec, provenance=replace(OURS, digest=spec.digest))
        target.create(declared)
        before = container(target)
        (tmp_path / "context" / "Dockerfile").unlink()

        target.create(declared)

        assert container(target) == before

    # Updating

    def test_an_update_replaces_metadata_and_provenance(self, target: Target) -> None:
        target.create(environment(tags={"stays": "1", "changes": "1", "goes": "1"}))
        metadata = Metadata("New.", {"stays": "1", "changes": "2", "comes": "1"})
        provenance = Provenance(
            owner="other", source="environments/moved.yml", applied=metadata.digest
        )

        target.update(EnvironmentKey("pydata", "1"), metadata, provenance)

        assert registered(target).environment == replace(
            environment(), metadata=metadata, provenance=provenance
        )

    def test_an_update_clears_removed_fields(self, target: Target) -> None:
        target.create(environment(description="Old.", tags={"a": "1"}))

        target.update(EnvironmentKey("pydata", "1"), Metadata(), Provenance())

        assert registered(target).environment == environment(
            description=None, tags={}, provenance=Provenance()
        )

    def test_the_digest_of_the_last_write_shows_whether_somebody_edited_the_metadata(
        self, target: Target
    ) -> None:
        key, metadata = EnvironmentKey("pydata", "1"), Metadata("Data.", {"a": "1", "b": ""})
        ours = replace(OURS, applied=metadata.digest)
        target.create(replace(environment(provenance=ours), metadata=metadata))
        created = is_edited(registered(target))
        target.update(key, replace(metadata, description=None), ours)
        edited = is_edited(registered(target))
        target.update(key, metadata, replace(OURS, applied=None))

        assert (created, edited, is_edited(registered(target))) == (False, True, None)

    @pytest.mark.parametrize("scope", ["1", None])
    def test_the_digest_of_the_last_write_stays_after_an_archive_and_a_restore(
        self, target: Target, scope: str | None
    ) -> None:
        target.create(environment())
        target.set_archived("pydata", scope, True)
        target.set_archived("pydata", scope, False)

        assert registered(target).environment.provenance == OURS

    def test_an_update_touches_no_other_version(self, target: Target) -> None:
        target.create(environment(version="1"))
        target.create(environment(version="2"))
        before = registered(target, version="2")

        target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)

        assert registered(target, version="2") == before

    def test_a_container_is_found_by_an_owner_that_an_update_has_set(self, target: Target) -> None:
        target.create(environment(provenance=Provenance()))

        target.update(EnvironmentKey("pydata", "1"), Metadata(), OURS)

        assert target.read([], owner="churn-models").keys() == {"pydata"}

    @pytest.mark.parametrize("scope", ["1", None])
    def test_an_update_keeps_the_archived_state(self, target: Target, scope: str | None) -> None:
        target.create(environment())
        target.set_archived("pydata", scope, True)
        before = flags(target)

        target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS)

        assert flags(target) == before
        assert registered(target).environment.metadata == Metadata("New.")

    def test_an_update_can_restore_its_version(self, target: Target) -> None:
        target.create(environment())
        target.set_archived("pydata", "1", True)

        target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS, restore=True)

        assert flags(target) == {None: False, "1": False}
        assert registered(target).environment.metadata == Metadata("New.")

    def test_an_update_with_restore_keeps_an_active_version_active(self, target: Target) -> None:
        target.create(environment())

        target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS, restore=True)

        assert flags(target) == {None: False, "1": False}
        assert registered(target).environment.metadata == Metadata("New.")

    @pytest.mark.parametrize("archived", [True, False])
    def test_an_update_cannot_restore_a_version_of_an_archived_container(
        self, target: Target, archived: bool
    ) -> None:
        target.create(environment())
        target.set_archived("pydata", "1", archived)
        target.set_archived("pydata", None, True)
        before = container(target)

        with pytest.raises(TargetError, match="pydata"):
            target.update(EnvironmentKey("pydata", "1"), Metadata("New."), OURS, restore=True)

        assert container(target) == before

    @pytest.mark.parametrize("key", [("absent", "1"), ("pydata", "2"), ("Pydata", "1")])
    def test_an_absent_version_cannot_be_updated(
        self, target: Target, key: tuple[str, str]
    ) -> None:
        target.create(environment())
        before = container(target)

        with pytest.raises(TargetError, match=key[0]):
            target.update(EnvironmentKey(*key), Metadata("New."), OURS)

        assert container(target) == before
        assert target.read(["absent", "Pydata"]) == {}

    # Archiving and restoring

    def test_one_version_is_archived_and_restored(self, target: Target) -> None:
        target.create(environment(version="1"))
        target.create(environment(version="2"))

        target.set_archived("pydata", "2", True)
        archived = container(target)
        target.set_archived("pydata", "2", False)
        restored = container(target)

        assert [item.version for item in archived.active] == ["1"]
        assert archived.latest == "1"
        assert [item.version for item in restored.active] == ["1", "2"]
        assert restored.latest == "2"

    def test_restoring_a_container_keeps_separately_archived_versions(self, target: Target) -> None:
        target.create(environment(version="1"))
        target.create(environment(version="2"))
        target.set_archived("pydata", "1", True)

        target.set_archived("pydata", None, True)
        hidden = container(target)
        target.set_archived("pydata", None, False)
        shown = container(target)

        assert (hidden.archived, hidden.active, hidden.latest) == (True, (), None)
        assert (shown.archived, [item.version for item in shown.active]) == (False, ["2"])

    def test_a_version_of_an_archived_container_can_be_archived(self, target: Target) -> None:
        target.create(environment(version="1"))
        target.create(environment(version="2"))
        target.set_archived("pydata", None, True)

        target.set_archived("pydata", "1", True)
        target.set_archived("pydata", None, False)

        assert flags(target) == {None: False, "1": True, "2": False}

    @pytest.mark.parametrize("archived", [True, False])
    def test_a_version_of_an_archived_container_cannot_be_restored(
        self, target: Target, archived: bool
    ) -> None:
        target.create(environment())
        target.set_archived("pydata", "1", archived)
        target.set_archived("pydata", None, True)

        with pytest.raises(TargetError, match="pydata"):
            target.set_archived("pydata", "1", False)

        assert flags(target) == {None: True, "1": archived}

    def test_setting_the_same_archived_state_changes_nothing(self, target: Target) -> None:
        target.create(environment())
        for scope in ("1", None):
            for archived in (False, True, False):
                target.set_archived("pydata", scope, archived)
                before = container(target)

                target.set_archived("pydata", scope, archived)

                assert container(target) == before

    def test_an_absent_version_cannot_be_archived_or_restored(self, target: Target) -> None:
        target.create(environment())
        before = container(target)

        for name, version in (("absent", None), ("absent", "1"), ("pydata", "2"), ("PYDATA", None)):
            for archived in (True, False):
                with pytest.raises(TargetError, match=name):
                    target.set_archived(name, version, archived)

        assert container(target) == before

    def test_archive_and_restore_change_nothing_else(self, target: Target) -> None:
        target.create(environment())
        before = container(target)

        target.set_archived("pydata", "1", True)
        target.set_archived("pydata", None, True)
        target.set_archived("pydata", None, False)
        target.set_archived("pydata", "1", False)

        assert container(target) == before

    # Curated entries

    def test_a_curated_environment_cannot_be_changed(self, target: Target) -> None:
        name = "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu"
        self.seed_curated(target, environment(name, provenance=Provenance()))
        before = container(target, name)

        with pytest.raises(TargetError, match=name):
            target.update(EnvironmentKey(name, "1"), Metadata("Mine."), OURS)
        for version in ("1", None):
            with pytest.raises(TargetError, match=name):
                target.set_archived(name, version, True)
        with pytest.raises(TargetError, match=name):
            target.create(environment(name, "2"))

        assert container(target, name) == before
        assert [item.curated for item in before.versions] == [True]

    @pytest.mark.parametrize("name", ["AzureML-mine", "azureml_mine", "Microsoft.mine"])
    def test_reserved_names_are_refused(self, target: Target, name: str) -> None:
        with pytest.raises(TargetError, match=name):
            target.create(environment(name))

        assert target.read([name]) == {}

    # Parallel use

    def test_threads_create_versions_in_parallel(self, target: Target) -> None:
        declared = [environment(f"pydata-{i % 5}", str(i)) for i in range(20)]

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(target.create, declared))

        state = target.read([f"pydata-{i}" for i in range(5)])
        held = [item.environment for found in state.values() for item in found.versions]
        assert sorted(held, key=lambda item: int(item.key.version)) == declared

    def test_only_one_of_several_threads_creates_a_version(self, target: Target) -> None:
        rivals = [
            environment(spec=EnvironmentSpec(image=f"contoso.example/image:{i}")) for i in range(8)
        ]

        def attempt(rival: Environment) -> Environment | None:
            try:
                target.create(rival)
            except TargetError:
                return None
            return rival

        with ThreadPoolExecutor(8) as pool:
            winners = [rival for rival in pool.map(attempt, rivals) if rival is not None]

        assert [item.environment for item in container(target).versions] == winners

    def test_threads_see_no_incomplete_write(self, target: Target) -> None:
        target.create(environment())

        def write(number: int) -> None:
            text = str(number)
            target.update(EnvironmentKey("pydata", "1"), Metadata(text, {"number": text}), OURS)

        # Each write sets the description and a tag to the same number.
        def read(_: int) -> bool:
            held = registered(target).environment.metadata
            return held == environment().metadata or held.tags == {"number": held.description}

        with ThreadPoolExecutor(8) as pool:
            writes = pool.map(write, range(20))
            whole = list(pool.map(read, range(20)))
            list(writes)

        assert whole == [True] * 20
