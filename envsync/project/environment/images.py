"""What the text of a Docker image names."""

from __future__ import annotations


def is_pinned(image: str) -> bool:
    """Whether an image names a digest, or a tag other than `latest`.

    The text is `[host[:port]/]path[:tag][@digest]`; a colon before a `/` belongs to a port.
    """
    name, at, _ = image.partition("@")
    if at:
        return True
    tag = name.rpartition("/")[2].partition(":")[2]
    return bool(tag) and tag.lower() != "latest"
