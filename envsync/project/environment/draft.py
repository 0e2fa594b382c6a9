"""Reads one environment file into a draft: its values and its problems."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from yaml.nodes import MappingNode, Node

from envsync.model.declaration import Declaration, Source
from envsync.model.environment import Build, EnvironmentSpec, Metadata, OsType
from envsync.model.policy import Versions
from envsync.project.credentials import check_tags
from envsync.project.environment.conda import read_conda
from envsync.project.environment.fields import (
    ENVIRONMENT_FIELDS,
    MAX_TAGS,
    check_ignored,
    read_inference_config,
    read_mapping,
    read_os_type,
    read_string,
    read_tags,
)
from envsync.project.environment.identity import read_name, read_version
from envsync.project.environment.image_rules import check_image
from envsync.project.environment.paths import EnvironmentFile
from envsync.project.environment.policy import check_policy
from envsync.project.files import Conda, plain_field
from envsync.project.problems import Report
from envsync.project.yaml.nodes import Entry, Mark, TextProblem, entries


class Draft(Struct, frozen=True):
    """The result of reading one environment file.

    Attributes:
        report: the problems of the file.
        name: the name, or None if the file has no usable name.
        version: the version, or None if the file has no usable version.
        name_mark: the position of the `name` key, or None if the file has no such key.
        version_mark: the position of the `version` key, even if its value is invalid. None if the
            file has no such key.
        build_mark: the position of the value of `build.path`, or of the value of `build` if `build`
            has no `path`. None if the file has no `build`.
        spec: the fields that are fixed at creation, or None if one of these fields has an error.
        metadata: the description and the tags, or None if the file is not a mapping.
        file_reports: the problems of the conda file or of the Dockerfile. Drafts with the same file
            share its report.
    """

    report: Report
    name: str | None = None
    version: str | None = None
    name_mark: Mark | None = None
    version_mark: Mark | None = None
    build_mark: Mark | None = None
    spec: EnvironmentSpec | None = None
    metadata: Metadata | None = None
    file_reports: tuple[Report, ...] = ()

    @property
    def line(self) -> int:
        """The 1-based line of the `name` key, or 1 if the file has no such key."""
        return 1 if self.name_mark is None else self.name_mark.line

    def declaration(self) -> Declaration | None:
        """Returns the declaration, or None if the file, or a file that it names, has errors."""
        if self.name is None or self.spec is None or self.metadata is None:
            return None
        if any(report.has_errors for report in (self.report, *self.file_reports)):
            return None
        return Declaration(
            name=self.name,
            version=self.version,
            spec=self.spec,
            metadata=self.metadata,
            source=Source(self.report.file, self.line),
        )


def read_environment(file: EnvironmentFile, root: Node | None, versions: Versions) -> Draft:
    """Reads an environment file whose YAML is valid.

    Args:
        file: the environment file. The report of this file collects the problems.
        root: the outermost node, or None for an empty file.
        versions: the policy for files without `version`.
    """
    report = file.report
    if root is None:
        fix = "Write an environment, or remove the file."
        report.add_problem(TextProblem("yaml-syntax", "The file is empty.", fix=fix))
        return Draft(report)
    fields = read_mapping(report, root, "", known=ENVIRONMENT_FIELDS)
    if fields is None or not isinstance(root, MappingNode):
        return Draft(report)
    # `fields` contains only known fields with a value, and `keys` contains every key. A field
    # without a value is in `keys`, so the field is not also reported as missing.
    keys = {key.value: key for key, _ in entries(root)}
    name = read_name(report, fields["name"].value) if "name" in fields else None
    if "name" not in keys:
        message = "The environment has no name."
        report.add("missing-name", root, message, fix="Add a `name:` line.")
    version = read_version(report, fields["version"].value) if "version" in fields else None
    if versions == "explicit" and "version" not in keys:
        message = "The file has no version, and `versions: explicit` is set."
        key = keys.get("name", root)
        report.add("missing-version", key, message, fix="Add a `version:` line.")
    check_ignored(report, fields)
    metadata = _read_metadata(report, root, keys=keys, fields=fields)
    conda = read_conda(file, fields["conda_file"].value) if "conda_file" in fields else None
    build, dockerfile = None, None
    if "build" in fields:
        # Imported only here, because most environments have no `build`.
        from envsync.project.environment.build import read_build

        build, dockerfile = read_build(file, fields["build"])
    reports = (conda.report if conda else None, dockerfile)
    check_policy(file, fields, name=name, metadata=metadata, root=keys.get("name", root))
    return Draft(
        report,
        name=name,
        version=version,
        name_mark=_mark(keys.get("name")),
        version_mark=_mark(keys.get("version")),
        build_mark=_mark(_build_node(fields)),
        spec=_read_spec(file, root, keys=keys, fields=fields, conda=conda, build=build),
        metadata=metadata,
        file_reports=tuple(item for item in reports if item is not None),
    )


def _mark(node: Node | None) -> Mark | None:
    return None if node is None else Mark.of(node)


def _build_node(fields: Mapping[str, Entry]) -> Node | None:
    build = fields["build"].value if "build" in fields else None
    return plain_field(build, "path") or build


def _read_metadata(
    report: Report, root: Node, *, keys: Mapping[str, Node], fields: Mapping[str, Entry]
) -> Metadata:
    description = None
    if "description" in fields:
        description = read_string(report, fields["description"].value, "description")
    if description == "" or "description" not in keys:
        node = keys.get("description") or keys.get("name") or root
        message = "The environment has no description."
        fix = "Add a `description:` line that says what the environment is for."
        report.add("missing-description", node, message, fix=fix)
    tags = {}
    if "tags" in fields:
        tags = read_tags(report, fields["tags"].value)
        # `read_tags` has reported an error if there are more than `MAX_TAGS` tags.
        check_tags(report, fields["tags"].value, MAX_TAGS)
    return Metadata(description or None, tags)


def _read_spec(
    file: EnvironmentFile,
    root: Node,
    *,
    keys: Mapping[str, Node],
    fields: Mapping[str, Entry],
    conda: Conda | None,
    build: Build | None,
) -> EnvironmentSpec | None:
    """Returns the fields that are fixed at creation, or reports problems and returns None."""
    report = file.report
    image = _read_image(file, fields["image"].value) if "image" in fields else None
    if image and "build" in keys:
        message = "The environment has both `image` and `build`."
        report.add("image-or-build", keys["build"], message, fix="Remove `image` or `build`.")
    elif not image and "build" not in keys and (image is not None or "image" not in keys):
        # azure-ai-ml treats an empty string in `image` as a missing image.
        message = "The environment has neither `image` nor `build`."
        node = keys.get("image") or keys.get("name") or root
        report.add("image-or-build", node, message, fix="Add an `image:` or `build:` line.")
    if conda and "build" in keys:
        message = "`conda_file` cannot be combined with `build`."
        fix = "Remove `conda_file`, and install the packages in the Dockerfile."
        report.add("conda-with-build", keys["conda_file"], message, fix=fix)
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
    return EnvironmentSpec(
        image=image or None,
        conda_file=conda.text if conda else None,
        build=build,
        os_type=os_type,
        inference_config=inference,
    )


def _read_image(file: EnvironmentFile, node: Node) -> str | None:
    image = read_string(file.report, node, "image")
    for found in check_image(image, file.policy) if image else ():
        file.report.add(found.rule, node, found.message, fix=found.fix)
    return image
