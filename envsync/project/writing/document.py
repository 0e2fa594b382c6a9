"""Generates the text of an environment file and a conda file, as a person would write them."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.environment import EnvironmentSpec, Metadata
from envsync.model.wording import printable
from envsync.project.writing.block_style import Styled, Written, yaml_text
from envsync.project.writing.scalars import prose, quoted, quoted_if_needed, styled

SCHEMA: Final = "https://azuremlschemas.azureedge.net/latest/environment.schema.json"

_CONDA_ORDER: Final = ("name", "channels", "dependencies", "variables", "prefix")
"""The order of the keys in conda's documentation. The service does not keep the order of a file."""

# Matches the names with which the service replaced the `name` of every conda file in 2022, as
# recorded responses show. A plan ignores such a name.
_SERVICE_NAME: Final = re.compile(r"azureml_[0-9a-f]{32}")

_COMMENT_COLUMNS: Final = 96


class Text(Struct, frozen=True):
    """The values of one environment file.

    Attributes:
        name: the name.
        version: the version. If None, the file has no `version`.
        spec: the spec. `build_path` is written instead of the build context of the spec.
        metadata: the description and the tags.
        conda_path: the path of the conda file. If None, the environment file contains the conda
            specification.
        build_path: the directory or the URL of the build context.
        notes: sentences for a comment at the start of the file.
    """

    name: str
    version: str | None
    spec: EnvironmentSpec
    metadata: Metadata
    conda_path: str | None = None
    build_path: str | None = None
    notes: tuple[str, ...] = ()


def environment_text(content: Text) -> str:
    """Returns the text of an environment file, with the fields in the order of the docs."""
    spec = content.spec
    fields: dict[str | Styled, Written] = {
        "$schema": SCHEMA,
        "name": quoted_if_needed(content.name),
    }
    if content.version is not None:
        # A version such as `1.10` needs quotes. All other versions have quotes as well, because a
        # user changes the version in place, and the next version possibly needs quotes.
        fields["version"] = quoted(content.version)
    if content.metadata.description is not None:
        fields["description"] = prose(content.metadata.description)
    if spec.image is not None:
        fields["image"] = quoted_if_needed(spec.image)
    if spec.build is not None and content.build_path is not None:
        build: dict[str, JSON] = {"path": content.build_path}
        if spec.build.dockerfile_path != "Dockerfile":
            build["dockerfile_path"] = spec.build.dockerfile_path
        fields["build"] = styled(build)
    if spec.conda_file is not None:
        path = content.conda_path
        fields["conda_file"] = _conda(spec.conda_file) if path is None else quoted_if_needed(path)
    if spec.os_type != "Linux":
        fields["os_type"] = spec.os_type.lower()
    if spec.inference_config is not None:
        fields["inference_config"] = styled(spec.inference_config.to_json())
    if content.metadata.tags:
        fields["tags"] = {
            quoted_if_needed(key): quoted_if_needed(value)
            for key, value in content.metadata.tags.items()
        }
    return _comment(content.notes) + yaml_text(fields)


def conda_text(conda_file: str) -> str:
    """Returns the text of a conda file.

    Args:
        conda_file: the canonical JSON of the conda specification.
    """
    return yaml_text(_conda(conda_file))


def extra_note(extra: Iterable[tuple[str, JSON]]) -> Iterator[str]:
    """Yields one sentence that lists the fields that a file cannot declare, if there are any.

    Args:
        extra: the path and the value of each field.
    """
    listed = ", ".join(f"{printable(key)} ({_shown(value)})" for key, value in extra)
    if listed:
        yield f"The registered version has fields that a file cannot declare: {listed}."


def _shown(value: JSON) -> str:
    return printable(json.dumps(value, ensure_ascii=False), 60)


def _conda(conda_file: str) -> Written:
    data = json.loads(conda_file)
    if not isinstance(data, dict):
        return styled(data)
    if _SERVICE_NAME.fullmatch(str(data.get("name", ""))):
        del data["name"]
    known = [key for key in _CONDA_ORDER if key in data]
    return styled({key: data[key] for key in dict.fromkeys((*known, *data))})


def _comment(notes: Iterable[str]) -> str:
    return "".join(
        f"{line}\n"
        for note in notes
        for line in textwrap.wrap(
            printable(note),
            _COMMENT_COLUMNS,
            initial_indent="# ",
            subsequent_indent="# ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    )
