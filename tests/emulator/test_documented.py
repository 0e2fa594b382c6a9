"""Compares docs/reference/emulator.md with the emulator."""

from __future__ import annotations

import re
from pathlib import Path

from envsync.emulator.serve import Emulator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "emulator.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def rows_below(heading: str) -> list[str]:
    """Returns the rows of the first table below a heading, without its header."""
    text = PAGE.partition(f"{heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None
    return table[0].splitlines()[2:]


def makefile_words(variable: str) -> list[str]:
    """Returns the words in a variable of the Makefile."""
    found = re.search(rf"^{variable} := (.*)$", MAKEFILE, re.MULTILINE)
    assert found is not None
    return found[1].split()


def test_every_variable_is_documented(serving: Emulator) -> None:
    documented = {
        name
        for row in rows_below("## What a client sees")
        for name in re.findall(r"`([A-Za-z_]+)`", row.split("|")[1])
    }

    assert documented == set(serving.variables)


def test_the_documented_versions_of_clients_are_installed_for_the_tests() -> None:
    versions = [
        version
        for row in rows_below("### Clients")
        for version in re.findall(r"\d[\w.]*\d", row.split("|")[2])
    ]

    assert versions == [
        "1.35",
        *makefile_words("AZURE_AI_ML"),
        *makefile_words("AZURE_CLI"),
        *makefile_words("AZURE_MGMT"),
        *makefile_words("AZURE_JS"),
        *makefile_words("AZURE_JS_IDENTITY"),
    ]
