"""What docs/emulator.md says of the emulator, compared with the emulator."""

from __future__ import annotations

import re
from pathlib import Path

from envsync.emulator.serve import Emulator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "emulator.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def rows_below(heading: str) -> list[str]:
    """The rows of the first table below a heading, without those of its head."""
    text = PAGE.partition(f"{heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None
    return table[0].splitlines()[2:]


def made(variable: str) -> list[str]:
    """What a variable of the Makefile names."""
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


def test_the_clients_are_those_that_the_tests_install() -> None:
    versions = [
        version
        for row in rows_below("### Clients")
        for version in re.findall(r"\d[\w.]*\d", row.split("|")[2])
    ]

    assert versions == [
        "1.35",
        *made("AZURE_AI_ML"),
        *made("AZURE_CLI"),
        *made("AZURE_MGMT"),
        *made("AZURE_JS"),
        *made("AZURE_JS_IDENTITY"),
    ]
