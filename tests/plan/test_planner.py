"""Each row of the planning table in docs/reference/plan.md, and the rules below the table."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from envsync.model.declaration import Declaration, Source
from envsync.model.environment import (
    Build,
    BuildContext,
    Environment,
    EnvironmentKey,
    EnvironmentSpec,
    Metadata,
)
from envsync.model.errors import EnvsyncError
from envsync.model.policy import Policy
from envsync.model.provenance import Provenance
from envsync.model.state import Container, RegisteredVersion, State
from envsync.plan.archives import Evidence
from envsync.plan.change import Action, Change, FieldChange, LatestChange, Rejection
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from tests.builders import (
    PROJECT,
    TARGET,
    built,
    conda,
    container,
    declared,
    image,
    registered,
    state,
    unknown_build,
    upload_hashes,
)

POLICY = Policy(PROJECT)


def plan(
    desired: list[Declaration],
    actual: State | None = None,
    policy: Policy = POLICY,
    globs: tuple[str, ...] = (),
    still_there: Mapping[str, Evidence] | None = None,
    left_out: Mapping[str, str] | None = None,
) -> Plan:
    return make_plan(
        desired,
        actual or {},
        policy,
        TARGET,
        globs,
        still_there=still_there or {},
        left_out=left_out or {},
    )


def actions(made: Plan) -> list[str]:
    """Returns the changes as short texts, such as `create a:1`."""
    return [f"{change.action} {change.address}" for change in made.changes]


def rejections(made: Plan) -> list[str]:
    """Returns the rejections as short texts, such as `immutable a:1`."""
    return [f"{item.code} {item.address}" for item in made.rejections]


# Versions that the project does not own.
OTHERS = [
    registered("a", "1", owner="other"),
    registered("a", "1", owner=None),
]


# Columns: declarations, container in the target, policy, changes, rejections.
ROWS: dict[str, tuple[list[Declaration], Container | None, Policy, list[str], list[str]]] = {
    "absent: create": ([declared("a", "1")], None, POLICY, ["create a:1"], []),
    "same spec, other tags: update": (
        [declared("a", "1", tags={"x": "2"})],
        container("a", registered("a", "1", tags={"x": "1"})),
        POLICY,
        ["update a:1"],
        [],
    ),
    "same spec, other description: update": (
        [declared("a", "1", description="new")],
        container("a", "1"),
        POLICY,
        ["update a:1"],
        [],
    ),
    "same everything: nothing": ([declared("a", "1")], container("a", "1"), POLICY, [], []),
    "other spec: immutable": (
        [declared("a", "1", image("2"))],
        container("a", "1"),
        POLICY,
        [],
        ["immutable a:1"],
    ),
    "other spec of another owner: still immutable": (
        [declared("a", "1", image("2"))],
        container("a", registered("a", "1", owner="other")),
        POLICY,
        [],
        ["immutable a:1"],
    ),
    "other spec without owner: still immutable": (
        [declared("a", "1", image("2"))],
        container("a", registered("a", "1", owner=None)),
        Policy(PROJECT, adopt="never"),
        [],
        ["immutable a:1"],
    ),
    "other spec, even with take-over: immutable": (
        [declared("a", "1", image("2"))],
        container("a", registered("a", "1", owner="other")),
        Policy(PROJECT, take_over=True),
        [],
        ["immutable a:1"],
    ),
    "unowned: adopt": (
        [declared("a", "1")],
        container("a", registered("a", "1", owner=None)),
        POLICY,
        ["update a:1"],
        [],
    ),
    "unowned, adopt never: unowned": (
        [declared("a", "1")],
        container("a", registered("a", "1", owner=None)),
        Policy(PROJECT, adopt="never"),
        [],
        ["unowned a:1"],
    ),
    "another project's: foreign-owner": (
        [declared("a", "1")],
        container("a", registered("a", "1", owner="other")),
        POLICY,
        [],
        ["foreign-owner a:1"],
    ),
    "another project's with take-over: update": (
        [declared("a", "1")],
        container("a", registered("a", "1", owner="other")),
        Policy(PROJECT, take_over=True),
        ["update a:1"],
        [],
    ),
    "archived: restore": (
        [declared("a", "1")],
        container("a", registered("a", "1", archived=True)),
        POLICY,
        ["restore a:1"],
        [],
    ),
    "archived with other tags: one restore": (
        [declared("a", "1", tags={"x": "1"})],
        container("a", registered("a", "1", archived=True)),
        POLICY,
        ["restore a:1"],
        [],
    ),
    "archived with another spec: immutable": (
        [declared("a", "1", image("2"))],
        container("a", registered("a", "1", archived=True)),
        POLICY,
        [],
        ["immutable a:1"],
    ),
    "archived and unowned: restore adopts": (
        [declared("a", "1")],
        container("a", registered("a", "1", owner=None, archived=True)),
        POLICY,
        ["restore a:1"],
        [],
    ),
    "archived and another project's: foreign-owner": (
        [declared("a", "1")],
        container("a", registered("a", "1", owner="other", archived=True)),
        POLICY,
        [],
        ["foreign-owner a:1"],
    ),
    "under an archived container: restore the environment": (
        [declared("a", "1")],
        container("a", "1", archived=True),
        POLICY,
        ["restore a"],
        [],
    ),
    "under an archived container with other tags: two changes": (
        [declared("a", "1", tags={"x": "1"})],
        container("a", "1", archived=True),
        POLICY,
        ["restore a", "update a:1"],
        [],
    ),
    "archived itself under an archived container: two restores": (
        [declared("a", "1")],
        container("a", registered("a", "1", archived=True), archived=True),
        POLICY,
        ["restore a", "restore a:1"],
        [],
    ),
    "absent under an archived container: hidden versions stay hidden": (
        [declared("a", "3")],
        container("a", "1", registered("a", "2", archived=True), archived=True),
        POLICY,
        ["archive a:1", "restore a", "create a:3"],
        [],
    ),
    "absent under an archived container, an archived version before a hidden one": (
        [declared("a", "3")],
        container("a", registered("a", "1", archived=True), "2", archived=True),
        POLICY,
        ["archive a:2", "restore a", "create a:3"],
        [],
    ),
    "absent under an archived container with another's version: foreign-owner": (
        [declared("a", "2")],
        container("a", registered("a", "1", owner="other"), archived=True),
        POLICY,
        ["restore a", "create a:2"],
        ["foreign-owner a:1"],
    ),
    "absent under an archived container with an unowned version: foreign-owner": (
        [declared("a", "2")],
        container("a", registered("a", "1", owner=None), archived=True),
        POLICY,
        ["restore a", "create a:2"],
        ["foreign-owner a:1"],
    ),
    "absent under an archived container with another's version, take-over": (
        [declared("a", "2")],
        container("a", registered("a", "1", owner="other"), archived=True),
        Policy(PROJECT, take_over=True),
        ["archive a:1", "restore a", "create a:2"],
        [],
    ),
    "undeclared, all ours: archive the environment": (
        [],
        container("a", "1", "2"),
        POLICY,
        ["archive a"],
        [],
    ),
    "undeclared, active versions ours: archive the environment": (
        [],
        container("a", registered("a", "1", owner="other", archived=True), "2"),
        POLICY,
        ["archive a"],
        [],
    ),
    "undeclared, some versions ours: archive these versions": (
        [],
        container("a", "1", registered("a", "2", owner=None), "3"),
        POLICY,
        ["archive a:1", "archive a:3"],
        [],
    ),
    "undeclared, not ours: nothing": ([], container("a", *OTHERS), POLICY, [], []),
    "undeclared, archived already: nothing": (
        [],
        container("a", "1", archived=True),
        POLICY,
        [],
        [],
    ),
    "undeclared, every version archived already: nothing": (
        [],
        container("a", registered("a", "1", archived=True)),
        POLICY,
        [],
        [],
    ),
    "undeclared, prune none: nothing": (
        [],
        container("a", "1"),
        Policy(PROJECT, prune="none"),
        [],
        [],
    ),
    "superseded: kept": ([declared("a", "2")], container("a", "1", "2"), POLICY, [], []),
    "superseded, archive: archived": (
        [declared("a", "2")],
        container("a", "1", "2"),
        Policy(PROJECT, superseded="archive"),
        ["archive a:1"],
        [],
    ),
    "superseded, archived already: nothing": (
        [declared("a", "2")],
        container("a", registered("a", "1", archived=True), "2"),
        Policy(PROJECT, superseded="archive"),
        [],
        [],
    ),
    "superseded, not ours: nothing": (
        [declared("a", "2")],
        container("a", registered("a", "1", owner=None), "2"),
        Policy(PROJECT, superseded="archive"),
        [],
        [],
    ),
    "superseded, prune none: kept": (
        [declared("a", "2")],
        container("a", "1", "2"),
        Policy(PROJECT, superseded="archive", prune="none"),
        [],
        [],
    ),
    "curated: rejected": (
        [declared("a", "1")],
        container("a", registered("a", "1", owner=None, curated=True)),
        POLICY,
        [],
        ["curated a:1"],
    ),
    "curated, with our owner tag: never archived": (
        [],
        container("a", registered("a", "1", curated=True)),
        POLICY,
        [],
        [],
    ),
    "reserved name: rejected": (
        [declared("AzureML-x", "1")],
        None,
        POLICY,
        [],
        ["curated AzureML-x:1"],
    ),
    "reserved name in other letters: never archived": (
        [],
        container("MICROSOFT-x", "1"),
        POLICY,
        [],
        [],
    ),
    "identity is case-sensitive": (
        [declared("A", "1")],
        container("a", registered("a", "1", owner=None)),
        POLICY,
        ["create A:1"],
        [],
    ),
    "a rejection of one version leaves the others in the plan": (
        [declared("a", "1", image("2")), declared("a", "2")],
        container("a", "1"),
        POLICY,
        ["create a:2"],
        ["immutable a:1"],
    ),
}


@pytest.mark.parametrize(
    ("desired", "held", "policy", "changes", "rejected"), ROWS.values(), ids=ROWS.keys()
)
def test_planner_implements_each_row_of_the_planning_table(
    desired: list[Declaration],
    held: Container | None,
    policy: Policy,
    changes: list[str],
    rejected: list[str],
) -> None:
    made = plan(desired, state(held) if held else {}, policy)

    assert (actions(made), rejections(made)) == (changes, rejected)


SOURCE = declared("a", "1").source

# Columns: declaration, container in the target, policy, changes with reason, source and owner.
CHANGES: dict[str, tuple[Declaration | None, Container, Policy, tuple[Change, ...]]] = {
    "a create beside versions that stay": (
        declared("a", "1"),
        container("a", "0"),
        POLICY,
        (
            Change(
                Action.CREATE,
                "version",
                "a",
                "1",
                "new version after 0",
                (FieldChange("image", None, "mcr.microsoft.com/base:1"),),
                SOURCE,
                predecessor="0",
            ),
        ),
    ),
    "an update": (
        declared("a", "1", tags={"x": "1"}),
        container("a", "1"),
        POLICY,
        (
            Change(
                Action.UPDATE,
                "version",
                "a",
                "1",
                "metadata differs",
                (FieldChange("tags.x", None, "1"),),
                SOURCE,
                PROJECT,
            ),
        ),
    ),
    "an adoption": (
        declared("a", "1"),
        container("a", registered("a", "1", owner=None)),
        POLICY,
        (
            Change(
                Action.UPDATE,
                "version",
                "a",
                "1",
                "new owner: the version belongs to no project",
                source=SOURCE,
            ),
        ),
    ),
    "a take-over": (
        declared("a", "1"),
        container("a", registered("a", "1", owner="other")),
        Policy(PROJECT, take_over=True),
        (
            Change(
                Action.UPDATE,
                "version",
                "a",
                "1",
                "new owner: the version belongs to project 'other'",
                source=SOURCE,
                owner="other",
            ),
        ),
    ),
    "a restore for all reasons at once": (
        declared("a", "1", tags={"x": "1"}),
        container("a", registered("a", "1", owner=None, archived=True)),
        POLICY,
        (
            Change(
                Action.RESTORE,
                "version",
                "a",
                "1",
                "archived, although a file declares it; metadata differs; "
                "new owner: the version belongs to no project",
                (FieldChange("tags.x", None, "1"),),
                SOURCE,
            ),
        ),
    ),
    "a restore of the environment": (
        declared("a", "1"),
        container("a", "0", "1", archived=True),
        POLICY,
        (
            Change(
                Action.ARCHIVE,
                "version",
                "a",
                "0",
                "stays hidden when the name is restored",
                owner=PROJECT,
            ),
            Change(
                Action.RESTORE,
                "environment",
                "a",
                None,
                "archived, although a file declares it",
                source=SOURCE,
            ),
        ),
    ),
    "an archive of the environment": (
        None,
        container("a", "1"),
        POLICY,
        (
            Change(
                Action.ARCHIVE,
                "environment",
                "a",
                None,
                "no file declares it",
                owner=PROJECT,
                hides=("1",),
            ),
        ),
    ),
    "an archive of our versions": (
        None,
        container("a", "1", registered("a", "2", owner=None)),
        POLICY,
        (Change(Action.ARCHIVE, "version", "a", "1", "no file declares it", owner=PROJECT),),
    ),
    "an archive of superseded versions": (
        declared("a", "1"),
        container("a", "0", "1"),
        Policy(PROJECT, superseded="archive"),
        (
            Change(
                Action.ARCHIVE,
                "version",
                "a",
                "0",
                "superseded: no file declares this version",
                owner=PROJECT,
            ),
        ),
    ),
}


@pytest.mark.parametrize(
    ("desired", "held", "policy", "changes"), CHANGES.values(), ids=CHANGES.keys()
)
def test_every_change_has_its_reason_source_and_owner(
    desired: Declaration | None, held: Container, policy: Policy, changes: tuple[Change, ...]
) -> None:
    assert plan([desired] if desired else [], state(held), policy).changes == changes


# Columns: declaration, container in the target, policy, rejection.
REJECTIONS: dict[str, tuple[Declaration, Container, Policy, Rejection]] = {
    "another project's": (
        declared("a", "1"),
        container("a", registered("a", "1", owner="other")),
        POLICY,
        Rejection(
            "foreign-owner",
            "a",
            "1",
            "a:1 exists and belongs to project 'other'.",
            "Declare another version or pass --take-over.",
            source=SOURCE,
        ),
    ),
    "no owner": (
        declared("a", "1"),
        container("a", registered("a", "1", owner=None)),
        Policy(PROJECT, adopt="never"),
        Rejection(
            "unowned",
            "a",
            "1",
            "a:1 exists and belongs to no project.",
            "Declare another version or set `adopt: identical` in envsync.yaml.",
            source=SOURCE,
        ),
    ),
    "no owner, and content that cannot be verified": (
        declared("a", "1", built(Dockerfile="1")),
        container("a", registered("a", "1", unknown_build(), owner=None)),
        POLICY,
        Rejection(
            "unowned",
            "a",
            "1",
            "a:1 exists and belongs to no project, and its build context cannot be verified.",
            "Declare another version with this build context.",
            source=SOURCE,
        ),
    ),
    "another project's version, hidden by the archived container": (
        declared("a", "1"),
        container("a", registered("a", "0", owner="other"), "1", archived=True),
        POLICY,
        Rejection(
            "foreign-owner",
            "a",
            "0",
            "Restoring a would show version 0, which belongs to project 'other'.",
            "Declare another name, or pass --take-over to archive that version.",
        ),
    ),
    "a version without owner, hidden by the archived container": (
        declared("a", "1"),
        container("a", registered("a", "0", owner=None), "1", archived=True),
        POLICY,
        Rejection(
            "foreign-owner",
            "a",
            "0",
            "Restoring a would show version 0, which belongs to no project.",
            "Declare another name, or pass --take-over to archive that version.",
        ),
    ),
    "curated": (
        declared("a", "1"),
        container("a", registered("a", "1", owner=None, curated=True)),
        POLICY,
        Rejection(
            "curated",
            "a",
            "1",
            "a belongs to the service, and only the service can change it.",
            "Declare the environment under another name.",
            source=SOURCE,
        ),
    ),
}


@pytest.mark.parametrize(
    ("desired", "held", "policy", "rejection"), REJECTIONS.values(), ids=REJECTIONS.keys()
)
def test_every_rejection_has_its_message_and_fix(
    desired: Declaration, held: Container, policy: Policy, rejection: Rejection
) -> None:
    assert plan([desired], state(held), policy).rejections == (rejection,)


@pytest.mark.parametrize(
    "held",
    [
        Container("a"),
        container("a", "1"),
        container("a", registered("a", "1", owner=None, archived=True)),
    ],
    ids=["create", "update", "restore"],
)
def test_every_write_has_the_whole_declaration_and_its_provenance(held: Container) -> None:
    desired = declared("a", "1", image(), "About a", {"team": "x"})
    (change,) = plan([desired], state(held), Policy(PROJECT, commit="c0ffee")).changes

    assert change.desired == Environment(
        EnvironmentKey("a", "1"),
        image(),
        Metadata("About a", {"team": "x"}),
        Provenance(
            PROJECT,
            image().digest,
            "environments/a-1.yml",
            "c0ffee",
            Metadata("About a", {"team": "x"}).digest,
        ),
    )


def test_a_plan_contains_its_project_and_target() -> None:
    made = plan([declared("a", "1")])

    assert (made.project, made.target) == (PROJECT, TARGET)


def test_a_create_lists_every_field_that_it_writes() -> None:
    spec = conda("python=3.11", {"pip": ["numpy==1.26.4"]})
    made = plan([declared("a", "1", spec, "About a", {"team": "x"})])

    assert made.changes == (
        Change(
            Action.CREATE,
            "version",
            "a",
            "1",
            "not in the target",
            (
                FieldChange("image", None, "mcr.microsoft.com/base:1"),
                FieldChange(
                    "conda_file",
                    None,
                    {"dependencies": ["python=3.11", {"pip": ["numpy==1.26.4"]}]},
                ),
                FieldChange("description", None, "About a"),
                FieldChange("tags.team", None, "x"),
            ),
            declared("a", "1").source,
        ),
    )
    written = made.changes[0].desired
    assert written is not None
    assert written.spec == spec
    assert written.provenance.as_tags() == {
        "envsync.owner": PROJECT,
        "envsync.digest": spec.digest,
        "envsync.source": "environments/a-1.yml",
        "envsync.applied": Metadata("About a", {"team": "x"}).digest,
    }


def test_an_update_lists_each_field_before_and_after() -> None:
    made = plan(
        [declared("a", "1", description="new", tags={"kept": "1", "changed": "2", "added": "3"})],
        state(
            container(
                "a",
                registered("a", "1", None, "old", {"kept": "1", "changed": "1", "removed": "0"}),
            )
        ),
    )

    assert made.changes[0].fields == (
        FieldChange("description", "old", "new"),
        FieldChange("tags.added", None, "3"),
        FieldChange("tags.changed", "1", "2"),
        FieldChange("tags.removed", "0", None),
    )


def test_an_immutable_rejection_lists_each_field_and_the_fix() -> None:
    made = plan(
        [declared("a", "1", conda("python=3.11", "numpy=1.26", tag="2"))],
        state(container("a", registered("a", "1", conda("python=3.11", "numpy=1.24")))),
    )

    assert made.rejections == (
        Rejection(
            "immutable",
            "a",
            "1",
            "a:1 is already registered with a different image and conda_file. Registered versions "
            "cannot change.",
            "envsync bump a",
            (
                FieldChange("image", "mcr.microsoft.com/base:1", "mcr.microsoft.com/base:2"),
                FieldChange("conda_file.dependencies[1]", "numpy=1.24", "numpy=1.26"),
            ),
            declared("a", "1").source,
        ),
    )


def test_the_fix_contains_the_version_if_several_versions_are_declared() -> None:
    made = plan(
        [declared("a", "1", image("2")), declared("a", "2", image("2"))],
        state(container("a", registered("a", "1", image("1")))),
    )

    assert [item.fix for item in made.rejections] == ["envsync bump a:1"]


def test_the_advice_for_another_spec_avoids_the_versions_in_the_target() -> None:
    actual = state(container("a", "1", registered("a", "2", owner="other")))
    (rejection,) = plan([declared("a", "1", image("2"))], actual).rejections

    # Without `--version`, `envsync bump` would choose 2, because it reads no target.
    assert rejection.fix == "envsync bump a --version 3"


def test_the_advice_for_another_spec_avoids_the_versions_of_other_files() -> None:
    desired = [declared("a", "v1", image("2")), declared("a", "v2")]
    (rejection,) = plan(desired, state(container("a", "v1"))).rejections

    assert rejection.fix == "envsync bump a:v1 --version v3"


def test_a_rejected_build_context_lists_the_files_that_differ() -> None:
    before, after = (
        built(Dockerfile="1", old="2", same="3"),
        built(Dockerfile="9", new="2", same="3"),
    )
    made = plan([declared("a", "1", after)], state(container("a", registered("a", "1", before))))

    (field,) = made.rejections[0].fields
    assert field.path == "build.context"
    assert field.files == {"Dockerfile": "modified", "new": "added", "old": "removed"}


def test_an_adoption_writes_the_owner_and_lists_no_reserved_tag() -> None:
    made = plan(
        [declared("a", "1", tags={"x": "1"})],
        state(container("a", registered("a", "1", tags={"x": "1"}, owner=None))),
    )

    (change,) = made.changes
    assert change.fields == ()
    assert change.desired is not None
    assert change.desired.provenance.owner == PROJECT
    assert change.desired.metadata.tags == {"x": "1"}


def test_ignored_tags_are_neither_compared_nor_removed() -> None:
    policy = Policy(PROJECT, ignore_tags=("cost-*", "azsec"))
    held = {"x": "1", "cost-center": "7", "azsec": "on"}
    actual = state(container("a", registered("a", "1", tags=held)))

    assert plan([declared("a", "1", tags={"x": "1"})], actual, policy).changes == ()
    assert plan([declared("a", "1", tags={"x": "1", "azsec": "off"})], actual, policy).changes == ()

    (change,) = plan([declared("a", "1", tags={"x": "2"})], actual, policy).changes
    assert change.fields == (FieldChange("tags.x", "1", "2"),)
    assert change.desired is not None
    assert change.desired.metadata.tags == {"x": "2", "cost-center": "7", "azsec": "on"}


def test_a_lost_digest_is_not_a_change_and_the_next_update_writes_it_again() -> None:
    actual = state(container("a", registered("a", "1", digest=None)))

    assert plan([declared("a", "1")], actual).changes == ()
    (change,) = plan([declared("a", "1", tags={"x": "1"})], actual).changes
    assert change.desired is not None
    assert change.desired.provenance.digest == image().digest


def test_restoring_an_environment_keeps_archived_versions_archived() -> None:
    made = plan(
        [declared("a", "3")],
        state(container("a", "1", registered("a", "2", archived=True), "3", archived=True)),
    )

    # The changes are the archive of version 1 and the restore of the environment.
    assert [change.keep_archived for change in made.changes] == [(), ("1", "2")]
    assert made.unchanged == 1


def test_a_plan_that_archives_some_versions_warns_of_the_versions_that_stay_active() -> None:
    made = plan([], state(container("a", "1", registered("a", "2", owner="other"))))

    assert made.warnings == ("a: the plan leaves versions of other owners active: 2.",)


def test_the_warnings_of_every_name_are_kept() -> None:
    others = [registered("a", version, owner="other") for version in ("2", "3")]
    made = plan([], state(container("a", "1", *others), container("b", "1", others[0])))

    assert made.warnings == (
        "a: the plan leaves versions of other owners active: 2, 3.",
        "b: the plan leaves versions of other owners active: 2.",
    )


def test_a_restore_is_rejected_if_it_could_show_a_foreign_version() -> None:
    """The service may report every version of an archived environment as archived."""
    versions = (
        registered("a", "1", owner="other", archived=True),
        registered("a", "2", archived=True),
    )
    # `may_echo`: the versions may only show the archived state of their container.
    echo = Container("a", versions, archived=True, may_echo=True)

    made = plan([declared("a", "3")], state(echo))
    assert rejections(made) == ["foreign-owner a:1"]
    assert actions(made) == ["restore a", "create a:3"]
    assert made.changes[0].keep_archived == ("1", "2")
    taken = plan([declared("a", "3")], state(echo), Policy(PROJECT, take_over=True))
    assert (rejections(taken), actions(taken)) == ([], ["restore a", "create a:3"])
    known = Container("a", versions, archived=True)
    assert rejections(plan([declared("a", "3")], state(known))) == []


# Files without a version: envsync assigns their versions.
# Columns: container in the target, changes.

AUTO: dict[str, tuple[Container | None, list[str]]] = {
    "no version yet: create version 1": (None, ["create a:1"]),
    "the newest has the content: nothing": (container("a", "1"), []),
    "other content: highest plus one": (
        container("a", registered("a", "9", image("0")), registered("a", "2", image("0"))),
        ["create a:10"],
    ),
    "archived versions count for the highest": (
        container("a", registered("a", "7", archived=True), registered("a", "2", image("0"))),
        ["create a:8"],
    ),
    "only an older version has the content: create a version": (
        container("a", "1", registered("a", "2", image("0"))),
        ["create a:3"],
    ),
    "the newest version is archived: the version before it is compared": (
        container("a", "1", registered("a", "2", image("0"), archived=True)),
        [],
    ),
    "not all integers: the next version of the service": (
        container("a", registered("a", "2022-09-14", image("0")), next_version="2022-09-15"),
        ["create a:2022-09-15"],
    ),
    # "٣" is the Arabic digit 3.
    "digits that only int() accepts": (
        container("a", registered("a", "٣", image("0")), next_version="7"),
        ["create a:7"],
    ),
    "the content is hidden: restore the environment": (
        container("a", "1", archived=True),
        ["restore a"],
    ),
    "other content under an archived container": (
        container("a", registered("a", "1", image("0")), archived=True),
        ["archive a:1", "restore a", "create a:2"],
    ),
    "same content, other tags: update": (
        container("a", registered("a", "4", tags={"x": "1"})),
        ["update a:4"],
    ),
}


@pytest.mark.parametrize(("held", "changes"), AUTO.values(), ids=AUTO.keys())
def test_envsync_assigns_a_version_to_a_file_without_version(
    held: Container | None, changes: list[str]
) -> None:
    made = plan([declared("a", None)], state(held) if held else {})

    assert actions(made) == changes


PREDECESSORS: dict[str, tuple[Declaration, Container, str | None, str]] = {
    "the first version": (declared("a", "1"), Container("a"), None, "not in the target"),
    "the highest version below it, in natural order": (
        declared("a", "10"),
        container("a", "9", "1", "2", "11"),
        "9",
        "new version after 9",
    ),
    "no version is lower": (declared("a", "1"), container("a", "2"), None, "not in the target"),
    "an archived version does not count": (
        declared("a", "3"),
        container("a", "1", registered("a", "2", archived=True)),
        "1",
        "new version after 1",
    ),
    "versions of an archived environment count": (
        declared("a", "3"),
        container("a", "2", archived=True),
        "2",
        "new version after 2",
    ),
    "without a version in the file, the newest by creation": (
        declared("a", None),
        container("a", registered("a", "5", image("0")), registered("a", "3", image("2"))),
        "3",
        "new version after 3",
    ),
    "content of an older version": (
        declared("a", None),
        container("a", "1", registered("a", "2", image("2"))),
        "2",
        "new version after 2, with the content of 1 again",
    ),
    "content of an archived version": (
        declared("a", None),
        container("a", registered("a", "1", archived=True), registered("a", "2", image("2"))),
        "2",
        "new version after 2, with the content of 1 again",
    ),
    "without a version in the file, and every version is archived": (
        declared("a", None),
        container("a", registered("a", "1", archived=True)),
        None,
        "new version, because every registered version is archived",
    ),
}


@pytest.mark.parametrize(
    ("desired", "held", "predecessor", "reason"), PREDECESSORS.values(), ids=PREDECESSORS.keys()
)
def test_a_new_version_in_a_plan_contains_its_predecessor(
    desired: Declaration, held: Container, predecessor: str | None, reason: str
) -> None:
    (create,) = (
        item for item in plan([desired], state(held)).changes if item.action is Action.CREATE
    )

    assert (create.predecessor, create.reason) == (predecessor, reason)
    if predecessor is None:
        assert create.differs == ()


def test_a_new_version_in_a_plan_lists_the_fields_that_differ() -> None:
    before = registered("a", "1", conda("python=3.11", "numpy=1.24"), "Old.", {"x": "1", "y": "1"})
    after = declared(
        "a", "2", conda("python=3.11", "lightgbm=4", "numpy=1.26"), "New.", {"x": "1", "y": "2"}
    )
    (create,) = plan([after], state(container("a", before))).changes

    assert create.differs == (
        FieldChange("conda_file.dependencies[1]", None, "lightgbm=4"),
        FieldChange("conda_file.dependencies[2]", "numpy=1.24", "numpy=1.26"),
        FieldChange("description", "Old.", "New."),
        FieldChange("tags.y", "1", "2"),
    )
    # `fields` contains every field that the create writes.
    assert {field.path for field in create.fields} == {
        "image",
        "conda_file",
        "description",
        "tags.x",
        "tags.y",
    }


def test_a_new_version_in_a_plan_lists_the_context_files_that_differ() -> None:
    before = registered("a", "1", built(a="1", b="1"))
    (create,) = plan(
        [declared("a", "2", built(a="2", c="1"))], state(container("a", before))
    ).changes

    (field,) = create.differs
    assert field.files == {"a": "modified", "b": "removed", "c": "added"}


def test_a_new_version_with_the_content_of_its_predecessor_has_no_differences() -> None:
    # Azure does not return the content of a context. The digest tag proves that the content is the
    # same.
    spec = built(a="1")
    before = registered("a", "1", unknown_build(), digest=spec.digest)
    (create,) = plan([declared("a", "2", spec)], state(container("a", before))).changes

    assert create.predecessor == "1"
    assert create.differs == ()


STILL_THERE: dict[str, tuple[list[Declaration], Container, Policy, list[str], list[str]]] = {
    "an environment": (
        [],
        container("a", registered("a", "1", source="a.yml")),
        POLICY,
        [],
        ["still-there a"],
    ),
    "one file of an environment with two": (
        [],
        container(
            "a", registered("a", "1", source="gone.yml"), registered("a", "2", source="a.yml")
        ),
        POLICY,
        [],
        ["still-there a"],
    ),
    "versions beside those of others": (
        [],
        container(
            "a",
            registered("a", "1", source="a.yml"),
            registered("a", "2", source="gone.yml"),
            registered("a", "3", owner=None),
        ),
        POLICY,
        ["archive a:2"],
        ["still-there a:1"],
    ),
    "a superseded version": (
        [declared("a", "2")],
        container("a", registered("a", "1", source="a.yml"), "2"),
        Policy(PROJECT, superseded="archive"),
        [],
        ["still-there a:1"],
    ),
    "a hidden version": (
        [declared("a", "2")],
        container("a", registered("a", "1", source="a.yml"), "2", archived=True),
        POLICY,
        ["restore a"],
        ["still-there a:1"],
    ),
    "the file is gone": (
        [],
        container("a", registered("a", "1", source="gone.yml")),
        POLICY,
        ["archive a"],
        [],
    ),
    "no source is known": ([], container("a", "1"), POLICY, ["archive a"], []),
    "nothing is archived anyway": (
        [],
        container("a", registered("a", "1", source="a.yml")),
        Policy(PROJECT, prune="none"),
        [],
        [],
    ),
    # The source `a.yml` of another project's version is a path in that project.
    "a version of another project": (
        [declared("a", "2")],
        container("a", registered("a", "1", owner="other", source="a.yml"), "2", archived=True),
        Policy(PROJECT, take_over=True),
        ["archive a:1", "restore a"],
        [],
    ),
}


@pytest.mark.parametrize(
    ("desired", "held", "policy", "changes", "rejected"),
    STILL_THERE.values(),
    ids=STILL_THERE.keys(),
)
def test_a_version_is_not_archived_if_its_file_is_still_there(
    desired: list[Declaration],
    held: Container,
    policy: Policy,
    changes: list[str],
    rejected: list[str],
) -> None:
    # Another environment is declared, so that the guard does not refuse the whole plan.
    made = plan(
        [*desired, declared("b", "1")],
        state(held, container("b", "1")),
        policy,
        still_there={"a.yml": Evidence("new/a.yml", "new/a.yml may declare it")},
    )

    assert actions(made) == changes
    assert rejections(made) == rejected


def test_the_rejection_still_there_contains_the_file_and_the_reason() -> None:
    held = container("a", registered("a", "1", source="a.yml"))
    (rejection,) = plan(
        [], state(held), still_there={"a.yml": Evidence("new/a.yml", "new/a.yml may declare it")}
    ).rejections

    assert rejection.message == "No file declares a, but new/a.yml may declare it."
    assert rejection.fix == (
        "Correct, check out or delete new/a.yml, or list the path in `exclude` in envsync.yaml."
    )
    assert rejection.source == Source("new/a.yml", 1)


def test_the_rejection_still_there_names_the_version_that_it_keeps() -> None:
    held = container("a", registered("a", "1", source="a.yml"), registered("a", "2", owner="other"))
    (rejection,) = plan(
        [], state(held), still_there={"a.yml": Evidence("new/a.yml", "new/a.yml may declare it")}
    ).rejections

    assert (rejection.version, rejection.message) == (
        "1",
        "No file declares a:1, but new/a.yml may declare it.",
    )


def test_an_archive_lists_the_files_that_declared_its_versions() -> None:
    first, second = (registered("a", version, source=f"{version}.yml") for version in "12")
    other = registered("a", "3", owner="other", source="3.yml")

    def former_files(*versions: RegisteredVersion) -> list[tuple[str, ...]]:
        made = plan([declared("b", "1")], state(container("a", *versions)))
        return [item.former_files for item in made.changes if item.action is Action.ARCHIVE]

    assert former_files(second, first, registered("a", "4")) == [("1.yml", "2.yml")]
    assert former_files(first, second, other) == [("1.yml",), ("2.yml",)]


def test_a_version_from_content_may_follow_a_version_of_another_project() -> None:
    # Unlike a version that envsync assigns, a version from the content is the same in each plan.
    held = container("a", "1", registered("a", "2", image("2"), owner="other"))
    made = plan([declared("a", None, image("3"))], state(held), Policy(PROJECT, versions="content"))

    assert made.rejections == ()
    assert made.summary["create"] == 1


def test_the_rejection_of_a_foreign_name_contains_the_owner() -> None:
    first = container("a", registered("a", "1", owner="x"), registered("a", "2", owner="y"))
    newest = container("a", "1", registered("a", "2", image("2"), owner="x"))
    found = [
        plan([declared("a", version, image("3"))], state(held)).rejections[0]
        for version, held in (("3", first), (None, newest))
    ]

    assert {item.fix for item in found} == {"Declare another name, or pass --take-over."}
    assert [item.message for item in found] == [
        "Every active version of a belongs to another project: 'x', 'y'. A new version would "
        "change what @latest means for that project.",
        "The newest version of a, 2, belongs to project 'x', and the file has no `version`. A new "
        "version would change what @latest means for that project.",
    ]


FOREIGN: dict[str, tuple[list[Declaration], Container, list[str], list[str]]] = {
    "the newest version follows a version of another project, and the file has no version": (
        [declared("a", None, image("3"))],
        container("a", "1", registered("a", "2", owner="other"), "3"),
        ["create a:4"],
        [],
    ),
    "every active version belongs to another project": (
        [declared("a", "2")],
        container("a", registered("a", "1", owner="other")),
        [],
        ["foreign-owner a:2"],
    ),
    "a file without version": (
        [declared("a", None)],
        container("a", registered("a", "1", image("0"), owner="other")),
        [],
        ["foreign-owner a:2"],
    ),
    "two other projects": (
        [declared("a", "3")],
        container("a", registered("a", "1", owner="x"), registered("a", "2", owner="y")),
        [],
        ["foreign-owner a:3"],
    ),
    # If this were allowed, each of the two projects would create a version in every plan.
    "a file without version, and the newest version is foreign": (
        [declared("a", None)],
        container(
            "a", registered("a", "1", image("0")), registered("a", "2", image("2"), owner="x")
        ),
        [],
        ["foreign-owner a:3"],
    ),
    "a file without version, and an older version is foreign": (
        [declared("a", None)],
        container(
            "a", registered("a", "1", image("2"), owner="x"), registered("a", "2", image("0"))
        ),
        ["create a:3"],
        [],
    ),
    "the project owns a version as well": (
        [declared("a", "1"), declared("a", "3")],
        container("a", "1", registered("a", "2", owner="other")),
        ["create a:3"],
        [],
    ),
    "a version belongs to no project": (
        [declared("a", "3")],
        container("a", registered("a", "1", owner=None), registered("a", "2", owner="other")),
        ["create a:3"],
        [],
    ),
    "the versions of the other project are archived": (
        [declared("a", "2")],
        container("a", registered("a", "1", owner="other", archived=True)),
        ["create a:2"],
        [],
    ),
}


@pytest.mark.parametrize(
    ("desired", "held", "changes", "rejected"), FOREIGN.values(), ids=FOREIGN.keys()
)
def test_no_version_is_created_under_a_name_of_another_project(
    desired: list[Declaration], held: Container, changes: list[str], rejected: list[str]
) -> None:
    made = plan(desired, state(held))

    assert (actions(made), rejections(made)) == (changes, rejected)
    taken_over = plan(desired, state(held), Policy(PROJECT, take_over=True))
    assert taken_over.rejections == ()
    assert "create" in actions(taken_over)[-1]


def test_two_declarations_of_one_version_are_refused() -> None:
    with pytest.raises(EnvsyncError, match="2 files declare a:1"):
        plan([declared("a", "1"), declared("a", None)])


# Changes of @latest. Columns: declarations, container in the target, policy, changes of @latest.

LATEST: dict[str, tuple[list[Declaration], Container, Policy, tuple[LatestChange, ...]]] = {
    "created in natural order, whatever the order of files": (
        [declared("a", "10"), declared("a", "9"), declared("a", "1")],
        container("a", "1"),
        POLICY,
        (LatestChange("a", "1", "10"),),
    ),
    # The name has no version yet, so nobody has used its @latest.
    "a first version": ([declared("a", "1")], Container("a"), POLICY, ()),
    "the newest by creation, not the highest": (
        [declared("a", "1"), declared("a", "3"), declared("a", "2")],
        container("a", "1", "3"),
        POLICY,
        (LatestChange("a", "3", "2"),),
    ),
    "an update changes nothing": (
        [declared("a", "1", tags={"x": "1"})],
        container("a", "1"),
        POLICY,
        (),
    ),
    "a restored version counts by its creation": (
        [declared("a", "1"), declared("a", "2")],
        container("a", registered("a", "2", archived=True), "1"),
        POLICY,
        (),
    ),
    "a restored newest becomes latest again": (
        [declared("a", "1"), declared("a", "2")],
        container("a", "1", registered("a", "2", archived=True)),
        POLICY,
        (LatestChange("a", "1", "2"),),
    ),
    "an environment that stays archived has no latest": (
        [],
        container("a", "1", archived=True),
        POLICY,
        (),
    ),
    "an archived environment loses its latest": (
        [],
        container("a", "1"),
        POLICY,
        (LatestChange("a", "1", None),),
    ),
    "archiving the newest falls back": (
        [declared("a", "1")],
        container("a", "1", "2"),
        Policy(PROJECT, superseded="archive"),
        (LatestChange("a", "2", "1"),),
    ),
    "a restored environment": (
        [declared("a", "1")],
        container("a", "1", "2", archived=True),
        POLICY,
        (),
    ),
}


@pytest.mark.parametrize(
    ("desired", "held", "policy", "latest"), LATEST.values(), ids=LATEST.keys()
)
def test_the_plan_lists_changes_of_latest(
    desired: list[Declaration],
    held: Container,
    policy: Policy,
    latest: tuple[LatestChange, ...],
) -> None:
    assert plan(desired, state(held), policy).latest == latest


def test_a_plan_warns_if_a_new_version_below_the_highest_becomes_latest() -> None:
    desired = [declared("a", "2.0"), declared("a", "1.1")]
    made = plan(desired, state(container("a", "2.0")))

    assert made.warnings == (
        "a: @latest becomes 1.1 although 2.0 is higher, because @latest is the version created "
        "last.",
    )
    # If both versions are new, 2.0 is created last.
    assert plan(desired).warnings == ()


# Build contexts whose content the service does not return.

SHA, MD5 = "a" * 64, "b" * 32


def test_the_digest_tag_decides_whether_an_unknown_context_is_the_same() -> None:
    spec = built(Dockerfile="1")
    same = registered("a", "1", unknown_build(), digest=spec.digest)
    other = registered("a", "1", unknown_build(), digest=built(Dockerfile="2").digest)

    assert actions(plan([declared("a", "1", spec)], state(container("a", same)))) == []
    assert rejections(plan([declared("a", "1", spec)], state(container("a", other)))) == [
        "immutable a:1"
    ]


def test_without_a_digest_tag_upload_hashes_of_the_same_kind_are_compared() -> None:
    from msgspec.structs import replace

    from envsync.model.environment import Build, BuildContext

    spec = built(Dockerfile="1")
    assert spec.build is not None
    assert isinstance(spec.build.context, BuildContext)
    known = replace(spec.build.context, uploads=upload_hashes(SHA, MD5))
    spec = replace(spec, build=Build(known))

    def made(upload: str) -> Plan:
        held = container("a", registered("a", "1", unknown_build(upload)))
        return plan([declared("a", "1", spec)], state(held))

    assert actions(made(SHA)) == actions(made(MD5)) == []
    assert rejections(made("c" * 64)) == rejections(made("c" * 32)) == ["immutable a:1"]


def test_a_context_that_cannot_be_verified_causes_a_warning_and_gets_no_digest() -> None:
    spec = built(Dockerfile="1")
    desired = [declared("a", "1", spec, tags={"x": "1"})]
    made = plan(desired, state(container("a", registered("a", "1", unknown_build()))))

    assert actions(made) == ["update a:1"]
    assert made.warnings == (
        "a:1: envsync cannot verify that the registered build context is the declared one.",
    )
    assert made.changes[0].desired is not None
    assert made.changes[0].desired.provenance.digest is None

    unowned = registered("a", "1", unknown_build(), owner=None)
    assert rejections(plan(desired, state(container("a", unowned)))) == ["unowned a:1"]


def test_a_digest_tag_that_the_upload_hash_contradicts_causes_a_warning() -> None:
    context = BuildContext.of_files({"Dockerfile": "1"}, uploads=upload_hashes(SHA))
    spec = EnvironmentSpec(build=Build(context))

    def made(upload: str) -> Plan:
        held = registered("a", "1", unknown_build(upload), digest=spec.digest)
        return plan([declared("a", "1", spec)], state(container("a", held)))

    assert (made(SHA).changes, made(SHA).warnings, made(SHA).unchanged) == ((), (), 1)
    other = made("c" * 64)
    assert (other.changes, other.unchanged) == ((), 0)
    assert other.warnings == (
        "a:1: the tag envsync.digest says that the registered build context is the declared one, "
        "but the address of the upload contains the hash of other content. Somebody changed the "
        "tag, or the uploaded context had other empty directories. If in doubt, declare a new "
        "version.",
    )


def test_known_fields_are_compared_even_if_the_build_context_is_unknown() -> None:
    held = registered("a", "1", unknown_build(), digest=built("other.Dockerfile", x="1").digest)
    made = plan([declared("a", "1", built("other.Dockerfile", x="1"))], state(container("a", held)))

    assert rejections(made) == ["immutable a:1"]
    assert FieldChange("build.dockerfile_path", "Dockerfile", "other.Dockerfile") in (
        made.rejections[0].fields
    )


# The selection of names, and the guard.


def test_a_plan_is_limited_to_names_that_match_the_globs_and_are_in_only() -> None:
    desired = [declared("a", "1"), declared("ab", "1"), declared("b", "1")]
    actual = state(container("gone", "1"))

    # "b" and "gone" do not match the glob, "a" is not in `only`, and "never" does not exist.
    made = make_plan(desired, actual, POLICY, TARGET, ("a*",), only={"ab", "b", "gone", "never"})
    assert actions(made) == ["create ab:1"]
    made = make_plan(desired, actual, POLICY, TARGET, only={"gone", "never"})
    assert actions(made) == ["archive gone"]


def test_globs_select_declared_and_owned_names() -> None:
    desired = [declared("new-a", "1"), declared("new-b", "1")]
    actual = state(container("old-a", "1"), container("old-b", "1"))

    assert actions(plan(desired, actual, globs=("*-a",))) == ["create new-a:1", "archive old-a"]
    assert actions(plan(desired, actual, globs=("new-b", "old-b"))) == [
        "create new-b:1",
        "archive old-b",
    ]


# "others" exists, but another project owns it.
@pytest.mark.parametrize(
    ("glob", "advice"),
    [
        ("nothing", "Run `envsync list` to see the environments in the target."),
        ("others", "Run `envsync list` to see the environments in the target."),
        ("NEW", "Names are case-sensitive. Did you mean `new`?"),
        ("new:1", "A GLOB selects an environment with all its versions. Pass `new` instead."),
        ("new-1.yml", "This is a path. Pass a name that is declared there: `new`."),
        ("plan.json", "To apply a saved plan, run `envsync apply --plan plan.json`."),
    ],
)
def test_a_glob_that_matches_nothing_is_an_error_with_advice(glob: str, advice: str) -> None:
    actual = state(container("others", registered("others", "1", owner="other")))
    desired = [replace(declared("new", "1"), source=Source("environments/new-1.yml", 1))]

    with pytest.raises(EnvsyncError) as caught:
        plan(desired, actual, globs=("new", glob))
    assert str(caught.value) == f"No declared or owned environment matches '{glob}'. {advice}"


def owned(number: int) -> State:
    """Returns a state with this number of environments, each with one owned version."""
    return state(*(container(f"e{index}", "1") for index in range(number)))


@pytest.mark.parametrize(
    ("held", "gone", "refused"),
    [
        # Below MASS_ARCHIVE_FLOOR, the limit is `max_archives`: 5.
        (9, 5, False),
        (9, 6, True),
        (7, 6, True),
        (10, 3, False),  # exactly the default of max_archive_percent: 30 %
        (10, 4, True),
        (100, 30, False),
        (100, 31, True),
    ],
)
def test_a_plan_that_leaves_too_many_environments_without_a_version_is_refused(
    held: int, gone: int, refused: bool
) -> None:
    desired = [declared(f"e{index}", "1") for index in range(gone, held)]
    made = plan(desired, owned(held))

    assert len(made.changes) == gone
    assert bool(made.refused) is refused
    allowed = Policy(PROJECT, allow_mass_archive=True)
    assert plan(desired, owned(held), allowed).refused is None


def test_the_error_about_a_version_in_several_files_is_about_the_first_name() -> None:
    names = [f"e{index}" for index in range(10)]

    with pytest.raises(EnvsyncError, match=r"^2 files declare e0:1\."):
        plan([declared(name, "1") for name in [*names, *names]], {})


def test_max_archives_is_the_limit_of_a_small_project() -> None:
    desired = [declared("e8", "1")]

    assert plan(desired, owned(9), Policy(PROJECT, max_archives=8)).refused is None
    assert plan(desired, owned(9), Policy(PROJECT, max_archives=7)).refused == (
        "The plan would leave 8 of 9 owned environments without an active version. "
        "max_archives allows 7."
    )


def test_the_message_about_a_single_environment_is_in_the_singular() -> None:
    held = state(container("a", "1"), container("b", registered("b", "1", owner="other")))

    assert plan([declared("b", "2")], held, Policy(PROJECT, max_archives=0)).refused == (
        "The plan would leave 1 of 1 owned environment without an active version. "
        "max_archives allows 0."
    )


def test_the_guard_does_not_count_updates_and_restores() -> None:
    names = [f"e{index}" for index in range(6)]
    held = state(
        *(
            container(name, registered(name, "1"), registered(name, "2", archived=True))
            for name in names
        ),
        container("old", "1"),
    )
    desired = [declared(name, version, None, "New.") for name in names for version in "12"]
    made = plan(desired, held)

    assert (made.summary["update"], made.summary["restore"], made.summary["archive"]) == (6, 6, 1)
    assert made.refused is None


@pytest.mark.parametrize(("environments", "limit"), [(10, "max_archive_percent"), (2, "max_arch")])
def test_the_guard_counts_superseded_versions(environments: int, limit: str) -> None:
    """Archiving nine of ten versions leaves one active version in each environment."""
    names = [f"e{index}" for index in range(environments)]
    held = state(*(container(name, *map(str, range(10))) for name in names))
    desired = [declared(name, "9") for name in names]
    made = plan(desired, held, Policy(PROJECT, superseded="archive"))

    assert len(made.changes) == 9 * environments
    assert made.refused is not None
    assert made.refused.startswith(
        f"The plan would archive {9 * environments} of {10 * environments} owned versions. {limit}"
    )


LEFT_OUT = {
    "left": "left out by `include` of the target dev",
    "a.yml": "`exclude` in envsync.yaml names a.yml",
    "b.yml": "`exclude` in envsync.yaml names b.yml",
}


@pytest.mark.parametrize(
    ("held", "reasons"),
    [
        (container("left", registered("left", "1", source="a.yml")), [LEFT_OUT["left"]]),
        (container("left", "1", registered("left", "2", owner=None)), [LEFT_OUT["left"]]),
        (container("a", registered("a", "1", source="a.yml")), [LEFT_OUT["a.yml"]]),
        (container("a", registered("a", "1", source="gone.yml")), ["no file declares it"]),
        (container("a", "1"), ["no file declares it"]),
        (
            container("a", *(registered("a", v, source=f"{v}.yml") for v in "ab")),
            ["`exclude` in envsync.yaml names a.yml, and 1 more of the environment's files"],
        ),
        (
            container(
                "a", registered("a", "1", source="a.yml"), registered("a", "2", source="gone.yml")
            ),
            ["`exclude` in envsync.yaml names a.yml; no file declares the other versions"],
        ),
        (
            container(
                "a",
                registered("a", "1", source="a.yml"),
                registered("a", "2"),
                registered("a", "3", owner=None),
            ),
            [LEFT_OUT["a.yml"], "no file declares it"],
        ),
        # A file declares another version of the name.
        (
            container(
                "kept",
                registered("kept", "1", source="b.yml"),
                registered("kept", "2", source="gone.yml"),
                "9",
            ),
            [
                f"superseded: {LEFT_OUT['b.yml']}",
                "superseded: no file declares this version",
            ],
        ),
    ],
)
def test_the_reason_for_an_archive_names_the_setting_that_excludes_the_environment(
    held: Container, reasons: list[str]
) -> None:
    desired = [declared("kept", "9"), declared("b", "1")]
    actual = {**state(container("kept", "9"), container("b", "1")), **state(held)}
    policy = Policy(PROJECT, superseded="archive")
    made = plan(desired, actual, policy, left_out=LEFT_OUT)

    assert [change.reason for change in made.changes] == reasons
    # The digest does not cover reasons, because they do not change what the plan does.
    assert made.digest == plan(desired, actual, policy).digest


@pytest.mark.parametrize(
    ("held", "emptied", "withdrawn", "refused"),
    [
        # Below MASS_ARCHIVE_FLOOR, the sum of `emptied` and `withdrawn` is compared with
        # `max_archives`, which is 5.
        (7, 2, 3, False),
        (7, 3, 3, True),
        (7, 5, 5, True),
        # From MASS_ARCHIVE_FLOOR on, the sum of the two shares is compared with 30 %. One
        # environment has 91 versions, and each other environment has one version. Of these 100
        # versions, the plan archives `withdrawn`.
        (10, 2, 10, False),
        (10, 2, 11, True),
        (10, 3, 1, True),
    ],
)
def test_the_guard_counts_emptied_environments_and_superseded_versions_together(
    held: int, emptied: int, withdrawn: int, refused: bool
) -> None:
    versions = 91 if held == 10 else 6
    actual = {
        **owned(held - 1),
        "many": container("many", *(str(index) for index in range(versions))),
    }
    desired = [declared(f"e{index}", "1") for index in range(emptied, held - 1)]
    desired += [declared("many", str(index)) for index in range(withdrawn, versions)]
    made = plan(desired, actual, Policy(PROJECT, superseded="archive"))

    assert made.summary["archive"] == emptied + withdrawn
    limit = "max_archives allows 5" if held < 10 else "max_archive_percent allows 30 %"
    assert made.refused == (
        f"The plan would leave {emptied} of {held} owned environments without an active version, "
        f"and archive {withdrawn} more of {held - 1 + versions} owned versions. {limit} for both "
        "together."
        if refused
        else None
    )


def test_the_guard_counts_an_emptied_environment_once() -> None:
    # The declared version is archived and belongs to another project, so it stays archived.
    foreign = registered("a", "3", owner="other", archived=True)
    policy = Policy(PROJECT, superseded="archive", max_archives=1)
    made = plan([declared("a", "3")], state(container("a", "1", "2", foreign)), policy)

    assert (actions(made), rejections(made)) == (
        ["archive a:1", "archive a:2"],
        ["foreign-owner a:3"],
    )
    assert made.refused is None


def test_the_guard_does_not_count_a_version_that_is_replaced() -> None:
    # Every environment is edited: it gets a new version, and its old version is archived.
    desired = [declared(f"e{index}", "2", image("2")) for index in range(12)]
    made = plan(desired, owned(12), Policy(PROJECT, superseded="archive"))

    assert made.summary["create"] == made.summary["archive"] == 12
    assert made.refused is None


def test_the_guard_counts_each_new_version_as_one_replacement() -> None:
    policy = Policy(PROJECT, superseded="archive", max_archives=0)
    made = plan([declared("a", "3")], state(container("a", "1", "2")), policy)

    assert actions(made) == ["create a:3", "archive a:1", "archive a:2"]
    assert made.refused == ("The plan would archive 1 of 2 owned versions. max_archives allows 0.")


@pytest.mark.parametrize("held", [7, 12])
def test_the_guard_counts_archives_that_a_glob_leaves_out(held: int) -> None:
    desired = [declared("new", "1")]
    single = plan(desired, owned(held), globs=("e0",))

    assert actions(single) == ["archive e0"]
    assert single.refused == plan(desired, owned(held)).refused
    assert single.refused is not None
    # The guard allows a part of the plan that archives nothing.
    assert plan(desired, owned(held), globs=("new",)).refused is None


def test_the_guard_counts_archives_of_names_that_are_not_selected() -> None:
    made = make_plan([declared("new", "1")], owned(12), POLICY, TARGET, only={"e0"})

    assert actions(made) == ["archive e0"]
    assert made.refused is not None


def test_the_guard_does_not_count_environments_with_a_new_version() -> None:
    made = plan([declared(f"e{index}", "2") for index in range(10)], owned(10))

    assert len(made.latest) == 10
    assert made.refused is None


def test_the_guard_counts_only_owned_and_active_environments() -> None:
    # If the 90 archived environments counted, 4 environments would be less than 30 %.
    archived = {f"x{index}": container(f"x{index}", "1", archived=True) for index in range(90)}
    made = plan([declared(f"e{index}", "1") for index in range(6)], {**owned(10), **archived})

    assert made.refused == (
        "The plan would leave 4 of 10 owned environments without an active version. "
        "max_archive_percent allows 30 %."
    )


def test_a_plan_without_declarations_is_refused() -> None:
    assert plan([], owned(1)).refused == (
        "No file declares an environment, so the plan would archive everything that the project "
        "owns."
    )
    assert plan([], owned(1), Policy(PROJECT, allow_mass_archive=True)).refused is None
    assert plan([], {}).refused is None


def test_the_order_of_a_plan_does_not_depend_on_the_order_of_files() -> None:
    # In natural order, 9 comes before 10.
    desired = [declared("b", "10"), declared("a", "2"), declared("b", "9"), declared("a", "1")]
    made = plan(desired)

    assert actions(made) == ["create a:1", "create a:2", "create b:9", "create b:10"]
    assert plan(desired[::-1]) == made
    assert plan(desired[::-1]).digest == made.digest


def test_the_number_of_unchanged_versions_counts_declared_versions_without_a_change() -> None:
    made = plan(
        [declared("a", "1"), declared("a", "2"), declared("b", "1", image("2"))],
        state(container("a", "1", "5"), container("b", "1"), container("c", "1")),
    )

    assert made.summary == {
        "create": 1,
        "update": 0,
        "archive": 1,
        "restore": 0,
        "unchanged": 1,
        "rejected": 1,
    }


def test_the_digest_depends_on_the_previous_owner() -> None:
    """An approval of an adoption does not approve a take-over from another project."""
    policy = Policy(PROJECT, take_over=True)

    def digest(owner: str | None, *, archived: bool = False) -> str:
        held = container("a", registered("a", "1", owner=owner), archived=archived)
        version = "2" if archived else "1"
        return plan([declared("a", version)], state(held), policy).digest

    assert digest(None) != digest("other")
    assert digest(PROJECT, archived=True) != digest("other", archived=True)


class TestADigestTagAgainstAnUploadHash:
    """Everybody who can write to a target can write the tag, but not the hash in an address."""

    @staticmethod
    def spec() -> EnvironmentSpec:
        files = {"Dockerfile": "1"}
        return EnvironmentSpec(
            build=Build(BuildContext.of_files(files, uploads=upload_hashes(SHA)))
        )

    def made(self, owner: str | None, **tags: str) -> Plan:
        held = registered("a", "1", unknown_build("c" * 64), owner=owner, digest=self.spec().digest)
        desired = [declared("a", "1", self.spec(), tags=tags)]
        return plan(desired, state(container("a", held)))

    def test_a_different_upload_hash_causes_a_warning_for_an_owned_version(self) -> None:
        made = self.made(PROJECT)

        assert actions(made) == []
        (warning,) = made.warnings
        assert "the address of the upload contains the hash of other content" in warning
        assert made.summary["unchanged"] == 0

    def test_an_update_writes_no_digest_of_content_that_was_not_verified(self) -> None:
        made = self.made(PROJECT, x="1")

        assert actions(made) == ["update a:1"]
        assert len(made.warnings) == 1

    def test_an_unowned_version_with_a_different_upload_hash_is_not_adopted(self) -> None:
        assert rejections(self.made(None)) == ["unowned a:1"]
