"""`Reference`: a place in a file that uses an environment, such as `environment:` of a job."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from envsync.model.canonical import JSON
from envsync.model.environment import EnvironmentSpec
from envsync.model.use import Certainty, Use, User
from envsync.model.value import Value

Form: TypeAlias = Literal[
    "version",
    "label",
    "name",
    "registry-version",
    "registry-label",
    "arm-version",
    "arm-label",
    "inline",
    "file",
    "template",
    "invalid",
]
"""The form in which a reference is written. docs/reference/references.md describes each form.

A `template` contains a placeholder in place of the name, and an `invalid` reference is a text that
azure-ai-ml refuses.
"""

LATEST: Final = "latest"
"""The label of the version that was created last, and the only label of azure-ai-ml."""


class Inline(Value, frozen=True):
    """An environment that a job or deployment defines in place, and that has no name.

    Attributes:
        image: the image, as written.
        conda_file: the path of the conda file. `(inline)` if the specification is written in place.
        build: the path of the build context.
        spec: the fields that are fixed at creation. None if they were not read or have an error.
    """

    uncompared = ("spec",)
    unshown = ("spec",)

    image: str | None = None
    conda_file: str | None = None
    build: str | None = None
    spec: EnvironmentSpec | None = None

    @property
    def summary(self) -> str:
        """The image, conda file and build of the environment, in one line."""
        parts = {"image": self.image, "conda_file": self.conda_file, "build": self.build}
        return ", ".join(f"{key} {value}" for key, value in parts.items() if value) or "nothing"

    def to_json(self) -> dict[str, JSON]:
        """Returns the environment as JSON data."""
        return {"image": self.image, "conda_file": self.conda_file, "build": self.build}


class Reference(Struct, frozen=True):
    """One use of an environment in a file of the repository.

    Attributes:
        file: path relative to the project directory, with `/`. Starts with `../` for files of the
            repository that are outside of the project.
        line: the number of the line, from 1.
        column: the number of the character in the line, from 1.
        text: the reference as it is written. For an inline environment, what it contains.
        form: how the reference is written.
        certainty: whether azure-ai-ml certainly reads this reference.
        user: the kind of file or asset that uses the environment.
        place: the path of the field in the file, such as `jobs.train.environment`. For Python, the
            name of the argument, key or variable.
        name: the name of the environment. None if the reference names none.
        version: the version. None if the reference has a label, or a placeholder as its version.
        label: the label. None if the reference has a version.
        registry: the registry in lower case. None for an environment of a workspace.
        workspace: for an ARM id, the id of the workspace in lower case.
        inline: for the forms `inline` and `file`, what the environment contains.
        ignored: the rules that an ignore comment turns off on this line.
    """

    file: str
    line: int
    column: int
    text: str
    form: Form
    certainty: Certainty = "exact"
    user: User = "unknown"
    place: str = ""
    name: str | None = None
    version: str | None = None
    label: str | None = None
    registry: str | None = None
    workspace: str | None = None
    inline: Inline | None = None
    ignored: frozenset[str] = frozenset()

    @property
    def where(self) -> str:
        """`file:line` of the reference."""
        return f"{self.file}:{self.line}"

    @property
    def is_floating(self) -> bool:
        """True if the registered version that the reference means can change."""
        return self.form in ("label", "registry-label", "arm-label", "name")

    @property
    def means_latest(self) -> bool:
        """True if the reference means the version that was created last."""
        return self.label == LATEST or self.form == "name"

    @property
    def use(self) -> Use:
        """The reference as a plan shows it."""
        return Use(self.file, self.line, self.user, self.certainty)

    @property
    def order(self) -> tuple[str, int, int]:
        """The sort key of references: file, line and column."""
        return self.file, self.line, self.column
