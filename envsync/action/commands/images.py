"""Runs `lock` or `update`, and proposes the changed files as a pull request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from envsync.action.command_line import envsync
from envsync.action.markdown import MAX_COMMENT, cut, footer, size
from envsync.action.proposals import File
from envsync.action.pull_request import Proposal, notes, propose
from envsync.action.result import Result, failure
from envsync.git.repository import Repository, find_repository
from envsync.model.errors import EnvsyncError, UsageError

if TYPE_CHECKING:
    from envsync.action.event import Event
    from envsync.action.github import GitHub
    from envsync.action.inputs import Inputs


class _Changed(Struct, frozen=True):
    """The result of a command that changes files.

    Attributes:
        result: the result of the command.
        parent: the commit that was checked out.
        files: the changed files. Empty if the command has failed.
    """

    result: Result
    parent: str
    files: tuple[File, ...] = ()


def change_images(inputs: Inputs, event: Event, directory: Path, github: GitHub | None) -> Result:
    """Runs `lock` or `update`, and writes the changes to a pull request.

    Raises:
        UsageError: the step has no token, or runs for a pull request.
        EnvsyncError: the work tree already has changes, or somebody else has committed to the
            branch.
        GitHubError: GitHub returned an error.
    """
    command = inputs.command
    if github is None:
        raise UsageError(f"`command: {command}` needs a `token` that can write a branch.")
    if event.number is not None:
        raise UsageError(
            f"`command: {command}` opens a pull request, so it cannot run for a pull request. "
            "Start the workflow with `schedule` or `workflow_dispatch`."
        )
    changed = _run(inputs, directory)
    result = changed.result
    if result.has_changes is None:
        return result
    proposal = Proposal(command, inputs.directory, event.branch, changed.parent, changed.files)
    small = notes(github) + footer(inputs, event)
    url = propose(github, proposal, result.markdown(MAX_COMMENT - size(small)) + small)
    log = f"{result.log}\npull request: {url}" if url else result.log
    return replace(result, pull_request=url, log=log)


def _run(inputs: Inputs, directory: Path) -> _Changed:
    """Runs `lock` or `update` in the work tree.

    Raises:
        EnvsyncError: there is no repository, or the work tree has changes already.
    """
    repository = find_repository(directory)
    parent = repository.head or ""
    if before := _changed_paths(repository):
        raise EnvsyncError(
            f"The work tree has changes before `{inputs.command}` runs, for example in "
            f"{before[0]}. Run this step right after the checkout."
        )
    completed = envsync(directory, inputs.command, "--format", "markdown", *inputs.args)
    lines = completed.stdout.splitlines()
    if completed.code not in (0, 1) or not lines:
        return _Changed(failure(completed), parent)
    files = tuple(_file(repository, path) for path in _changed_paths(repository))
    count = len(files)
    changed = f"{count} file{'' if count == 1 else 's'} changed" if count else "No file changed"
    result = Result(
        code=completed.code,
        summary=f"{changed} by envsync {inputs.command}.",
        markdown=lambda limit: cut(lines, limit),
        log=f"{completed.stderr}{completed.stdout}",
        has_changes=bool(files),
    )
    return _Changed(result, parent, files)


def _changed_paths(repository: Repository) -> list[str]:
    """Returns the tracked files that differ from the current commit, relative to the top."""
    output = repository.run("diff", "--name-only", "-z", "--no-renames", "HEAD")
    return [path.decode(errors="surrogateescape") for path in output.split(b"\0") if path]


def _file(repository: Repository, path: str) -> File:
    """Returns the mode and the content of a file, as git would commit them."""
    listed = repository.run("ls-files", "--stage", "-z", "--", path)
    mode = listed.partition(b" ")[0].decode()
    # Git attributes, such as `* text=auto`, can change the content before git stores it.
    name = repository.run("hash-object", "-w", f"--path={path}", "--", str(repository.top / path))
    return File(path, mode, repository.run("cat-file", "blob", name.decode().strip()))
