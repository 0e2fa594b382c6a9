"""Probable references in Python and in notebooks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envsync.project.references.constants import MAX_VALUES
from tests.project.references.search import search, short

SDK = "from azure.ai.ml import command\n"

FOUND: dict[str, tuple[str, list[str]]] = {
    "argument": ('f(environment="azureml:a:1")\n', ["1:15 version azureml:a:1"]),
    "argument without the prefix": (
        SDK + 'command(environment="a@latest")\n',
        ["2:21 label a@latest"],
    ),
    "variable": ('ENV = "azureml:a:1"\nf(environment=ENV)\n', ["1:7 version azureml:a:1"]),
    "variable with another name": (
        'x = "azureml:a:1"\nf(environment=x)\n',
        ["2:15 version azureml:a:1"],
    ),
    "constants": (
        'NAME, V = "a", 2\nf(environment=f"azureml:{NAME}:{V}")\n',
        ["2:15 version azureml:a:2"],
    ),
    "sum of strings": (
        'NAME = "a"\nf(environment="azureml:" + NAME + "@latest")\n',
        ["2:15 label azureml:a@latest"],
    ),
    "unknown version": (
        "f(environment=f'azureml:a:{version}')\n",
        ["1:15 version azureml:a:{…}"],
    ),
    "format": (
        "f(environment='azureml:a:{}'.format(v))\n",
        ["1:15 version azureml:a:{}"],
    ),
    "percent": ("f(environment='azureml:a:%s' % v)\n", ["1:15 version azureml:a:{…}"]),
    "condition": (
        "f(environment='azureml:a:1' if gpu else 'azureml:b:1')\n",
        ["1:15 version azureml:a:1", "1:15 version azureml:b:1"],
    ),
    "default of a variable": (
        "import os\nenv = os.environ.get('E', 'azureml:a:1')\n",
        ["2:7 version azureml:a:1"],
    ),
    "default of a parameter": (
        "def f(x, environment='azureml:a:1', *, env='azureml:b:1'): ...\n",
        ["1:22 version azureml:a:1", "1:44 version azureml:b:1"],
    ),
    "default of an option": (
        "p.add_argument('--environment', default='azureml:a:1')\n",
        ["1:41 version azureml:a:1"],
    ),
    "key": ("x = {'environment': 'azureml:a:1'}\n", ["1:21 version azureml:a:1"]),
    "attribute": ("job.environment = 'azureml:a:1'\n", ["1:19 version azureml:a:1"]),
    "item": ("job['environment'] = 'azureml:a:1'\n", ["1:22 version azureml:a:1"]),
    "get with a version": (
        "c.environments.get('a', version='1')\n",
        ["1:20 version azureml:a:1"],
    ),
    "get with a label": (
        "NAME = 'a'\nc.environments.get(name=NAME, label='latest')\n",
        ["2:25 label azureml:a@latest"],
    ),
    "get of the first SDK": (
        "from azureml.core import Environment\nEnvironment.get(workspace=ws, name='a')\n",
        ["2:36 label azureml:a@latest"],
    ),
    "path": (
        "x = 'azureml://registries/r/environments/a/versions/1'\n",
        ["1:5 registry-version azureml://registries/r/environments/a/versions/1"],
    ),
    "attribute of an environment": (
        SDK + "e = Environment(name='a', version='1')\n"
        "command(environment=f'{e.name}:{e.version}')\n",
        ["3:21 version a:1"],
    ),
    "attribute of a registered environment": (
        SDK + "e = Environment(name='a', version='1')\n"
        "r = c.environments.create_or_update(e)\n"
        "command(environment=f'{r.name}:{r.version}')\n",
        ["4:21 version a:1"],
    ),
    "environment that is registered under its own name": (
        SDK + "e = Environment(name='a')\n"
        "e = c.environments.create_or_update(e)\n"
        "command(environment=f'{e.name}:{e.version}')\n",
        ["4:21 version a:{…}"],
    ),
    "environment that is registered where it is made": (
        SDK + "e = c.create_or_update(Environment(name='a', version=2))\n"
        "command(environment=f'{e.name}:{e.version}')\n",
        ["3:21 version a:2"],
    ),
    "column after a wide character": (
        "x = 'é'; f(environment='azureml:a:1')\n",
        ["1:24 version azureml:a:1"],
    ),
}

NOT_FOUND = {
    "docstring": '"""Use environment azureml:a:1."""\n',
    "comment": "# environment='azureml:a:1'\n",
    "stage": SDK + "deploy(environment='dev')\n",
    "bare name without the SDK": "deploy(environment='dev:1')\n",
    "tag": SDK + "command(tags={'environment': 'dev'})\n",
    "data": SDK + "Input(path='azureml:a:1')\n",
    "model": SDK + "f(model='azureml:a:1')\n",
    "get of a dict": "config.environments.get('dev')\n",
    "sentence about environments": "print('environment azureml:a:1')\n",
    "unknown name": "f(environment=env)\n",
    "not valid Python": "environment = 'azureml:a:1\n",
    "assigned to itself": "env = env + 'azureml:a:1'\n",
}


@pytest.mark.parametrize(("text", "expected"), FOUND.values(), ids=list(FOUND))
def test_references_in_python_are_probable(text: str, expected: list[str], tmp_path: Path) -> None:
    found = search(tmp_path, {"a.py": text})

    assert short(found) == expected
    assert {(item.certainty, item.user) for item in found} == {("probable", "python")}


@pytest.mark.parametrize("text", NOT_FOUND.values(), ids=list(NOT_FOUND))
def test_other_strings_in_python_are_no_references(text: str, tmp_path: Path) -> None:
    assert search(tmp_path, {"a.py": text}) == []


def test_the_evaluation_ends_if_names_have_many_values(tmp_path: Path) -> None:
    lines = [f"x{n} = x{n + 1} + 'a' if c else x{n + 1} + 'b'" for n in range(200)]
    text = "\n".join([*lines, "x200 = 'c'", "f(environment=f'azureml:e:{x0}')\n"])

    assert [item.name for item in search(tmp_path, {"a.py": text})] == ["e"] * MAX_VALUES


def test_an_ignore_comment_belongs_to_the_reference_on_its_line(tmp_path: Path) -> None:
    text = "env = 'azureml:a:1'  # envsync: ignore[floating-reference]\nenv = 'azureml:b:1'\n"

    assert [item.ignored for item in search(tmp_path, {"a.py": text})] == [
        {"floating-reference"},
        set(),
    ]


def notebook(*cells: tuple[str, str | list[str]]) -> str:
    return json.dumps(
        {"cells": [{"cell_type": kind, "source": source} for kind, source in cells]}, indent=1
    )


def test_a_reference_in_a_notebook_has_its_line_in_the_file(tmp_path: Path) -> None:
    text = notebook(
        ("markdown", ["environment='azureml:no:1'"]),
        ("code", ["%pip install x\n", "!az ml job create\n", "NAME = 'a'\n"]),
        ("code", ["%%bash\n", "environment='azureml:no:1'"]),
        ("code", ["def broken(:\n"]),
        ("code", ["%%time\n", "f(\n", "  environment=f'azureml:{NAME}:1')\n"]),
    )
    found = search(tmp_path, {"a.ipynb": text})
    line = 1 + next(n for n, line in enumerate(text.split("\n")) if "{NAME}" in line)

    assert short(found) == [f"{line}:5 version azureml:a:1"]
    assert {(item.certainty, item.user) for item in found} == {("probable", "notebook")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"cells": 1, "environment": 1}',
        '{"cells": [1, {"environment": 1}]}',
        '{"cells": [{"cell_type": "code", "source": 1}], "x": "environment"}',
    ],
)
def test_a_file_that_is_no_notebook_has_no_references(text: str, tmp_path: Path) -> None:
    assert search(tmp_path, {"a.ipynb": text}) == []


def test_the_code_of_a_notebook_can_be_one_string(tmp_path: Path) -> None:
    text = notebook(("code", "x = 1\nf(environment='azureml:a:1')\n"))

    assert [item.text for item in search(tmp_path, {"a.ipynb": text})] == ["azureml:a:1"]


@pytest.mark.parametrize(
    "text",
    [
        "environment = x" + ".y" * 1500 + "\n",
        "environment = 'azureml:' + " + " + ".join(["x"] * 900) + "\n",
        "environment = " + "f(" * 90 + "x" + ")" * 90 + "\n",
    ],
    ids=["attributes", "sum", "calls"],
)
def test_deeply_nested_code_is_searched(text: str, tmp_path: Path) -> None:
    found = search(tmp_path, {"a.py": text + "f(environment='azureml:a:1')\n"})

    assert [item.text for item in found if item.name] == ["azureml:a:1"]


def test_code_that_python_refuses_as_too_deep_has_no_references(tmp_path: Path) -> None:
    text = "f(environment='azureml:a:1')\nx = " + "(" * 5000 + ")" * 5000 + "\n"

    assert search(tmp_path, {"a.py": text}) == []
