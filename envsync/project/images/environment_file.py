"""Reads the field `image` of an environment file, and rewrites it in place."""

from __future__ import annotations

from msgspec.structs import replace
from yaml.nodes import ScalarNode

from envsync.model.image import Image, ImageUse
from envsync.project.files import ParsedFile, nested_field
from envsync.project.images.comments import tag_in, track_in, with_tag
from envsync.project.problems import ignored_rules
from envsync.project.rewrite import rewrite_image


def read_environment_image(file: str, parsed: ParsedFile) -> ImageUse | None:
    """Returns the image of an environment file, or None if the file has no image.

    Args:
        file: the path in the result.
        parsed: the environment file, which has no errors.
    """
    node = nested_field(parsed, parsed.content, "image")
    if not isinstance(node, ScalarNode):
        return None
    image = Image.parse(node.value)
    line = node.start_mark.line + 1
    # A comment about the image is at the end of the last line of the value.
    last = parsed.document.text.split("\n")[node.end_mark.line - (not node.end_mark.column)]
    only_digest = image.tag is None and image.digest is not None
    if only_digest:
        image = replace(image, tag=tag_in(last))
    return ImageUse(
        file=file,
        line=line,
        column=node.start_mark.column + 1,
        image=image,
        only_digest=only_digest,
        track=track_in(last),
        ignored=ignored_rules(parsed.document).get(line, frozenset()),
    )


def rewrite_environment_image(file: str, data: bytes, before: ImageUse, after: ImageUse) -> bytes:
    """Replaces the image in an environment file. All other bytes stay the same.

    Raises:
        EnvsyncError: the file has changed, or the image cannot be replaced without changing other
            values.
    """
    tag = after.image.tag if after.only_digest else None
    comment = None if tag is None else lambda line: with_tag(line, tag)
    return rewrite_image(file, data, before=before.text, after=after.text, comment=comment)
