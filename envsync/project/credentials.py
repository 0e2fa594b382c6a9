"""Reports credentials in environment files, conda files, Dockerfiles, tags and build contexts.

A message names the kind of a credential and its line, but never shows the credential.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING, Final

from yaml.nodes import MappingNode, Node, ScalarNode

from envsync.model.secrets import Secret, find_secrets
from envsync.project.files import ParsedFile, fields
from envsync.project.memo import Memo
from envsync.project.problems import Report
from envsync.project.yaml.nodes import TextProblem, entries

if TYPE_CHECKING:
    from envsync.project.context.credentials import FoundInFile

_BREAK: Final = "[\n\x85\u2028\u2029]"  # the line breaks of YAML 1.1
_REVOKE: Final = "and revoke it: everybody who can read the repository or its history has it"


def check_text(report: Report, text: str, parsed: ParsedFile | None = None, *, memo: Memo) -> None:
    """Reports the credentials in the text of an environment file or a conda file.

    Args:
        report: the report of the file.
        text: the text of the file.
        parsed: the environment file, or None for a conda file. Credentials in the tags of the
            environment file are left out, because the rule `secret-in-tag` reports them.
        memo: keeps the credentials of texts.
    """
    secrets = memo.result(find_secrets, text)
    if not secrets:
        return
    tags = fields(parsed).get("tags") if parsed is not None else None
    starts = [0, *(match.end() for match in re.finditer(_BREAK, text))]
    for secret in secrets:
        if _is_inside(secret, tags):
            continue
        line = bisect_right(starts, secret.start)
        problem = TextProblem(
            "secret-in-file",
            f"The file contains {secret.kind}.",
            fix=f"Remove it, {_REVOKE}.",
            line=line,
            column=secret.start - starts[line - 1] + 1,
        )
        report.add_problem(problem)


def check_tags(report: Report, tags: Node, most: int) -> None:
    """Reports the credentials in the keys and values of tags.

    Args:
        report: the report of the file.
        tags: the value of `tags`.
        most: the maximum number of tags to search. Searching many tags would take seconds.
    """
    pairs = entries(tags) if isinstance(tags, MappingNode) else ()
    for key, item in islice(pairs, most):
        for node in (key, item):
            for secret in find_secrets(node.value) if isinstance(node, ScalarNode) else ():
                message = f"The tag contains {secret.kind}."
                fix = f"Remove it, {_REVOKE}. Everybody who can read the target has it as well."
                report.add("secret-in-tag", node, message, fix=fix)


def report_dockerfile(report: Report, node: Node, found: FoundInFile) -> None:
    """Reports a credential in a Dockerfile.

    Args:
        report: the report of the environment file.
        node: the node of the environment file that names the Dockerfile.
        found: the credential.
    """
    message = f"The Dockerfile {found}."
    report.add("secret-in-file", node, message, fix=f"Remove it, {_REVOKE}.")


def _is_inside(secret: Secret, node: Node | None) -> bool:
    return node is not None and (
        node.start_mark.index <= secret.start and secret.end <= node.end_mark.index
    )
