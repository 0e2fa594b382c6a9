"""Large and repetitive files are searched for references with bounded work."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from envsync.git.references import references_below
from envsync.plan import reference_findings
from envsync.plan.reference_status import MAX_SUGGESTIONS, Declared, judge
from envsync.project.files import Files
from envsync.project.references import constants
from envsync.project.references.in_python import MAX_TOKENS
from envsync.project.references.templates import filled
from envsync.project.references.text import FILLER, MAX_REFERENCES, MAX_TEXT, read_text
from tests.builders import declared
from tests.project.project import write
from tests.project.references.search import SCHEMAS, search, short

LARGE = "import azureml\n" + "a = 1\n" * (MAX_TOKENS // 3)


@pytest.fixture
def no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the code was parsed")

    monkeypatch.setattr(ast, "parse", fail)


@pytest.mark.usefixtures("no_parser")
def test_large_code_is_searched_as_text(tmp_path: Path) -> None:
    code = LARGE + (
        "job(environment='azureml:a:1')\n"
        "x = 'azureml:b:1'\n"
        'é; env = f("azureml:c@latest")  # envsync: ignore[floating-reference]\n'
        "env = 'azureml:'\n"
    )

    found = search(tmp_path, {"train.py": code})

    first = LARGE.count("\n") + 1
    assert short(found) == [
        f"{first}:18 version azureml:a:1",
        f"{first + 2}:13 label azureml:c@latest",
    ]
    assert [item.certainty for item in found] == ["probable", "probable"]
    assert found[1].ignored == {"floating-reference"}


@pytest.mark.usefixtures("no_parser")
def test_a_notebook_with_large_code_is_searched_as_text(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "code", "source": [LARGE]},
        {"cell_type": "code", "source": ["env = 'azureml:a:1'"]},
    ]

    found = search(tmp_path, {"n.ipynb": json.dumps({"cells": cells}, indent=1)})

    assert [(item.text, item.line, item.user) for item in found] == [
        ("azureml:a:1", 12, "notebook")
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.py", "env = 'azureml:a:1'\n" * 1500),
        ("large.py", LARGE + "env = 'azureml:a:1'\n" * 1500),
        ("job.yml", SCHEMAS + "pipelineJob.schema.json\njobs:\n" + "".join(
            f"  k{n}: {{environment: 'azureml:a:1'}}\n" for n in range(1500)
        )),
        ("template.yml", "a: {{ b }}: c: d\n" + "environment: azureml:a:1\n" * 1500),
    ],
)  # fmt: skip
def test_a_file_has_a_bounded_number_of_references(name: str, text: str, tmp_path: Path) -> None:
    write(tmp_path, {name: text})

    found = references_below(tmp_path, Files.below(tmp_path))

    assert len(found.references) == MAX_REFERENCES
    assert found.warning == (
        f"Only 1,000 references are read from one file, and {name} can have more. Split the file."
    )


def test_the_length_of_joined_strings_is_bounded(tmp_path: Path) -> None:
    lines = [f"a{n + 1} = a{n} + a{n}\n" for n in range(40)]

    found = search(tmp_path, {"train.py": "a0 = 'azureml:'\n" + "".join(lines) + "env = a40\n"})

    assert found == []


def test_an_integer_that_python_refuses_to_print_is_no_reference(tmp_path: Path) -> None:
    code = f"env = f'azureml:a:{{v}}'\nv = 0x{'f' * 9000}\n"

    assert short(search(tmp_path, {"train.py": code})) == ["1:7 version azureml:a:{…}"]


def test_the_use_of_a_name_evaluates_a_bounded_number_of_assignments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated = 0
    evaluate = constants.Strings._evaluate

    def counted(strings: constants.Strings, node: ast.expr) -> list[str]:
        nonlocal evaluated
        evaluated += 1
        return evaluate(strings, node)

    monkeypatch.setattr(constants.Strings, "_evaluate", counted)

    names = constants.assigned(ast.walk(ast.parse("a = 'b'\n" * 3000)))
    search(tmp_path, {"train.py": "env = a\na = 'azureml:b:1'\n" * 3000})

    assert len(names["a"]) == 2 * constants.MAX_VALUES
    assert evaluated < 10_000


def test_each_part_of_a_long_line_is_decoded_once(tmp_path: Path) -> None:
    found = search(tmp_path, {"train.py": "env='azureml:é:1';env='azureml:a:1';" * 300})

    assert [item.column for item in found] == [36 * n + 23 for n in range(300)]


def test_a_similar_name_is_searched_for_a_bounded_number_of_references(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []
    monkeypatch.setattr(reference_findings, "nearest", lambda name, _: searched.append(name))
    references = search(
        tmp_path, {"train.py": "".join(f"env = 'azureml:a{n}:1'\n" for n in range(300))}
    )
    # Only with a declaration, a name that is not declared is a finding.
    judged = judge(references, Declared([declared("b", "1")]))

    assert all(item.finding is not None for item in judged)
    assert len(searched) == MAX_SUGGESTIONS


@pytest.mark.parametrize("part", ["${{", "{{", "__a", "$(", "@"])
def test_a_text_that_is_too_long_is_no_reference(part: str) -> None:
    assert read_text("azureml:" + part * MAX_TEXT).form == "invalid"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {{ b }} {{ c", f"a {FILLER * 7} {{{{ c"),
        ("{{ a\n{{ b }}", f"{{{{ a\n{FILLER * 7}"),
        ("{% a %} {{ b }} {% c", f"{' ' * 8}{FILLER * 7} {{% c"),
        ("{# a\nb #}c", "    \n    c"),
    ],
)
def test_a_placeholder_without_an_end_is_kept(text: str, expected: str) -> None:
    assert filled(text.encode()).decode() == expected
