"""Shows one registered version as an environment file, with comments about the version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from envsync.model.canonical import JSON
from envsync.model.masking import masked
from envsync.model.wording import printable
from envsync.plan.in_use import means
from envsync.plan.ownership import belongs_to_service
from envsync.project.files import Files
from envsync.project.writing.document import Text, environment_text, extra_note
from envsync.render.paint import Paint, columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envsync.model.state import Container, RegisteredVersion
    from envsync.model.target import TargetIdentity
    from envsync.model.use import Use
    from envsync.project.settings.config import Config

_CONTEXT = "context"
"""The path of the build context in the shown file, if the target has no address for the context."""


class ShownVersion(Struct, frozen=True):
    """A registered version, and the files of the repository that use it.

    Attributes:
        container: the environment of the version.
        version: the version.
        uses: the uses of the version, sorted by file and position.
        warning: a sentence that says why the list of uses may be incomplete. Empty if the list is
            complete.
    """

    container: Container
    version: RegisteredVersion
    uses: tuple[Use, ...] = ()
    warning: str = ""

    @property
    def is_latest(self) -> bool:
        """True if `@latest` refers to this version."""
        return self.container.latest == self.version.version

    def to_json(self) -> dict[str, JSON]:
        """Returns the version as JSON data, as `show NAME:VERSION --format json` prints it."""
        return {
            **self.version.to_json(),
            "latest": self.is_latest,
            "uses": [use.to_json() for use in self.uses],
        }

    def to_yaml(self, place: Callable[[str], str], paint: Paint) -> str:
        """Returns the version as the text of an environment file that begins with comments.

        Credentials are hidden.

        Args:
            place: a function that returns a path as the user sees it.
            paint: a function that colours text.
        """
        comments = [paint("dim", f"# {line}") for line in columns(list(self._facts(place)))]
        return "\n".join([*comments, masked(self._file())])

    def _facts(self, place: Callable[[str], str]) -> Iterator[tuple[str, str]]:
        item = self.version
        provenance = item.environment.provenance
        state = "archived" if item.archived else "active"
        # A "hidden" version is not archived itself, but its environment is. If the environment is
        # restored, the version is active again.
        state = "hidden" if self.container.archived and not item.archived else state
        labels = ["@latest"] if self.is_latest else []
        labels += ["curated"] if belongs_to_service(self.container) else []
        facts = {
            "state": ", ".join([state, *labels]),
            "created": item.created[:19].replace("T", " "),
            "owner": item.owner,
            "source": provenance.source,
            "commit": provenance.commit,
            "digest": provenance.digest,
        }
        for name, value in facts.items():
            if value:
                yield name, printable(value)
        for number, use in enumerate(self.uses):
            probably = "" if use.certainty == "exact" else ", probably"
            where = f"{place(use.file)}:{use.line}"
            yield ("" if number else "used by"), printable(f"{where} ({use.user}{probably})")

    def _file(self) -> str:
        item = self.version
        spec = item.environment.spec
        notes = [*extra_note(item.extra.items())]
        path = None
        if spec.build is not None:
            context = spec.build.context
            path = context if isinstance(context, str) else item.context_uri
            if path is None and not isinstance(context, str):
                path = _CONTEXT
                digest = f" with the digest {context.digest}" if context.digest else ""
                notes.append(
                    f"`{_CONTEXT}` stands for the files of the build context{digest}. `envsync "
                    "import` writes them."
                )
        return environment_text(
            Text(
                item.environment.key.name,
                item.version,
                spec=spec,
                metadata=item.environment.metadata,
                build_path=path,
                notes=tuple(notes),
            )
        )


def with_uses(shown: ShownVersion, config: Config, target: TargetIdentity) -> ShownVersion:
    """Adds the files of the repository that use a version.

    If there is neither `envsync.yaml` nor an environments directory, no file is searched, because
    the working directory can be any directory.

    Args:
        shown: the version.
        config: the settings of the project. Errors in environment files do not matter.
        target: the target of the version.
    """
    if config.path is None and not any(path.is_dir() for path in config.directories):
        return shown
    # `envsync.git` is imported only here, because the import is slow.
    from envsync.git.references import references_below

    found = references_below(config.root, Files.below(config.root))
    uses = [
        item.use
        for item in found.references
        if item.name == shown.container.name
        and means(item, target)
        and (shown.is_latest if item.means_latest else item.version == shown.version.version)
    ]
    return replace(shown, uses=tuple(uses), warning=found.warning)
