"""`Plan`: what an apply would do to one target.

Each attribute answers a separate question:

- `is_empty`: are there no changes and no rejections?
- `rejections`: which changes does the plan refuse?
- `refused`: does the guard refuse the whole plan?
- `digest`: is this the plan that was reviewed?
- `is_left_of`: are all changes among the reviewed changes?

docs/reference/plan.md describes the JSON of a plan, and `envsync schema plan` prints its schema.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from envsync._version import __version__
from envsync.model.canonical import JSON, canonical_json, sha256_digest
from envsync.model.errors import EnvsyncError, PlanRefused
from envsync.model.masking import masked_json
from envsync.model.target import TargetIdentity
from envsync.model.value import Value
from envsync.model.wording import MAX_MESSAGE, MAX_WORD, printable
from envsync.plan.change import Action, Change, LatestChange, Rejection
from envsync.plan.fingerprint import effective, fingerprint
from envsync.plan.options import Options
from envsync.plan.original import Original
from envsync.plan.schema import not_a_plan

FORMAT_VERSION = 1


class Plan(Value, frozen=True):
    """Everything that an apply would do to one target.

    Attributes:
        project: the owner of every version that the apply writes.
        changes: the changes, sorted by name. The changes of one name are in the order of the apply.
            A rejection holds back all changes with the same name: they are shown, but not applied.
        rejections: the changes that the plan refuses.
        latest: the names whose `@latest` will refer to another version.
        warnings: the warnings to show, each as one or more sentences.
        unchanged: the number of declared versions that need no change.
        refused: why the guard refuses the whole plan. None if the guard allows the plan.
        options: the arguments that the plan was made with. None if the arguments are not known.
        read_back: True if the plan was read from JSON. Such a plan can be compared and shown, but
            not applied.
        original: the digest and the fingerprints of the plan before its credentials were hidden.
            None, unless the plan was read from JSON with hidden credentials.
    """

    uncompared = ("read_back", "original")

    project: str
    target: TargetIdentity
    changes: tuple[Change, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    latest: tuple[LatestChange, ...] = ()
    warnings: tuple[str, ...] = ()
    unchanged: int = 0
    refused: str | None = None
    options: Options | None = None
    read_back: bool = False
    original: Original | None = None

    @property
    def is_empty(self) -> bool:
        """True if the plan has no changes and no rejections."""
        return not (self.changes or self.rejections)

    @property
    def held_back(self) -> frozenset[str]:
        """The names with a rejection. The changes of these names are not applied."""
        # A rejection holds back all changes of a name. The versions of a name share the container
        # and @latest, so applying only some of the changes could leave a state that no file
        # declares.
        return frozenset(rejection.name for rejection in self.rejections)

    @property
    def applicable(self) -> tuple[Change, ...]:
        """The changes that no rejection holds back."""
        held_back = self.held_back
        return tuple(change for change in self.changes if change.name not in held_back)

    def ensure_applicable(self, *, skip_rejected: bool = False) -> None:
        """Checks that the plan can be applied.

        Args:
            skip_rejected: if True, rejections are allowed, because the caller applies only names
                without a rejection.

        Raises:
            PlanRefused: the plan cannot be applied. The code of the exception is `read-back`,
                `mass-archive` or `rejections`.
        """
        if self.read_back:
            raise PlanRefused(
                "read-back",
                "A plan that was read from a file cannot be applied. Make the plan again, and "
                "compare the digests.",
            )
        if self.refused:
            raise PlanRefused(
                "mass-archive",
                f"{self.refused} If this is intended, pass --allow-mass-archive.",
            )
        if self.rejections and not skip_rejected:
            count = len(self.rejections)
            raise PlanRefused(
                "rejections",
                f"The plan has {count} rejection{'' if count == 1 else 's'}, so nothing was "
                "applied. Fix the rejected files, or pass --skip-rejected to apply the rest.",
            )

    def ensure_approved(self, digest: str, changes: Collection[str] = ()) -> None:
        """Checks that this plan is the approved plan, or contains only some of its changes.

        An empty plan is always accepted.

        Args:
            digest: the digest of the approved plan.
            changes: the values of the `fingerprints` of the approved plan. If empty, only the plan
                with the digest is accepted.

        Raises:
            PlanRefused: the digests differ, and the plan contains a change that was not approved.
                The code of the exception is `plan-stale`.
        """
        # An empty plan changes nothing, so it needs no approval. For example, an earlier apply has
        # already made the approved changes.
        if self.digest == digest or self.is_empty or (changes and self.is_left_of(changes)):
            return
        raise PlanRefused(
            "plan-stale",
            f"plan-stale: no plan with the approved digest {digest} can be made now. There are "
            "three possible reasons: the digest is mistyped, the approved plan has another target "
            "or other arguments, or something has changed since the approval (a file, a setting "
            "or the target). Nothing was applied. The plan now has the digest "
            f"{self.digest}. Review it.",
        )

    def is_left_of(self, approved: Collection[str]) -> bool:
        """Returns True if every change of this plan is among the approved changes.

        Args:
            approved: fingerprints of the approved changes.
        """
        # Compare every change, not `fingerprints`: a dict would lose one of two changes that have
        # the same action and address. Rejections write nothing, so they need no approval.
        known = frozenset(approved)
        if self.original is not None:
            return known.issuperset(self.original.changes)
        return all(self._fingerprint(change) in known for change in self.changes)

    @property
    def fingerprints(self) -> dict[str, str]:
        """The fingerprint of each change and rejection, by action and address."""
        if self.original is not None:
            return dict(self.original.fingerprints)
        found = {f"{item.action} {item.address}": self._fingerprint(item) for item in self.changes}
        rejected = {f"reject {item.address}": self._fingerprint(item) for item in self.rejections}
        return found | rejected

    def _fingerprint(self, part: Change | Rejection) -> str:
        return fingerprint(self.project, self.target, part.to_json())

    @property
    def summary(self) -> dict[str, int]:
        """Counts the changes of each action, the unchanged versions and the rejections."""
        counts = Counter(change.action for change in self.changes)
        return {
            **{str(action): counts[action] for action in Action},
            "unchanged": self.unchanged,
            "rejected": len(self.rejections),
        }

    @property
    def digest(self) -> str:
        """The SHA-256 digest of the project, the target, the changes and the rejections."""
        return self._own_digest if self.original is None else self.original.digest

    @property
    def _own_digest(self) -> str:
        # The digest ignores `latest` and `warnings`, which follow from the changes.
        parts: list[JSON] = [effective(change.to_json()) for change in self.changes]
        parts += [effective(rejection.to_json()) for rejection in self.rejections]
        data: JSON = [self.project, self.target.to_json(), parts]
        return sha256_digest(f"envsync-plan {FORMAT_VERSION}\n" + canonical_json(data))

    def to_json(self) -> dict[str, JSON]:
        """Returns the plan as JSON data, as `plan --format json` prints it.

        Credentials are hidden. If the plan contains credentials, the data has a key `original`,
        because the digest and the fingerprints of the plan cannot be computed from the data.
        """
        data = self._document()
        shown = {key: masked_json(value) for key, value in data.items()}
        original = self.original
        if original is None and shown != data:
            original = Original(self.digest, self._read(shown).digest, self.fingerprints)
        return shown if original is None else {**shown, "original": original.to_json()}

    def _document(self) -> dict[str, JSON]:
        return {
            "format_version": FORMAT_VERSION,
            "envsync_version": __version__,
            "project": self.project,
            "target": self.target.to_json(),
            "digest": self.digest,
            "summary": dict(self.summary),
            "changes": [change.to_json() for change in self.changes],
            "rejections": [rejection.to_json() for rejection in self.rejections],
            "latest": [latest.to_json() for latest in self.latest],
            "warnings": list(self.warnings),
            "refused": self.refused,
            **self._saved_options,
        }

    @property
    def _saved_options(self) -> dict[str, JSON]:
        """The options with a digest, so that an edit of the options in a saved plan is detected.

        The digest of the plan does not cover the options, because different options can make the
        same plan. So the options have their own digest, which covers the plan and the options.
        """
        if self.options is None:
            return {}
        options = masked_json(self.options.to_json())
        text = canonical_json([self.digest, options])
        digest = sha256_digest(f"envsync-options {FORMAT_VERSION}\n{text}")
        return {"options": {**self.options.to_json(), "digest": digest}}

    @classmethod
    def from_json(cls, data: Any) -> Plan:
        """Creates the plan from the JSON data of `to_json`.

        Raises:
            EnvsyncError: the data is not a plan, has another format version, or was edited (its
                digest does not match its content).
        """
        # Check the format version first: a plan in another format can have other keys.
        version = data.get("format_version", FORMAT_VERSION) if isinstance(data, dict) else None
        if isinstance(data, dict) and version != FORMAT_VERSION:
            found = printable(str(version), MAX_WORD)
            raise EnvsyncError(
                f"The plan has format version {found}, but this envsync ({__version__}) reads only "
                f"{FORMAT_VERSION}. Make the plan again."
            )
        if reason := not_a_plan(data):
            raise EnvsyncError(
                f"This is not a plan that envsync wrote: {printable(reason, MAX_MESSAGE)}. Save "
                "one with `envsync plan --out FILE`."
            )
        plan = cls._read(data)
        try:
            # If credentials are hidden, the original digest cannot be computed. So compare the
            # computed digest with `shown`.
            expected = data["digest"] if plan.original is None else plan.original.shown
            edited = plan._own_digest != expected
            if "options" in data:
                saved = plan._saved_options["options"]
                edited |= masked_json(saved) != masked_json(data["options"])
        # Values such as NaN have no canonical JSON, so they have no digest.
        except ValueError:
            edited = True
        if edited:
            raise EnvsyncError("The plan was edited after it was written. Make the plan again.")
        return plan

    @classmethod
    def _read(cls, data: dict[str, Any]) -> Plan:
        return cls(
            project=data["project"],
            target=TargetIdentity.from_json(data["target"]),
            changes=tuple(map(Change.from_json, data["changes"])),
            rejections=tuple(map(Rejection.from_json, data["rejections"])),
            latest=tuple(map(LatestChange.from_json, data["latest"])),
            warnings=tuple(data["warnings"]),
            unchanged=data["summary"]["unchanged"],
            refused=data["refused"],
            options=Options.from_json(data["options"]) if "options" in data else None,
            read_back=True,
            original=Original.from_json(data) if "original" in data else None,
        )
