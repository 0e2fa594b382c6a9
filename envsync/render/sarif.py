"""Renders problems as SARIF, the format that GitHub code scanning reads.

Specification: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from envsync._version import __version__
from envsync.model.addresses import DOCUMENTATION
from envsync.model.wording import printable
from envsync.project.rules import COMPARED, ERRORS, IMAGES, REFERENCES, RULES, WARNINGS
from envsync.render.annotations import below

if TYPE_CHECKING:
    from envsync.model.canonical import JSON
    from envsync.model.problem import Problem

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"

_SENTENCES: Final = {**ERRORS, **WARNINGS, **REFERENCES, **IMAGES, **COMPARED}
_ROOT: Final = "%SRCROOT%"


def problems_sarif(problems: Iterable[Problem], prefix: str = "") -> JSON:
    """Returns a SARIF log with one run. The run describes only the rules of the problems.

    Args:
        problems: the problems, in the order in which they are shown.
        prefix: the project directory, relative to the root of the repository.
    """
    problems = list(problems)
    first = {item.rule: item for item in reversed(problems)}
    indices = {rule: index for index, rule in enumerate(sorted(first))}
    driver: dict[str, JSON] = {
        "name": "envsync",
        "version": __version__,
        "rules": [_rule(first[rule]) for rule in indices],
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                # The columns of problems count characters, but the default unit of SARIF is the
                # UTF-16 code unit.
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    _ROOT: {"description": {"text": "The root of the repository."}}
                },
                "results": [_result(item, indices[item.rule], prefix) for item in problems],
            }
        ],
    }


def _rule(found: Problem) -> JSON:
    """Returns the SARIF description of the rule that a problem violates."""
    # If `_SENTENCES` has no sentence for the rule, use the id of the rule.
    sentence = _SENTENCES.get(found.rule, found.rule)
    page = f"rules.md#{found.rule}" if found.rule in RULES else "rules.md"
    if found.rule in COMPARED:
        page = "commands.md#envsync-check"
    address = f"{DOCUMENTATION}/reference/{page}"
    level = RULES.get(found.rule, found.severity)
    return {
        "id": found.rule,
        "shortDescription": {"text": sentence},
        "help": {"text": f"{sentence} See {address}"},
        "helpUri": address,
        # SARIF's level for a rule that is off by default is "none".
        "defaultConfiguration": {"level": "none" if level == "off" else level},
    }


def _result(item: Problem, index: int, prefix: str) -> JSON:
    return {
        "ruleId": item.rule,
        "ruleIndex": index,
        "level": item.severity,
        "message": {"text": printable(f"{item.message} {item.fix}".rstrip())},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(below(prefix, item.file)),
                    "region": {"startLine": item.line, "startColumn": item.column},
                }
            }
        ],
    }


def _artifact(path: str) -> JSON:
    # Python represents a file name that is not UTF-8 with surrogates (PEP 383).
    uri = quote(path, errors="surrogateescape")
    # An absolute path is outside the repository, so it has no `uriBaseId`.
    return {"uri": f"file://{uri}"} if path.startswith("/") else {"uri": uri, "uriBaseId": _ROOT}
