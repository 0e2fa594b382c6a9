"""Finds the images that environment files and Dockerfiles name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envsync.project.files import ParsedFile
from envsync.project.images.dockerfile import read_dockerfile
from envsync.project.images.environment_file import read_environment_image

if TYPE_CHECKING:
    from envsync.model.declaration import Declaration, Source
    from envsync.model.image import ImageUse
    from envsync.project.project import Project


def find_images(
    project: Project, declarations: Iterable[Declaration]
) -> dict[ImageUse, tuple[Declaration, ...]]:
    """Returns every image of some declarations, with the declarations that use it.

    The images are in the field `image` and in the `FROM` lines of local build contexts. The result
    is sorted by file and line.

    Args:
        project: the result of `load_project`.
        declarations: declarations of the project.
    """
    users: dict[ImageUse, list[Declaration]] = {}
    for declaration in declarations:
        for source in (declaration.source, *declaration.copies):
            for use in _uses(project, declaration, source):
                users.setdefault(use, []).append(declaration)
    named = {
        replace(use, environments=tuple(dict.fromkeys(item.name for item in items))): tuple(items)
        for use, items in users.items()
    }
    return dict(sorted(named.items(), key=lambda item: (item[0].file, item[0].line)))


def _uses(project: Project, declaration: Declaration, source: Source) -> Iterator[ImageUse]:
    spec = declaration.spec
    if spec.image is not None:
        parsed = project.files.read(str(project.path(source)))
        if isinstance(parsed, ParsedFile):
            use = read_environment_image(source.file, parsed)
            if use is not None:
                yield use
    elif spec.build is not None and spec.local_context and spec.local_context.directory:
        path = os.path.join(spec.local_context.directory, spec.build.dockerfile_path)
        content = project.files.content(os.path.normpath(path))
        if isinstance(content, bytes):
            yield from read_dockerfile(project.files.display(os.path.normpath(path)), content)
