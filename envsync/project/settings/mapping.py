"""Reading settings out of YAML nodes: types, choices, environment variables, and what is wrong.

Everything wrong is collected, so that one run shows all of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from envsync.model.problem import Problem
from envsync.model.wording import MAX_MESSAGE, nearest, printable
from envsync.project.yaml.nodes import (
    BOOL,
    INT,
    MAP,
    NULL,
    SEQ,
    STR,
    Entry,
    Finding,
    entries,
    finding,
    value,
)

_Word = TypeVar("_Word", bound=str)

_VARIABLE: Final = re.compile(r"\$(?:\$\{|\{([^}]*)(\}?))")
_VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Settings:
    """One mapping of a settings file, being read.

    Attributes:
        file: as it is shown in problems.
        environ: the environment variables that `${NAME}` takes.
        entries: its known keys with their values; filled by `open_mapping`.
        problems: what was found wrong so far, shared by all mappings of a file.
        prefix: of the names of its keys, such as `targets.dev.`.
    """

    file: str
    environ: Mapping[str, str]
    problems: list[Problem]
    entries: Mapping[str, Entry] = field(default_factory=dict)
    prefix: str = ""

    def add(self, rule: str, node: Node, message: str, fix: str) -> None:
        """Notes a problem at the start of a node."""
        self.add_finding(finding(rule, node, message, fix))

    def add_finding(self, item: Finding) -> None:
        """Notes a problem. All of them are errors here."""
        message, fix = printable(item.message, MAX_MESSAGE), printable(item.fix, MAX_MESSAGE)
        problem = Problem(item.rule, "error", message, self.file, item.line, item.column, fix)
        self.problems.append(problem)

    def name(self, key: str) -> str:
        """A key with those above it, as messages show it."""
        return f"`{self.prefix}{key}`"

    def text(self, key: str, default: str = "") -> str:
        """A text that is not empty, its variables filled in; the default where there is none."""
        entry = self.entries.get(key)
        return default if entry is None else self.text_of(entry.value, key) or default

    def text_of(self, node: Node, key: str) -> str | None:
        """The same of a node; None where it is none, which is noted."""
        if not isinstance(node, ScalarNode) or node.tag != STR:
            scalar = isinstance(node, ScalarNode)
            fix = f'Put it in quotes: `"{node.value}"`.' if scalar else "Write one text."
            self.add("wrong-type", node, f"{self.name(key)} must be a text.", fix)
            return None
        text = self._fill_in(node)
        if text is not None and not text.strip():
            fix = "Set its environment variable." if uses_variables(node) else "Give it a value."
            self.add("wrong-type", node, f"{self.name(key)} is empty.", fix)
            return None
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty where there is none."""
        entry = self.entries.get(key)
        if entry is None:
            return ()
        if not isinstance(entry.value, SequenceNode) or entry.value.tag != SEQ:
            message = f"{self.name(key)} must be a list."
            self.add("wrong-type", entry.value, message, "Write each on a line, after `- `.")
            return ()
        found = (self.text_of(item, key) for item in entry.value.value)
        return tuple(text for text in found if text is not None)

    def choice(self, key: str, choices: Collection[_Word], default: _Word) -> _Word:
        """One of several words; the default where there is none."""
        entry = self.entries.get(key)
        return default if entry is None else self.choice_of(entry.value, key, choices) or default

    def choice_of(self, node: Node, key: str, choices: Collection[_Word]) -> _Word | None:
        """The same of a node; None where it is none of them, which is noted."""
        if isinstance(node, ScalarNode) and node.tag == BOOL and not value(node):
            text: str | None = "off"  # YAML 1.1 reads a bare `off` as false
        else:
            text = self.text_of(node, key)
        found = next((word for word in choices if word == text), None)
        if text is None or found is not None:
            return found
        near = nearest(text, choices)
        words = ", ".join(f"`{word}`" for word in choices)
        fix = f"Did you mean `{near}`?" if near else f"Write one of {words}."
        self.add("invalid-config", node, f"{self.name(key)} cannot be `{node.value}`.", fix)
        return None

    def percent(self, key: str, default: int) -> int:
        """A whole number from 0 to 100; the default where there is none."""
        entry = self.entries.get(key)
        if entry is None:
            return default
        node = entry.value
        number = value(node) if isinstance(node, ScalarNode) and node.tag == INT else None
        if isinstance(number, int) and 0 <= number <= 100:
            return number
        message = f"{self.name(key)} must be a whole number from 0 to 100."
        self.add("wrong-type", entry.value, message, "Write a number, without `%`.")
        return default

    def _fill_in(self, node: ScalarNode) -> str | None:
        """The text with `${NAME}` replaced and `$${` made `${`; None where that cannot be done."""
        text: str = node.value
        parts: list[str] = []
        end = 0
        whole = True
        for match in _VARIABLE.finditer(text):
            parts.append(text[end : match.start()])
            end = match.end()
            name = match.group(1)
            if name is None:
                parts.append("${")
            elif not _is_variable(match):
                message = f"`{match.group()}` names no environment variable."
                fix = "Write `${NAME}`, or `$${` for the characters themselves."
                self.add_finding(_within(node, match.start(), "invalid-config", message, fix))
                whole = False
            elif name not in self.environ:
                message = f"The environment variable `{name}` is not set."
                fix = "Set it, or write the value here."
                self.add_finding(_within(node, match.start(), "unset-variable", message, fix))
                whole = False
            else:
                parts.append(self.environ[name])
        return "".join([*parts, text[end:]]) if whole else None


def open_mapping(
    above: Settings, node: Node, prefix: str, known: Iterable[str] | None
) -> Settings | None:
    """The settings in a mapping; keys that are unknown or have no value are noted and left out.

    Args:
        above: takes the problems.
        node: what should be a mapping.
        prefix: of the names of its keys.
        known: the keys that it may have; None for any.

    Returns:
        None where the node is no mapping, which is noted.
    """
    if not isinstance(node, MappingNode) or node.tag != MAP:
        what = f"`{prefix.removesuffix('.')}`" if prefix else "The file"
        above.add("wrong-type", node, f"{what} must be a mapping.", "Write `key: value` lines.")
        return None
    words = None if known is None else sorted(known)
    found: dict[str, Entry] = {}
    for key, item in entries(node):
        name = f"`{prefix}{key.value}`"
        if key.tag != STR:
            above.add("wrong-type", key, f"The key {name} is not a text.", "Put it in quotes.")
        elif words is not None and key.value not in words:
            near = nearest(key.value, words)
            fix = f"Did you mean `{near}`?" if near else f"Known are {', '.join(words)}."
            above.add("unknown-field", key, f"There is no setting {name}.", fix)
        elif item.tag == NULL:
            message = f"{name} has no value."
            above.add("wrong-type", key, message, "Give it one, or remove the line.")
        else:
            found[key.value] = Entry(key, item)
    return Settings(above.file, above.environ, above.problems, found, prefix)


def uses_variables(node: Node) -> bool:
    """Whether a value has environment variables in it, all of them written well."""
    if not isinstance(node, ScalarNode):
        return False
    found = [match for match in _VARIABLE.finditer(node.value) if match.group(1) is not None]
    return bool(found) and all(_is_variable(match) for match in found)


def _is_variable(match: re.Match[str]) -> bool:
    return bool(match.group(2)) and _VARIABLE_NAME.fullmatch(match.group(1)) is not None


def _within(node: ScalarNode, index: int, rule: str, message: str, fix: str) -> Finding:
    """A finding at a character of a text, where it can be told; at its start elsewhere."""
    column = node.start_mark.column + 1
    if node.start_mark.line == node.end_mark.line:
        column += index + (1 if node.style else 0)
    return Finding(rule, message, fix, node.start_mark.line + 1, column)
