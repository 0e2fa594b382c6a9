"""The text of environment files and conda files that envsync writes."""

from __future__ import annotations

import io
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from envsync.model.canonical import JSON, canonical_json
from envsync.model.environment import (
    Build,
    EnvironmentSpec,
    InferenceConfig,
    Metadata,
    Route,
)
from envsync.project.writing.document import Text, conda_text, environment_text, extra_note
from envsync.project.writing.scalars import MAX_BLOCK

IMAGE = EnvironmentSpec(image="mcr.microsoft.com/base:1")


def text(name: str = "a", version: str | None = "1", **values: Any) -> str:
    metadata = Metadata(values.pop("description", None), values.pop("tags", {}))
    spec = values.pop("spec", IMAGE)
    return environment_text(Text(name, version, spec, metadata, **values))


def newer(written: str) -> Any:
    """Reads YAML 1.2, as editors and other tools do."""
    return YAML(typ="safe", pure=True).load(io.StringIO(written))


def test_a_file_has_the_order_and_the_style_of_the_documentation() -> None:
    route = Route("/", 8080)
    spec = EnvironmentSpec(
        image="mcr.microsoft.com/base:1",
        conda_file=canonical_json(
            {
                "dependencies": ["python=3.11", "pip", {"pip": ["numpy==2.1.0"]}],
                "channels": ["conda-forge"],
                "name": "pydata",
            }
        ),
        os_type="Windows",
        inference_config=InferenceConfig(route, route, route),
    )
    written = text(
        "sklearn-1.5",
        "1.10",
        spec=spec,
        description="Notebooks.",
        tags={"python": "3.10", "team": "data", "empty": ""},
    )

    assert (
        written
        == """\
$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json
name: sklearn-1.5
version: "1.10"
description: Notebooks.
image: mcr.microsoft.com/base:1
conda_file:
  name: pydata
  channels:
    - conda-forge
  dependencies:
    - python=3.11
    - pip
    - pip:
        - numpy==2.1.0
os_type: windows
inference_config:
  liveness_route:
    path: /
    port: 8080
  readiness_route:
    path: /
    port: 8080
  scoring_route:
    path: /
    port: 8080
tags:
  python: "3.10"
  team: data
  empty: ""
"""
    )


def test_a_build_has_a_dockerfile_path_only_if_the_path_is_not_the_default() -> None:
    plain = EnvironmentSpec(build=Build("unused"))
    other = EnvironmentSpec(build=Build("unused", "docker/Dockerfile"))

    assert text(spec=plain, build_path="context").endswith("build:\n  path: context\n")
    assert text(spec=other, build_path="context").endswith(
        "build:\n  path: context\n  dockerfile_path: docker/Dockerfile\n"
    )


def test_a_file_without_a_version_has_no_version() -> None:
    assert "version" not in text(version=None)


def test_a_description_of_several_lines_is_a_block() -> None:
    assert "description: |\n  First.\n\n  - second\n" in text(
        description="First.\n\n- second\n", tags={"a": "b"}
    )


def test_a_long_description_is_folded() -> None:
    sentence = "An environment for the training of the churn model on one node with a GPU. "
    long = (sentence * 3).strip()
    written = text(description=long)

    assert "description: >-\n" in written
    assert max(map(len, written.splitlines())) < 100
    assert yaml.safe_load(written)["description"] == long


@pytest.mark.parametrize("part", ["word ", "line\n", "'\n", "\u6f22 ", "\U0001f600\n"])
def test_a_very_long_description_is_written_in_one_line(part: str) -> None:
    long = part * (MAX_BLOCK // len(part)) + "end"
    written = text(description=long)

    assert len(written.splitlines()) == len(text(description="d").splitlines())
    assert yaml.load(written, Loader=yaml.CSafeLoader)["description"] == long


def test_a_block_does_not_start_with_a_tab() -> None:
    # libyaml cannot read such a block.
    assert 'description: "\\ta\\nb"\n' in text(description="\ta\nb")


def test_a_text_in_quotes_has_the_escapes_of_yaml() -> None:
    assert r'key: "\t\"\\\n\r\0\e\N 😀 \x7F"' in text(tags={"key": '\t"\\\n\r\0\x1b\x85 😀 \x7f'})


@pytest.mark.parametrize(
    "description",
    ["d" * 300, "d " + "e" * 300, "e" * 300 + " d", "a  " * 100, " " * 200, "a: b # c " * 30 + "d"],
)
def test_a_long_description_is_read_as_it_was_written(description: str) -> None:
    written = text(description=description)

    assert yaml.safe_load(written)["description"] == description
    assert newer(written)["description"] == description


# YAML 1.1 reads the first nine as other values, and YAML 1.2 reads the rest as other values.
@pytest.mark.parametrize(
    "value",
    [
        *("yes", "off", "1_000", "1:30", "010", "0x1f", "2024-01-01", "~", "1.10"),
        *("1e3", "0o17", "12e03", ".5e1"),
        *("<<", "=", "", " a", "a ", "a:", "a: b", "a #b", "#a", "- a", "{a}", "[a", "'a", '"a'),
        *("*a", "&a", "!a", "%a", "@a", "`a", "| a", "> a", "? a", "null", "True", ".inf", ".NaN"),
        *("---", "--- a", "...", "... a", "k" * 200 + ":"),
    ],
)
def test_a_text_that_yaml_reads_as_another_value_has_quotes(value: str) -> None:
    written = text(tags={"key": value, value: "key"})

    assert yaml.safe_load(written)["tags"] == {"key": value, value: "key"}
    assert newer(written)["tags"] == {"key": value, value: "key"}


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "a b",
        "numpy>=1.2,<2",
        "-e x",
        "a=b",
        "https://a/b#c",
        "3.10.1",
        "v1",
        "a'b",
        "ü",
        "😀",
        "falsey",
        "nullable",
    ],
)
def test_a_text_has_no_quotes_if_it_needs_none(value: str) -> None:
    assert f"key: {value}\n" in text(tags={"key": value})


def test_a_generated_name_of_a_conda_file_is_left_out() -> None:
    specification: JSON = {"name": "azureml_" + "0" * 32, "dependencies": ["python"]}

    assert conda_text(canonical_json(specification)) == "dependencies:\n  - python\n"


def test_a_conda_file_keeps_the_type_of_each_value() -> None:
    variables: JSON = {"a": 1e16, "b": 1.5, "c": 2, "d": None, "e": True, "f": "1e16", "g": 1e-7}
    written = conda_text(canonical_json({"dependencies": [None, []], "variables": variables}))

    assert yaml.safe_load(written) == {"dependencies": [None, []], "variables": variables}
    assert " \n" not in written


def test_fields_that_a_file_cannot_declare_are_named_in_a_comment() -> None:
    extra: dict[str, JSON] = {"properties.team": "a\nb", "stage": "Production"}
    written = text(notes=tuple(extra_note(extra.items())))

    assert written.startswith(
        "# The registered version has fields that a file cannot declare: properties.team "
        '("a\\nb"), stage\n# ("Production").\n$schema: '
    )
    assert list(extra_note([])) == []


def test_a_note_with_line_breaks_adds_only_comments() -> None:
    written = text(notes=("a\nname: other\x85name: x\u2028name: y " + "b" * 300,))

    assert yaml.safe_load(written)["name"] == "a"


SPECIAL = "\n\r\t #:-'\"|>\\\x00\x07\x85\u2028\ufeff\U0001f600aé1"
LONG = st.text("abc :#'\"-", min_size=90, max_size=300)
ANY_TEXT = st.text() | st.text(SPECIAL, max_size=12) | LONG
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT
FINITE = SCALARS.filter(lambda value: value not in (float("inf"), float("-inf")))


@given(ANY_TEXT.filter(bool), st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=4))
def test_every_description_and_every_tag_is_read_as_it_was_written(
    description: str, tags: dict[str, str]
) -> None:
    written = text(description=description, tags=tags)
    found = yaml.safe_load(written)

    assert (found["description"], found.get("tags", {})) == (description, tags)


@given(
    st.recursive(
        FINITE,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
        max_leaves=8,
    )
)
def test_every_conda_specification_is_read_as_it_was_written(value: JSON) -> None:
    written = conda_text(canonical_json({"dependencies": value}))

    assert canonical_json(yaml.safe_load(written)) == canonical_json({"dependencies": value})
