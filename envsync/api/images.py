"""Finds the images of a project, asks their registries, and rewrites the files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from envsync.model.errors import EnvsyncError
from envsync.model.problem import Problem
from envsync.model.wording import MAX_MESSAGE, install, printable
from envsync.plan.image_findings import ImageFinding, asked, judge_images
from envsync.plan.selection import ensure_possible, selected
from envsync.project.images.dockerfile import read_dockerfile, rewrite_dockerfile
from envsync.project.images.environment_file import rewrite_environment_image
from envsync.project.images.find import find_images
from envsync.project.rules import Level

if TYPE_CHECKING:
    from envsync.images.resolve import Registries
    from envsync.model.declaration import Declaration
    from envsync.model.image import ImageUse
    from envsync.project.project import Project

_RULES: Final = {
    "unlocked": "image-unlocked",
    "unwritable": "image-unlocked",
    "moved": "image-moved",
    "missing": "image-missing",
}
_LOCK: Final = "Run `envsync lock`."


class Edits(Struct, frozen=True):
    """The new content of files.

    Attributes:
        contents: the new bytes of each changed file, by absolute path.
        written: the findings whose image references are rewritten.
        findings: all findings. An image reference that cannot be rewritten has the state
            `unwritable`.
    """

    contents: Mapping[Path, bytes]
    written: tuple[ImageFinding, ...]
    findings: tuple[ImageFinding, ...]


def images_of(
    project: Project, globs: Sequence[str], others: Iterable[str] = ()
) -> dict[ImageUse, tuple[Declaration, ...]]:
    """Returns the declarations that use each image, for environments whose names match a glob.

    Args:
        project: the result of `load_project`.
        globs: the patterns. If empty, every declared environment is included.
        others: further names that a glob can match.

    Raises:
        EnvsyncError: a glob matches neither a declared environment nor one of `others`.
    """
    ensure_possible(globs, project.declarations)
    names = {item.name for item in project.declarations} | set(others)
    kept = set(selected(names, globs, None, suffix="", declarations=project.declarations))
    return find_images(project, [item for item in project.declarations if item.name in kept])


def open_registries(warn: Callable[[str], None]) -> Registries:
    """Returns the container registries. Does not connect.

    Raises:
        EnvsyncError: the optional packages are not installed.
    """
    try:
        from envsync.images.resolve import Registries
    except ImportError as error:
        raise EnvsyncError(
            "Asking container registries needs the optional packages of envsync. Install them "
            f"with `{install('images')}`."
        ) from error
    return Registries(warn)


def find_locks(
    uses: Iterable[ImageUse], registries: Registries, advance: Callable[[int, int], None]
) -> tuple[ImageFinding, ...]:
    """Asks the registries for the digest of each tag.

    Args:
        uses: the images in files.
        registries: the result of `open_registries`.
        advance: a function that is called with the number of finished requests and the number of
            all requests.
    """
    uses = list(uses)
    return judge_images(
        uses, registries.digests((use.image.tagged for use in asked(uses)), advance)
    )


def edit_images(project: Project, findings: Sequence[ImageFinding], *, only_digest: bool) -> Edits:
    """Rewrites the files in memory.

    Raises:
        EnvsyncError: a file cannot be read.
    """
    contents: dict[Path, bytes] = {}
    failed: dict[ImageUse, str] = {}
    changes = {item.use: new for item in findings if (new := item.after(only_digest=only_digest))}
    for file in dict.fromkeys(use.file for use in changes):
        path = project.config.root / file
        data = before = _read(path)
        positions = [(use.line, use.column) for use in read_dockerfile(file, before)]
        for group in _groups(use for use in changes if use.file == file):
            try:
                if group[0].in_dockerfile:
                    numbers = {positions.index((use.line, use.column)): use for use in group}
                    wanted = {number: changes[use] for number, use in numbers.items()}
                    data = rewrite_dockerfile(file, data, wanted)
                else:
                    data = rewrite_environment_image(file, data, group[0], changes[group[0]])
            except EnvsyncError as error:
                failed.update(dict.fromkeys(group, str(error)))
        if data != before:
            contents[path] = data
    return Edits(
        contents,
        tuple(item for item in findings if item.use in changes and item.use not in failed),
        tuple(
            replace(item, state="unwritable", reason=failed[item.use], digest=None)
            if item.use in failed
            else item
            for item in findings
        ),
    )


def image_problems(
    findings: Iterable[ImageFinding], rules: Mapping[str, Level]
) -> tuple[Problem, ...]:
    """Returns a problem for each image that is not locked, has moved or does not exist."""
    return tuple(sorted(_problems(findings, rules), key=lambda item: item.order))


def _problems(findings: Iterable[ImageFinding], rules: Mapping[str, Level]) -> Iterator[Problem]:
    for item in findings:
        rule = _RULES.get(item.state) or ("image-unlocked" if item.is_unlocked else None)
        if rule is None or rules[rule] == "off" or rule in item.use.ignored:
            continue
        message, fix = _message(rule, item)
        level = rules[rule]
        yield Problem(
            rule=rule,
            severity="error" if level == "error" else "warning",
            message=printable(message, MAX_MESSAGE),
            file=item.use.file,
            line=item.use.line,
            column=item.use.column,
            fix=printable(fix, MAX_MESSAGE),
        )


def _message(rule: str, item: ImageFinding) -> tuple[str, str]:
    image = f"`{replace(item.use.image, digest=None)}`"
    if rule == "image-missing":
        return f"The registry does not have the image {image}.", "Correct the name or the tag."
    if rule == "image-moved":
        return (
            f"The tag of {image} has moved: the file has {item.use.image.digest}, and the registry "
            f"has {item.digest}.",
            _LOCK,
        )
    if item.state == "unwritable":
        return f"The image is not locked. {item.reason}", ""
    return f"The tag of {image} is not locked, so it can mean another image later.", _LOCK


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EnvsyncError(f"{path} cannot be read: {error.strerror or error}.") from error


def _groups(uses: Iterable[ImageUse]) -> list[list[ImageUse]]:
    """Returns the image references in a file, grouped by image.

    Several references to an image can share an `ARG`, so all of them are changed together.
    """
    groups: dict[str, list[ImageUse]] = {}
    for use in uses:
        groups.setdefault(use.text, []).append(use)
    return list(groups.values())
