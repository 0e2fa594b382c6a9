"""Fingerprints: digests that identify the changes and rejections of a plan.

An approval stays valid if a new plan contains only some of the approved changes. So each change of
the new plan is compared with the approved changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envsync.model.canonical import JSON, canonical_json, sha256_digest
from envsync.model.target import TargetIdentity

# An approval must stay valid if an edit does not change what is applied. Digests therefore ignore
# explanations and line numbers. For example, a new comment in a file changes line numbers.
_EXPLAINING: Final = frozenset(
    {"reason", "message", "fix", "source", "predecessor", "differs", "drifted"}
)

_LENGTH: Final = 40
"""Length of a fingerprint in hexadecimal digits.

The author of a pull request chooses both the reviewed and the merged files. So a shorter
fingerprint would be unsafe: the author could search for two changes with the same fingerprint.
"""


def effective(document: Mapping[str, JSON]) -> dict[str, JSON]:
    """Returns the JSON of a change or rejection without the keys that only explain it."""
    return {key: value for key, value in document.items() if key not in _EXPLAINING}


def fingerprint(project: str, target: TargetIdentity, document: Mapping[str, JSON]) -> str:
    """Returns the fingerprint of a change or rejection of a plan.

    Equal changes have different fingerprints if their projects or targets differ.

    Args:
        project: the project of the plan.
        target: the target of the plan.
        document: the change or rejection as JSON data.
    """
    data: JSON = [project, target.to_json(), effective(document)]
    digest = sha256_digest("envsync-change 1\n" + canonical_json(data))
    return digest.removeprefix("sha256:")[:_LENGTH]
