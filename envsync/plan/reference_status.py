"""Decides which references refer to an environment that exists.

References are compared with the declared environments or, if a target is given, with the state that
the target has after its plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from envsync.model.canonical import JSON
from envsync.model.declaration import Declaration
from envsync.model.naming import is_reserved, natural_order
from envsync.model.reference import LATEST, Reference
from envsync.model.state import Container, State
from envsync.model.target import TargetIdentity
from envsync.model.value import Value
from envsync.plan.change import LatestChange
from envsync.plan.in_use import means
from envsync.plan.plan import Plan
from envsync.plan.reference_findings import (
    Finding,
    archived,
    floating,
    latest_as_version,
    missing,
    refused,
    undeclared,
)
from envsync.plan.versions import container_after

MAX_SUGGESTIONS: Final = 20
"""After this number of findings, no similar names are suggested, because the search is slow."""

Status: TypeAlias = Literal["ok", "broken", "archived", "floating"]


class Judged(Struct, frozen=True):
    """A reference, and facts about the environment to which it refers.

    Attributes:
        status: `broken` (the reference cannot be resolved), `archived` (the environment is
            archived), `floating` (the reference names no version), or `ok`.
        declared: True if a file declares the environment. None if no file of the project can
            declare it, for example an environment of a foreign registry.
        registered: True if the environment is registered in the target, even if it is archived.
            None if no target was read, or if the reference refers to another workspace or registry.
        will_archive: True if the plan archives the environment. None if `registered` is None.
        latest: the change of `@latest`, if the plan changes the version to which the reference
            refers.
        same: for an inline environment, the declared environment with the same content.
        finding: what is wrong. None if nothing is wrong.
    """

    reference: Reference
    status: Status = "ok"
    declared: bool | None = None
    registered: bool | None = None
    will_archive: bool | None = None
    latest: LatestChange | None = None
    same: str | None = None
    finding: Finding | None = None

    def to_json(self) -> dict[str, JSON]:
        """Returns the reference as JSON data, as `refs --format json` prints it."""
        item = self.reference
        moves: JSON = None
        if self.latest is not None:
            moves = {"before": self.latest.before, "after": self.latest.after}
        return {
            "file": item.file,
            "line": item.line,
            "column": item.column,
            "text": item.text,
            "form": item.form,
            "place": item.place,
            "user": item.user,
            "certainty": item.certainty,
            "name": item.name,
            "version": item.version,
            "label": item.label,
            "registry": item.registry,
            "workspace": item.workspace,
            "inline": None if item.inline is None else item.inline.to_json(),
            "same": self.same,
            "status": self.status,
            "declared": self.declared,
            "registered": self.registered,
            "will_archive": self.will_archive,
            "latest": moves,
        }


class Declared(Value, frozen=True):
    """The declared environments, and the names that they have in the targets.

    Attributes:
        declarations: the declarations. Their names are as in the files, without a suffix.
        suffixes: the suffixes of the targets. A target adds its suffix to every declared name.
        registries: the registries of the targets, in lower case.
        has_workspace: whether a target is a workspace or a local file.
    """

    uncompared = ("_by_name",)
    unshown = ("_by_name",)

    declarations: Sequence[Declaration] = ()
    suffixes: Collection[str] = ("",)
    registries: Collection[str] = ()
    has_workspace: bool = True
    _by_name: Mapping[str, tuple[Declaration, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found: dict[str, tuple[Declaration, ...]] = {}
        for item in self.declarations:
            for suffix in {"", *self.suffixes}:
                name = item.name + suffix
                found[name] = (*found.get(name, ()), item)
        force_setattr(self, "_by_name", MappingProxyType(found))

    def of(self, reference: Reference) -> tuple[Declaration, ...]:
        """Returns the declarations to which a reference can refer."""
        if reference.name is None or not self.can_mean(reference):
            return ()
        found = self._by_name.get(reference.name, ())
        if reference.version is not None:
            return tuple(item for item in found if item.version in (None, reference.version))
        highest = max(found, key=lambda item: natural_order(item.version or ""), default=None)
        # A label refers to the newest version, which is the highest of the declared versions. A
        # placeholder can stand for any version.
        return (highest,) if highest is not None and reference.is_floating else found

    def can_mean(self, reference: Reference) -> bool:
        """Returns True if a reference can refer to an environment in a target of the project."""
        if reference.registry is not None:
            return reference.registry in self.registries
        return self.has_workspace

    @property
    def names(self) -> Collection[str]:
        """The names of the declared environments, with and without each suffix."""
        return self._by_name.keys()


class Held(Struct, frozen=True):
    """The state of a target before and after a plan.

    Attributes:
        target: the target.
        before: the state of the target.
        plan: the plan for the target. This plan was made without references, so no reference
            prevents an archive. None if there is no plan.
    """

    target: TargetIdentity
    before: State
    plan: Plan | None = None

    def after(self, name: str) -> Container:
        """Returns the container of a name in the state after the plan."""
        container = self.before.get(name, Container(name))
        changes = [item for item in self.plan.changes if item.name == name] if self.plan else []
        return container_after(container, changes)

    def latest(self, name: str) -> LatestChange | None:
        """Returns the change of `@latest` of a name, or None if `@latest` does not change."""
        changes = self.plan.latest if self.plan else ()
        return next((item for item in changes if item.name == name), None)


def judge(
    references: Iterable[Reference], declared: Declared, held: Held | None = None
) -> list[Judged]:
    """Compares references with the declared environments and a target.

    Args:
        references: the references.
        declared: the declared environments.
        held: the state of a target. If None, references are compared only with the declared
            environments.
    """
    judged: list[Judged] = []
    findings = 0
    for item in references:
        judged.append(_judge(item, declared, held, suggest=findings < MAX_SUGGESTIONS))
        findings += judged[-1].finding is not None
    return judged


def unused(references: Iterable[Judged], declared: Declared) -> list[Declaration]:
    """Returns the declared environments that no reference uses, in their original order."""
    used: set[int] = set()
    same: set[str] = set()
    for item in references:
        used.update(map(id, declared.of(item.reference)))
        if item.reference.form == "file" and item.same is not None:
            same.add(item.same)
    return [
        item for item in declared.declarations if id(item) not in used and _key(item) not in same
    ]


def _judge(reference: Reference, declared: Declared, held: Held | None, *, suggest: bool) -> Judged:
    if reference.inline is not None:
        return Judged(reference, same=_same(reference, declared))
    if reference.form == "template":
        return Judged(reference)
    finding = refused(reference)
    if finding is not None:
        return Judged(reference, "broken", finding=finding)
    name = reference.name or ""
    # Environments of the service cannot be declared.
    possible = declared.can_mean(reference) and not is_reserved(name)
    is_declared = bool(declared.of(reference)) if possible else None
    known = Judged(
        reference,
        "floating" if reference.is_floating else "ok",
        declared=is_declared,
        finding=floating(reference) if reference.is_floating else None,
    )
    if held is not None and means(reference, held.target):
        return _in_target(known, held, suggest=suggest)
    if reference.version == LATEST and not is_reserved(name):
        return replace(known, status="broken", finding=latest_as_version(reference))
    # If nothing is declared, this finding would apply to every reference, so it is left out.
    if is_declared is False and declared.declarations:
        finding = undeclared(reference, declared.names, suggest=suggest)
        return replace(known, status=known.status, finding=finding)
    return known


def _in_target(known: Judged, held: Held, *, suggest: bool) -> Judged:
    """Adds what the state of the target shows about a reference."""
    reference, name = known.reference, known.reference.name or ""
    before, after = held.before.get(name, Container(name)), held.after(name)
    registered = _has(reference)(before)
    will_archive = _is_active(reference)(before) and not _is_active(reference)(after)
    known = replace(
        known,
        registered=registered,
        will_archive=will_archive,
        latest=held.latest(name) if reference.means_latest else None,
    )
    if _is_active(reference)(after):
        return known
    if registered:
        return replace(
            known,
            status="archived",
            finding=archived(reference, held.target.name, will_archive=will_archive),
        )
    if reference.version == LATEST:
        return replace(known, status="broken", finding=latest_as_version(reference))
    # A workspace can leave environments of the service out of its list, so a missing environment is
    # accepted.
    if is_reserved(name):
        return Judged(reference, known.status, finding=known.finding)
    return replace(
        known,
        status="broken",
        finding=missing(reference, before, held.before.keys(), held.target.name, suggest=suggest),
    )


def _has(reference: Reference) -> Callable[[Container], bool]:
    """Returns a function that returns True if a container has the version of a reference."""
    version = reference.version
    if version is None:
        return lambda container: bool(container.versions)
    return lambda container: container.version(version) is not None


def _is_active(reference: Reference) -> Callable[[Container], bool]:
    """Returns a function that returns True if the version of a reference is active."""
    version = reference.version
    if version is None:
        return lambda container: bool(container.active)
    return lambda container: any(item.version == version for item in container.active)


def _same(reference: Reference, declared: Declared) -> str | None:
    """Returns the declared environment that has the content of an inline environment, or None."""
    spec = reference.inline.spec if reference.inline else None
    if spec is None:
        return None
    return next((_key(item) for item in declared.declarations if item.spec == spec), None)


def _key(declaration: Declaration) -> str:
    version = declaration.version
    return declaration.name if version is None else f"{declaration.name}:{version}"
