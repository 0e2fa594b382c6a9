"""A plan adds the project to the owners that an environment lists."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from envsync.model.before import Before
from envsync.model.declaration import Declaration
from envsync.model.policy import Policy
from envsync.model.state import Container, RegisteredVersion
from envsync.plan.change import Action
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from tests.builders import PROJECT, TARGET, container, declared, registered, state


def planned(declarations: Sequence[Declaration], held: Container) -> Plan:
    return make_plan(declarations, state(held), Policy(PROJECT), TARGET)


class TestAnEnvironmentThatDoesNotListTheProject:
    """A create that was interrupted between its two writes leaves such an environment."""

    MARKED = frozenset({"other"})

    def held(self, *versions: RegisteredVersion | str, marks: frozenset[str] | None) -> Container:
        return replace(container("pydata", *versions), marks=marks)

    def test_a_plan_adds_the_project_to_the_owners_of_an_environment(self) -> None:
        plan = planned([declared("pydata", "1")], self.held("1", marks=self.MARKED))

        assert [
            (item.action, item.scope, item.address, item.reason, item.owner, item.before)
            for item in plan.changes
        ] == [
            (
                Action.UPDATE,
                "environment",
                "pydata",
                "the environment does not list the project as an owner",
                PROJECT,
                Before(hidden=False),
            )
        ]
        assert (plan.latest, plan.unchanged) == ((), 1)

    @pytest.mark.parametrize("marks", [frozenset({PROJECT}), None])
    def test_a_plan_is_empty_if_the_owners_contain_the_project_or_are_not_recorded(
        self, marks: frozenset[str] | None
    ) -> None:
        assert planned([declared("pydata", "1")], self.held("1", marks=marks)).changes == ()

    def test_a_write_of_a_version_makes_the_owner_update_unnecessary(self) -> None:
        declarations = [declared("pydata", "1"), declared("pydata", "2")]
        plan = planned(declarations, self.held("1", marks=self.MARKED))

        assert [item.address for item in plan.changes] == ["pydata:2"]

    def test_an_environment_needs_no_owner_update_if_the_project_archives_its_versions(
        self,
    ) -> None:
        held = self.held("1", registered("pydata", "2", owner="other"), marks=self.MARKED)
        kept = container("kept", "1")
        plan = make_plan(
            [declared("kept", "1")],
            state(held, kept),
            Policy(PROJECT, allow_mass_archive=True),
            TARGET,
        )

        assert [(item.action, item.address) for item in plan.changes] == [
            (Action.ARCHIVE, "pydata:1")
        ]
