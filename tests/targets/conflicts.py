"""The contract of every target for changes that somebody else makes between plan and apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from msgspec.structs import replace

from envsync.model.declaration import Declaration
from envsync.model.environment import Environment, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.policy import Policy
from envsync.model.provenance import Provenance
from envsync.model.target import Target
from envsync.plan.apply import apply
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from tests.builders import PROJECT, declared, image

OTHER = "another-team"
POLICY = Policy(project=PROJECT)
KEPT = declared("kept", "1")
"""A declaration that is already registered, so that no plan archives every environment."""

Meddle = Callable[[Target], None]
Both = tuple[Target, Target]


def version(
    number: str = "1",
    *,
    owner: str | None = PROJECT,
    description: str | None = None,
    tags: dict[str, str] | None = None,
    spec: EnvironmentSpec | None = None,
    name: str = "pydata",
) -> Environment:
    return Environment(
        EnvironmentKey(name, number),
        spec or image(),
        Metadata(description, tags or {}),
        Provenance(owner),
    )


def write(
    *,
    owner: str | None = PROJECT,
    description: str | None = None,
    restore: bool = False,
    **tags: str,
) -> Meddle:
    """Returns a function that replaces the metadata and the owner of version 1."""

    def meddle(target: Target) -> None:
        target.update(
            EnvironmentKey("pydata", "1"),
            Metadata(description, tags),
            Provenance(owner),
            restore=restore,
        )

    return meddle


def create(number: str, owner: str | None = OTHER, description: str | None = None) -> Meddle:
    """Returns a function that registers a version."""
    return lambda target: target.create(version(number, owner=owner, description=description))


def archive(number: str | None, archived: bool = True) -> Meddle:
    """Returns a function that archives or restores version `number`, or the environment if None."""
    return lambda target: target.set_archived("pydata", number, archived)


def planned(target: Target, declarations: Sequence[Declaration], policy: Policy) -> Plan:
    names = {item.name for item in declarations}
    state = target.read(names, policy.project)
    return make_plan(declarations, state, policy, target.identity)


class ConflictContract:
    """Every test plans a change, lets somebody else change the target, and applies the plan."""

    @pytest.fixture
    def both(self) -> Iterator[Both]:
        """Yields two connections to one target: of envsync, and of somebody else."""
        raise NotImplementedError

    def outcome(
        self,
        both: Both,
        meddle: Meddle,
        *declarations: Declaration,
        policy: Policy = POLICY,
    ) -> tuple[str, str]:
        """Returns the status and the error of the only change of the plan.

        Also checks that a conflict writes nothing.
        """
        target, other = both
        other.create(version(name="kept"))
        plan = planned(target, [*declarations, KEPT], replace(policy, max_archive_percent=100))
        assert len(plan.applicable) == 1, plan
        meddle(other)
        before = other.read(["pydata"])
        (outcome,) = apply(plan, target)
        if outcome.status == "conflict":
            assert other.read(["pydata"]) == before
        return outcome.status, outcome.error or ""

    @pytest.mark.parametrize(
        ("meddle", "words"),
        [
            (write(description="Old.", team="b"), 'tags.team is "b", and was not set'),
            (write(description="Mine."), 'description is "Mine.", and was "Old."'),
            (write(), 'description is not set, and was "Old."'),
            (write(description="Old.", owner=OTHER), f"its owner is project {OTHER}, and was proj"),
            (write(description="Old.", owner=None), "its owner is no project, and was project"),
            (archive("1"), "the version is archived now"),
            (archive(None), "the environment is archived now"),
        ],
        ids=["tag", "description", "removed", "owner", "released", "version", "environment"],
    )
    def test_an_update_overwrites_no_other_change(
        self, both: Both, meddle: Meddle, words: str
    ) -> None:
        both[1].create(version(description="Old."))

        status, error = self.outcome(both, meddle, declared("pydata", "1", description="New."))

        assert status == "conflict"
        assert error.startswith("pydata:1 has changed since the plan was made: ")
        assert words in error
        assert error.endswith("Nothing was written. Make the plan again.")

    def test_an_update_keeps_an_ignored_tag_that_was_added(self, both: Both) -> None:
        both[1].create(version(description="Old."))

        status, error = self.outcome(
            both,
            write(description="Old.", seen="today"),
            declared("pydata", "1", description="New."),
            policy=replace(POLICY, ignore_tags=("seen",)),
        )

        assert status == "conflict"
        assert 'tags.seen is "today"' in error

    def test_an_update_that_somebody_else_has_made_has_the_status_done(self, both: Both) -> None:
        both[1].create(version(description="Old."))

        status, _ = self.outcome(
            both, write(description="New."), declared("pydata", "1", description="New.")
        )

        assert status == "done"

    @pytest.mark.parametrize(
        ("meddle", "words"),
        [
            (write(owner=OTHER, restore=True), "the version is not archived any more"),
            (write(team="b"), 'tags.team is "b", and was not set'),
            (archive(None), "the environment is archived now"),
        ],
        ids=["owner", "tag", "environment"],
    )
    def test_a_restore_of_a_version_overwrites_no_other_change(
        self, both: Both, meddle: Meddle, words: str
    ) -> None:
        both[1].create(version())
        both[1].create(version("2"))
        both[1].set_archived("pydata", "1", True)

        status, error = self.outcome(both, meddle, declared("pydata", "1"), declared("pydata", "2"))

        assert status == "conflict"
        assert words in error

    @pytest.mark.parametrize(
        ("meddle", "words"),
        [
            (create("2"), f"version 2 of project {OTHER} is new or restored"),
            (create("2", PROJECT), f"version 2 of project {PROJECT} is new or restored"),
            (write(owner=OTHER), f"the owner of version 1 is project {OTHER}, and was project"),
            (write(owner=None), "the owner of version 1 is no project"),
        ],
        ids=["added", "added-by-us", "taken", "released"],
    )
    def test_archiving_an_environment_archives_no_version_of_another_project(
        self, both: Both, meddle: Meddle, words: str
    ) -> None:
        both[1].create(version())

        status, error = self.outcome(both, meddle)

        assert status == "conflict"
        assert error.startswith("pydata has changed since the plan was made: ")
        assert words in error

    def test_archiving_an_environment_archives_no_version_that_another_client_restored(
        self, both: Both
    ) -> None:
        both[1].create(version())
        both[1].create(version("2", owner=OTHER))
        both[1].set_archived("pydata", "2", True)

        status, error = self.outcome(both, archive("2", archived=False))

        assert status == "conflict"
        assert f"version 2 of project {OTHER} is new or restored" in error

    def test_archiving_an_archived_environment_has_the_status_done(self, both: Both) -> None:
        both[1].create(version())

        assert self.outcome(both, archive(None))[0] == "done"

    @pytest.mark.parametrize(
        ("meddle", "words"),
        [
            (write(owner=OTHER), f"its owner is project {OTHER}"),
            (write(team="b"), 'tags.team is "b"'),
            (archive(None), "the environment is archived now"),
        ],
        ids=["owner", "tag", "environment"],
    )
    def test_a_superseded_version_that_others_changed_is_not_archived(
        self, both: Both, meddle: Meddle, words: str
    ) -> None:
        both[1].create(version())
        both[1].create(version("2"))

        status, error = self.outcome(
            both,
            meddle,
            declared("pydata", "2"),
            policy=replace(POLICY, superseded="archive"),
        )

        assert status == "conflict"
        assert words in error

    def test_archiving_a_version_that_somebody_archived_succeeds(self, both: Both) -> None:
        both[1].create(version())
        both[1].create(version("2"))

        status, _ = self.outcome(
            both,
            archive("1"),
            declared("pydata", "2"),
            policy=replace(POLICY, superseded="archive"),
        )

        assert status == "done"

    @pytest.mark.parametrize(
        ("meddle", "words"),
        [
            (create("2"), f"version 2 of project {OTHER} is new or restored"),
            (archive(None, archived=False), ""),
        ],
        ids=["added", "restored"],
    )
    def test_restoring_an_environment_restores_no_version_of_another_project(
        self, both: Both, meddle: Meddle, words: str
    ) -> None:
        both[1].create(version())
        both[1].set_archived("pydata", None, True)

        status, error = self.outcome(both, meddle, declared("pydata", "1"))

        assert (status, words in error) == ("conflict" if words else "done", True)

    @pytest.mark.parametrize(
        ("meddle", "words"),
        [
            (create("2"), f"is already registered by project {OTHER}"),
            (create("2", None), "is already registered by no project"),
            (
                create("2", PROJECT, "Mine."),
                'somebody has registered it; description is "Mine.", and was not set',
            ),
            (archive(None), "the environment is archived now"),
        ],
        ids=["other", "nobody", "metadata", "archived"],
    )
    def test_a_create_is_a_conflict_if_somebody_else_has_changed_the_environment(
        self, both: Both, meddle: Meddle, words: str
    ) -> None:
        both[1].create(version())

        status, error = self.outcome(both, meddle, declared("pydata", "1"), declared("pydata", "2"))

        assert status == "conflict"
        assert words in error

    @pytest.mark.parametrize(
        ("meddle", "words"),
        [
            (create("3"), f"version 3 of project {OTHER} is new"),
            (create("3", PROJECT), f"version 3 of project {PROJECT} is new"),
            (write(owner=OTHER), f"the owner of version 1 is project {OTHER} now"),
        ],
        ids=["other", "ours", "taken"],
    )
    def test_a_create_is_a_conflict_if_the_environment_has_a_version_that_is_not_in_the_plan(
        self, both: Both, meddle: Meddle, words: str
    ) -> None:
        both[1].create(version())

        status, error = self.outcome(both, meddle, declared("pydata", "1"), declared("pydata", "2"))

        assert status == "conflict"
        assert words in error

    def test_a_create_under_a_name_that_somebody_else_has_taken_is_a_conflict(
        self, both: Both
    ) -> None:
        status, error = self.outcome(both, create("1"), declared("pydata", "2"))

        assert status == "conflict"
        assert f"version 1 of project {OTHER} is new" in error

    def test_a_create_of_a_version_that_somebody_else_has_archived_is_a_conflict(
        self, both: Both
    ) -> None:
        both[1].create(version())

        def meddle(target: Target) -> None:
            create("2", PROJECT)(target)
            archive("2")(target)

        status, error = self.outcome(both, meddle, declared("pydata", "1"), declared("pydata", "2"))

        assert status == "conflict"
        assert "somebody has registered it; the version is archived" in error

    def test_a_create_that_somebody_else_has_made_has_the_status_done(self, both: Both) -> None:
        both[1].create(version())

        status, _ = self.outcome(
            both, create("2", PROJECT), declared("pydata", "1"), declared("pydata", "2")
        )

        assert status == "done"
