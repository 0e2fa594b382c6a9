"""`Original`: the digests of a plan whose JSON hides credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from envsync.model.canonical import JSON


class Original(Struct, frozen=True):
    """The digests of a plan whose JSON hides credentials.

    These digests cannot be computed from the JSON.

    An approval covers the credentials as well, so it is compared with these digests.

    Attributes:
        digest: the digest of the plan with its credentials.
        shown: the digest of the plan as the JSON shows it. This digest detects edits of the JSON.
        fingerprints: the fingerprints of the plan with its credentials, by action and address.
    """

    digest: str
    shown: str
    fingerprints: Mapping[str, str]

    @property
    def changes(self) -> frozenset[str]:
        """The fingerprints of the changes. The fingerprints of rejections are not included."""
        return frozenset(
            value for key, value in self.fingerprints.items() if not key.startswith("reject ")
        )

    def to_json(self) -> dict[str, JSON]:
        """Returns the values as JSON data, except `digest`, which the JSON of the plan contains."""
        return {"shown": self.shown, "fingerprints": dict(self.fingerprints)}

    @classmethod
    def from_json(cls, plan: Any) -> Original:
        """Creates the digests from the JSON data of a plan that has the key `original`.

        Raises:
            KeyError, TypeError: a key is missing, or a value has the wrong type.
        """
        data = plan["original"]
        return cls(plan["digest"], data["shown"], dict(data["fingerprints"]))
