"""One environment file to what it declares, with everything wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node

from envsync.model.declaration import Declaration, Source
from envsync.model.environment import EnvironmentSpec, Metadata, OsType
from envsync.model.policy import Versions
from envsync.project.environment.build import read_build
from envsync.project.environment.conda import read_conda
from envsync.project.environment.fields import (
    ENVIRONMENT_FIELDS,
    check_passed_over,
    read_inference_config,
    read_mapping,
    read_os_type,
    read_tags,
    read_text,
)
from envsync.project.environment.identity import read_name, read_version
from envsync.project.environment.pins import is_pinned
from envsync.project.environment.place import Place
from envsync.project.files import Conda
from envsync.project.problems import Report
from envsync.project.yaml.nodes import Entry, Finding, entries


@dataclass(frozen=True, slots=True)
class Draft:
    """What was made of one environment file.

    Attributes:
        report: the problems of the file.
        name: None where it has none.
        version: None where it has none.
        name_node: where the name stands; None where it has none.
        version_key: where `version` stands, however wrong it is; None where it does not.
        spec: None where it has errors.
        metadata: description and tags.
        conda_report: the problems of its conda file, which other environments may share.
    """

    report: Report
    name: str | None = None
    version: str | None = None
    name_node: Node | None = None
    version_key: Node | None = None
    spec: EnvironmentSpec | None = None
    metadata: Metadata | None = None
    conda_report: Report | None = None

    @property
    def line(self) -> int:
        """The 1-based line of the name."""
        return 1 if self.name_node is None else self.name_node.start_mark.line + 1

    def declaration(self) -> Declaration | None:
        """What the file declares; None where it has errors."""
        if self.name is None or self.spec is None or self.metadata is None:
            return None
        if self.report.has_errors or (self.conda_report and self.conda_report.has_errors):
            return None
        source = Source(self.report.file, self.line)
        return Declaration(self.name, self.version, self.spec, self.metadata, source)


def read_environment(place: Place, root: Node | None, versions: Versions) -> Draft:
    """Reads an environment file whose YAML is sound.

    Args:
        place: where it stands; its report takes the problems.
        root: the outermost node; None for an empty file.
        versions: what a file without `version` means.
    """
    report = place.report
    if root is None:
        fix = "Write an environment, or remove the file."
        report.add_finding(Finding("yaml-syntax", "The file is empty.", fix, 1, 1))
        return Draft(report)
    fields = read_mapping(report, root, "", ENVIRONMENT_FIELDS)
    if fields is None or not isinstance(root, MappingNode):
        return Draft(report)
    keys = {key.value: key for key, _ in entries(root)}
    name = read_name(report, fields["name"].value) if "name" in fields else None
    if "name" not in keys:
        report.add("missing-name", root, "The environment has no name.", "Add a `name:` line.")
    version = read_version(report, fields["version"].value) if "version" in fields else None
    if versions == "explicit" and "version" not in keys:
        message = "The file has no version, and `versions: explicit` is set."
        report.add("missing-version", keys.get("name", root), message, "Add a `version:` line.")
    check_passed_over(report, fields)
    metadata = _read_metadata(report, root, keys, fields)
    conda = read_conda(place, fields["conda_file"].value) if "conda_file" in fields else None
    spec = _read_spec(place, root, keys, fields, conda)
    return Draft(
        report,
        name,
        version,
        keys.get("name"),
        keys.get("version"),
        spec,
        metadata,
        conda.report if conda else None,
    )


def _read_metadata(
    report: Report, root: Node, keys: Mapping[str, Node], fields: Mapping[str, Entry]
) -> Metadata:
    description = None
    if "description" in fields:
        description = read_text(report, fields["description"].value, "description")
    if description == "" or "description" not in keys:
        where = keys.get("description") or keys.get("name") or root
        message = "The environment has no description."
        fix = "Add a `description:` line that says what it is for."
        report.add("missing-description", where, message, fix)
    tags = read_tags(report, fields["tags"].value) if "tags" in fields else {}
    return Metadata(description or None, tags)


def _read_spec(
    place: Place,
    root: Node,
    keys: Mapping[str, Node],
    fields: Mapping[str, Entry],
    conda: Conda | None,
) -> EnvironmentSpec | None:
    """What is fixed at creation; None where something in it is wrong, which is reported."""
    report = place.report
    image = _read_image(report, fields["image"].value) if "image" in fields else None
    build = read_build(place, fields["build"]) if "build" in fields else None
    if image and "build" in keys:
        message = "An environment has `image` or `build`, and this one has both."
        report.add("image-or-build", keys["build"], message, "Remove one of the two.")
    elif not image and "build" not in keys and (image is not None or "image" not in keys):
        message = "An environment needs an `image` or a `build`, and this one has neither."
        where = keys.get("image") or keys.get("name") or root
        report.add("image-or-build", where, message, "Add an `image:` line, or `build:`.")
    if conda and "build" in keys:
        message = "`conda_file` goes with `image`; a `build` has its packages from its Dockerfile."
        fix = "Remove it, and install the packages in the Dockerfile."
        report.add("conda-with-build", keys["conda_file"], message, fix)
    os_type: OsType | None = "Linux"
    if "os_type" in fields:
        os_type = read_os_type(report, fields["os_type"].value)
    inference = None
    if "inference_config" in fields:
        inference = read_inference_config(report, fields["inference_config"])
    if os_type is None or not (image or build) or (conda and conda.text is None):
        return None
    if inference is None and "inference_config" in keys:
        return None
    return EnvironmentSpec(image or None, conda.text if conda else None, build, os_type, inference)


def _read_image(report: Report, node: Node) -> str | None:
    image = read_text(report, node, "image")
    if image and not is_pinned(image):
        message = f"The image `{image}` names no fixed tag, so that builds will differ."
        fix = "Name a tag other than `latest`, or a digest."
        report.add("unpinned-image", node, message, fix)
    return image
