"""Properties of plan and apply for every desired state, every policy and every foreign edit."""

from __future__ import annotations

import json
import random
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.model.content_version import content_version
from envsync.model.declaration import Declaration
from envsync.model.environment import Environment, EnvironmentKey, EnvironmentSpec, Metadata
from envsync.model.errors import PlanRefused, TargetError
from envsync.model.policy import Policy
from envsync.model.provenance import Provenance
from envsync.model.state import RegisteredVersion, State
from envsync.plan.apply import apply
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from envsync.targets.local.target import LocalTarget
from tests.builders import PROJECT, TARGET, conda, declared, image

# There are few values, so that declarations and edits often concern the same versions. "b" and "B"
# are two names.
NAMES = ["a", "b", "B", "c.d"]
VERSIONS = ["1", "2", "10", "1.10", "rc-1"]
SPECS = [image("1"), image("2"), conda("python=3.11"), conda("python=3.12")]

metadata = st.builds(
    Metadata,
    st.none() | st.sampled_from(["about", "étage"]),
    st.dictionaries(
        st.sampled_from(["team", "cost", "x"]), st.sampled_from(["1", "2"]), max_size=2
    ),
)


versions_of_a_name: st.SearchStrategy[list[str | None]] = st.one_of(
    st.just([]),
    st.just([None]),
    st.lists(st.sampled_from(VERSIONS), unique=True, min_size=1, max_size=3),
)
specs = st.sampled_from(SPECS)


@st.composite
def declarations(draw: st.DrawFn) -> list[Declaration]:
    """Generates for each name no file, one file without a version, or files with versions."""
    found = []
    for name in NAMES:
        for version in draw(versions_of_a_name):
            about = draw(metadata)
            found.append(declared(name, version, draw(specs), about.description, about.tags))
    return found


policies = st.builds(
    Policy,
    project=st.just(PROJECT),
    prune=st.sampled_from(["owned", "none"]),
    superseded=st.sampled_from(["keep", "archive"]),
    adopt=st.sampled_from(["identical", "never"]),
    versions=st.sampled_from(["auto", "content"]),
    ignore_tags=st.sampled_from([(), ("cost",), ("c*", "x")]),
    take_over=st.booleans(),
    # Without this option, the guard would refuse most plans, and nothing would be applied.
    allow_mass_archive=st.just(True),
)


@dataclass(frozen=True)
class Edit:
    """A change of the target by another client than envsync."""

    what: str
    key: EnvironmentKey
    spec: EnvironmentSpec
    metadata: Metadata
    owner: str | None

    def make(self, target: LocalTarget) -> None:
        provenance = Provenance(self.owner)
        if self.what == "create":
            target.create(Environment(self.key, self.spec, self.metadata, provenance))
        elif self.what == "update":
            target.update(self.key, self.metadata, provenance)
        elif self.what == "environment":
            held = target.read([self.key.name])[self.key.name]
            target.set_archived(self.key.name, None, archived=not held.archived)
        else:
            target.set_archived(self.key.name, self.key.version, self.what == "archive")


edits = st.lists(
    st.builds(
        Edit,
        st.sampled_from(["create", "create", "update", "archive", "restore", "environment"]),
        st.builds(EnvironmentKey, st.sampled_from(NAMES), st.sampled_from(VERSIONS)),
        st.sampled_from(SPECS),
        metadata,
        st.sampled_from([None, PROJECT, "other"]),
    ),
    max_size=12,
)


@contextmanager
def local_target() -> Iterator[LocalTarget]:
    with tempfile.TemporaryDirectory() as directory:
        target = LocalTarget(Path(directory) / "local.db", TARGET)
        try:
            yield target
        finally:
            target.close()


def edited(target: LocalTarget, made: Iterable[Edit]) -> None:
    for edit in made:
        try:
            edit.make(target)
        except (TargetError, KeyError):
            continue  # the target refuses this edit, as the service would


def plan_now(target: LocalTarget, desired: list[Declaration], policy: Policy) -> Plan:
    actual = target.read({item.name for item in desired}, policy.project)
    return make_plan(desired, actual, policy, TARGET)


def not_ours(state: State) -> dict[EnvironmentKey, RegisteredVersion]:
    """Returns every version that the project does not own."""
    return {
        item.environment.key: item
        for container in state.values()
        for item in container.versions
        if item.owner != PROJECT
    }


def shown(state: State) -> set[EnvironmentKey]:
    return {item.environment.key for held in state.values() for item in held.active}


# Each example opens a database file, which can take longer than the deadline of hypothesis.
examples = settings(max_examples=60, deadline=None)


@examples
@given(declarations(), edits, policies)
def test_after_an_apply_the_next_plan_is_empty(
    desired: list[Declaration], made: list[Edit], policy: Policy
) -> None:
    with local_target() as target:
        edited(target, made)
        plan = plan_now(target, desired, policy)
        outcomes = list(apply(plan, target, parallel=4, skip_rejected=True))
        after = plan_now(target, desired, policy)

        assert [item for item in outcomes if item.status != "done"] == []
        assert after.applicable == ()
        assert {item.name for item in after.rejections} == {item.name for item in plan.rejections}
        if not plan.rejections:
            assert after.is_empty
        state = target.read(None)
        for item in plan.latest:
            if item.name not in plan.held_back:
                assert state[item.name].latest == item.after


@examples
@given(declarations(), edits, policies)
def test_versions_of_other_owners_change_only_by_adoption_or_take_over(
    desired: list[Declaration], made: list[Edit], policy: Policy
) -> None:
    with local_target() as target:
        edited(target, made)
        before = target.read(None)
        plan = plan_now(target, desired, policy)
        list(apply(plan, target, skip_rejected=True))
        after = target.read(None)

    meant = {
        (change.name, change.version)
        for change in plan.applicable
        if change.scope == "version"
        # Only an adoption and --take-over may change versions of other owners.
        and (change.desired is not None or policy.take_over)
    }
    for key, item in not_ours(before).items():
        if (key.name, key.version) not in meant:
            assert not_ours(after)[key] == item
    # A restore of an environment must not show versions of other owners.
    strangers = {key for key in shown(after) - shown(before) if key in not_ours(after)}
    assert strangers == set()


@examples
@given(declarations(), edits, policies)
def test_a_plan_with_rejections_changes_nothing(
    desired: list[Declaration], made: list[Edit], policy: Policy
) -> None:
    with local_target() as target:
        edited(target, made)
        before = target.read(None)
        plan = plan_now(target, desired, policy)
        try:
            list(apply(plan, target))
        except PlanRefused:
            assert plan.rejections
            assert target.read(None) == before
        else:
            assert not plan.rejections


@examples
@given(declarations(), edits, policies, st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_files(
    desired: list[Declaration], made: list[Edit], policy: Policy, chance: random.Random
) -> None:
    with local_target() as target:
        edited(target, made)
        plan = plan_now(target, desired, policy)
        chance.shuffle(desired)
        again = plan_now(target, desired, policy)

    assert again == plan
    assert again.digest == plan.digest


@examples
@given(declarations(), edits, policies)
def test_applying_a_saved_plan_equals_applying_without_a_saved_plan(
    desired: list[Declaration], made: list[Edit], policy: Policy
) -> None:
    # `twin` gets the same edits as `target`, but its apply does not use the saved plan.
    with local_target() as target, local_target() as twin:
        for each in (target, twin):
            edited(each, made)
        loaded = Plan.from_json(json.loads(json.dumps(plan_now(target, desired, policy).to_json())))
        fresh = plan_now(target, desired, policy)
        fresh.ensure_approved(loaded.digest)
        list(apply(fresh, target, skip_rejected=True))
        list(apply(plan_now(twin, desired, policy), twin, skip_rejected=True))

        assert contents(target.read(None)) == contents(twin.read(None))


def contents(state: State) -> dict[str, object]:
    """Returns a state without the times of creation, which differ from run to run."""
    return {
        name: (held.archived, [(item.environment, item.archived) for item in held.versions])
        for name, held in state.items()
    }


# There are few examples, because each example runs two applies with four workers each.
@settings(max_examples=15, deadline=None)
@given(declarations(), declarations())
def test_two_concurrent_applies_lose_no_change(
    first: list[Declaration], second: list[Declaration]
) -> None:
    """Two projects apply to one file at once.

    Each project owns exactly the versions that its apply reports as done.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "local.db"
        results: dict[str, set[EnvironmentKey]] = {}

        def run(project: str, desired: list[Declaration]) -> None:
            target = LocalTarget(path, TARGET)
            plan = plan_now(target, desired, Policy(project, adopt="never"))
            results[project] = {
                item.change.desired.key
                for item in apply(plan, target, parallel=4, skip_rejected=True)
                if item.status == "done" and item.change.desired
            }
            target.close()

        threads = [
            threading.Thread(target=run, args=pair) for pair in (("one", first), ("two", second))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        target = LocalTarget(path, TARGET)
        state = target.read(None)
        target.close()
        held = {
            project: {
                item.environment.key
                for container in state.values()
                for item in container.versions
                if item.owner == project
            }
            for project in ("one", "two")
        }
        assert held == results
        for name, container in state.items():
            versions = [item.version for item in container.versions]
            assert len(versions) == len(set(versions)), name


@examples
@given(declarations(), st.integers(2, 4))
def test_a_repeated_apply_never_creates_a_second_version_with_the_same_content(
    desired: list[Declaration], times: int
) -> None:
    with local_target() as target:
        for _ in range(times):
            list(apply(plan_now(target, desired, Policy(PROJECT)), target))

        assert {name: len(held.versions) for name, held in target.read(None).items()} == {
            name: sum(item.name == name for item in desired)
            for name in {item.name for item in desired}
        }


# Maps each name to an image tag and a Python version.
Files = dict[str, tuple[str, str]]

all_files = st.fixed_dictionaries(
    {name: st.tuples(st.sampled_from("12"), st.sampled_from(["11", "12"])) for name in NAMES}
)
# One branch edits image tags, and the other one Python versions, so that git merges both.
image_edits = st.dictionaries(st.sampled_from(NAMES), st.sampled_from("345"))
python_edits = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["13", "14"]))


def with_edits(files: Files, images: dict[str, str], pythons: dict[str, str]) -> Files:
    return {
        name: (images.get(name, tag), pythons.get(name, python))
        for name, (tag, python) in files.items()
    }


def state_after(steps: Iterable[Files], policy: Policy) -> State:
    """Applies the files of each commit of the main branch to a new target."""
    with local_target() as target:
        for files in steps:
            desired = [
                declared(name, None, conda(f"python=3.{python}", tag=tag))
                for name, (tag, python) in files.items()
            ]
            list(apply(plan_now(target, desired, policy), target))
        return target.read(None)


# Each example runs twelve applies, which takes long. An example has four names, and each name has
# one of 48 combinations of a file and its edits. So 24 examples have each combination twice on
# average.
@settings(max_examples=24, deadline=None)
@given(all_files, image_edits, python_edits)
def test_two_branches_merged_in_either_order_end_in_the_same_state(
    base: Files, images: dict[str, str], pythons: dict[str, str]
) -> None:
    merged = with_edits(base, images, pythons)
    orders = [
        (base, with_edits(base, images, {}), merged),
        (base, with_edits(base, {}, pythons), merged),
    ]
    archived = Policy(PROJECT, versions="content", superseded="archive", allow_mass_archive=True)
    one, other = (state_after(order, archived) for order in orders)

    assert shown(one) == shown(other)
    assert {name: held.latest for name, held in one.items()} == {
        name: content_version(conda(f"python=3.{python}", tag=tag))
        for name, (tag, python) in merged.items()
    }

    # Without archives, only the versions between the two merges differ.
    kept = Policy(PROJECT, versions="content")
    one, other = (state_after(order, kept) for order in orders)

    specs: dict[EnvironmentKey, set[EnvironmentSpec]] = {}
    for held in (*one.values(), *other.values()):
        for item in held.versions:
            specs.setdefault(item.environment.key, set()).add(item.environment.spec)
    assert {len(found) for found in specs.values()} == {1}
    edited_by_both = images.keys() & pythons.keys()
    for name in NAMES:
        assert one[name].latest == other[name].latest
        if name not in edited_by_both:
            assert {item.version for item in one[name].versions} == {
                item.version for item in other[name].versions
            }
