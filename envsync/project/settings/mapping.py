"""Reads settings from YAML nodes: checks types and choices, and fills in environment variables.

Problems are collected, not raised, so that one run shows the user all problems of a file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from envsync.model.problem import Problem
from envsync.model.wording import MAX_MESSAGE, nearest, printable
from envsync.project.settings.variables import check_reference, find_references, uses_variables
from envsync.project.yaml.nodes import (
    BOOL,
    INT,
    MAP,
    NULL,
    SEQ,
    STR,
    Entry,
    TextProblem,
    entries,
    problem_at,
    value,
)

MAX_PROBLEMS: Final = 100
"""Maximum number of problems of one settings file that are reported."""

MAX_ITEMS: Final = 1_000
"""Maximum number of items in one list, and of targets."""

_Word = TypeVar("_Word", bound=str)


class MappingReader(Struct, frozen=True):
    """Reads the values of one mapping of a settings file.

    Attributes:
        file: the file name in messages.
        environ: the environment variables for `${NAME}`.
        problems: the problems found so far. All readers of a file share this list.
        entries: the allowed keys that the mapping contains, each with its nodes. `open_mapping`
            sets this attribute.
        prefix: the start of the key names in messages, such as `targets.dev.`.
        allows_variables: True for the settings of targets. In other settings, `${NAME}` is an
            error.
    """

    file: str
    environ: Mapping[str, str]
    problems: list[Problem]
    entries: Mapping[str, Entry] = field(default_factory=dict)
    prefix: str = ""
    allows_variables: bool = False

    @property
    def has_room(self) -> bool:
        """False if the file has so many problems that further problems are not reported."""
        return len(self.problems) < MAX_PROBLEMS

    def add(self, rule: str, node: Node, message: str, *, fix: str) -> None:
        """Adds a problem at the start of a node."""
        self.add_problem(problem_at(rule, node, message, fix=fix))

    def add_problem(self, item: TextProblem) -> None:
        """Adds a problem. Every problem of a settings file is an error."""
        if not self.has_room:
            return  # the file is refused anyway
        if len(self.problems) == MAX_PROBLEMS - 1:
            message = f"The file has {MAX_PROBLEMS} problems or more."
            item = replace(item, message=message, fix="Correct the problems above first.")
        self.problems.append(
            Problem(
                rule=item.rule,
                severity="error",
                message=printable(item.message, MAX_MESSAGE),
                file=self.file,
                line=item.line,
                column=item.column,
                fix=printable(item.fix, MAX_MESSAGE),
            )
        )

    def name(self, key: str) -> str:
        """Returns the full name of a key for messages."""
        return f"`{self.prefix}{key}`"

    def string(self, key: str, default: str = "") -> str:
        """Returns the string of a key, with variables filled in.

        Returns the default if the key is absent or its value is invalid.
        """
        entry = self.entries.get(key)
        return default if entry is None else self.string_of(entry.value, key) or default

    def string_of(self, node: Node, key: str) -> str | None:
        """Returns the string in a node. Reports an empty or invalid string and returns None."""
        if not isinstance(node, ScalarNode) or node.tag != STR:
            scalar = isinstance(node, ScalarNode)
            fix = f'Put it in quotes: `"{node.value}"`.' if scalar else "Write a single string."
            self.add("wrong-type", node, f"{self.name(key)} must be a string.", fix=fix)
            return None
        text = self.fill_in(node)
        if text is not None and not text.strip():
            fix = (
                "Give the environment variable in this setting a value."
                if uses_variables(node)
                else "Write a value."
            )
            self.add("wrong-type", node, f"{self.name(key)} is empty.", fix=fix)
            return None
        return text

    def strings(self, key: str) -> tuple[str, ...]:
        """Returns the strings in a list, or an empty tuple if the key is absent or invalid."""
        entry = self.entries.get(key)
        if entry is None:
            return ()
        if not isinstance(entry.value, SequenceNode) or entry.value.tag != SEQ:
            message = f"{self.name(key)} must be a list."
            fix = "Write each item on its own line, after `- `."
            self.add("wrong-type", entry.value, message, fix=fix)
            return ()
        if len(entry.value.value) > MAX_ITEMS:
            message = f"{self.name(key)} has more than {MAX_ITEMS:,} items."
            fix = "Use fewer patterns, such as `name-*` for many names."
            self.add("invalid-config", entry.value, message, fix=fix)
            return ()
        found = (self.string_of(item, key) for item in entry.value.value)
        return tuple(text for text in found if text is not None)

    def choice(self, key: str, choices: Collection[_Word], default: _Word) -> _Word:
        """Returns one of `choices`, or the default if the key is absent or invalid."""
        entry = self.entries.get(key)
        return default if entry is None else self.choice_of(entry.value, key, choices) or default

    def choice_of(self, node: Node, key: str, choices: Collection[_Word]) -> _Word | None:
        """Returns the word in a node. Reports a word that is not in `choices` and returns None."""
        if isinstance(node, ScalarNode) and node.tag == BOOL and not value(node):
            text: str | None = "off"  # YAML 1.1 reads `off` without quotes as false
        else:
            text = self.string_of(node, key)
        found = next((word for word in choices if word == text), None)
        if text is None or found is not None:
            return found
        near = nearest(text, choices) if self.has_room else None
        words = ", ".join(f"`{word}`" for word in choices)
        fix = f"Did you mean `{near}`?" if near else f"Choose one of {words}."
        # The message shows `${NAME}` instead of the value, because the value can be a secret.
        message = f"{self.name(key)} cannot be `{node.value}`."
        self.add("invalid-config", node, message, fix=fix)
        return None

    def integer(self, key: str, default: int, *, at_most: int | None = None) -> int:
        """Returns the integer of a key, or the default if the key is absent or invalid.

        A negative integer is invalid.

        Args:
            key: the setting.
            default: the value to return if the setting is absent or invalid.
            at_most: the highest allowed integer. If None, every integer that is not negative is
                allowed.
        """
        entry = self.entries.get(key)
        if entry is None:
            return default
        node = entry.value
        number = value(node) if isinstance(node, ScalarNode) and node.tag == INT else None
        if isinstance(number, int) and 0 <= number <= (number if at_most is None else at_most):
            return number
        limits = "of at least 0" if at_most is None else f"from 0 to {at_most}"
        message = f"{self.name(key)} must be an integer {limits}."
        fix = f"Write a number without a unit, such as `{default}`."
        self.add("wrong-type", node, message, fix=fix)
        return default

    def fill_in(self, node: ScalarNode) -> str | None:
        """Replaces the variables in a string. Returns None if a variable cannot be replaced."""
        text: str = node.value
        if "${" not in text:
            return text
        parts: list[str] = []
        end = 0
        complete = True
        for match in find_references(text):
            if not self.has_room:
                return None
            parts.append(text[end : match.start()])
            end = match.end()
            name = match.group(1)
            if name is None:
                parts.append("${")
            elif problem := check_reference(
                node, match, self.environ, allowed=self.allows_variables
            ):
                self.add_problem(problem)
                complete = False
            else:
                # The value of a variable is not searched for variables, because it can contain `${`
                # as plain text.
                parts.append(self.environ[name])
        return "".join([*parts, text[end:]]) if complete else None


def open_mapping(
    parent: MappingReader, node: Node, *, prefix: str, known: Iterable[str] | None
) -> MappingReader | None:
    """Returns a reader of a mapping. Unknown and empty keys are reported and left out.

    Args:
        parent: the reader that collects the problems.
        node: the node that should be a mapping.
        prefix: the start of the key names in messages.
        known: the allowed keys. If None, every key is allowed.

    Returns:
        The reader. If the node is not a mapping, a problem is reported and the result is None.
    """
    if not isinstance(node, MappingNode) or node.tag != MAP:
        what = f"`{prefix.removesuffix('.')}`" if prefix else "The settings file"
        parent.add(
            "wrong-type", node, f"{what} must be a mapping.", fix="Write `key: value` lines."
        )
        return None
    words = None if known is None else sorted(known)
    found: dict[str, Entry] = {}
    for key, item in entries(node):
        name = f"`{prefix}{key.value}`"
        if key.tag != STR:
            message = f"The key {name} is not a string."
            parent.add("wrong-type", key, message, fix="Put it in quotes.")
        elif words is not None and key.value not in words:
            near = nearest(key.value, words) if parent.has_room else None
            fix = f"Did you mean `{near}`?" if near else f"Known settings: {', '.join(words)}."
            parent.add("unknown-field", key, f"The setting {name} does not exist.", fix=fix)
        elif item.tag == NULL:
            message = f"{name} has no value."
            parent.add("wrong-type", key, message, fix="Write a value, or remove the line.")
        else:
            found[key.value] = Entry(key, item)
    return MappingReader(
        file=parent.file,
        environ=parent.environ,
        problems=parent.problems,
        entries=found,
        prefix=prefix,
        allows_variables=parent.allows_variables,
    )
