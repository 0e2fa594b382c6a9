"""envsync and azure-ai-ml read hostile texts in a new file as they were written."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from envsync.model.canonical import canonical_json
from envsync.model.environment import EnvironmentSpec, Metadata
from envsync.project.writing.check import read_back
from envsync.project.writing.document import Text, environment_text
from envsync.project.writing.scalars import MAX_BLOCK

pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is not installed")

HOSTILE = (
    *("true", "null", "~", "1", "1.0", "1e3", "0x1f", "1_000", "12:30:45", "2024-01-01", "<<", "="),
    *(
        "---",
        "--- a",
        "...",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "- a",
        "? a",
        "{a}",
        "[a",
        "*a",
        "&a",
        "!a",
    ),
    *(" a", "a ", "\ta", "a\tb", "a\t", "\\", '"', "'", "''", "%a", "@a", "`a", "| a", "> a"),
    *(
        "a\n",
        "a\n\n",
        "\na",
        "\n",
        " a\nb",
        "a\n b",
        "a \nb",
        "\ta\nb",
        "a\n\tb",
        "a\n\n\nb\n",
        "# a\nb",
    ),
    *(
        "a\r\nb",
        "a\x85b",
        "a\u2028b",
        "\ufeffa",
        "\x00",
        "\x1b[31m",
        "\x7f",
        "\xa0",
        "ü",
        "\u6f22 \U0001f600",
    ),
    *("https://contoso.example/" + "a/" * 100, "word " * 100, "  " * 100 + "a", "k" * 200 + ":"),
    *("word " * (MAX_BLOCK // 5) + "end", "line\n" * (MAX_BLOCK // 5) + "end"),
)


def test_envsync_and_azure_ai_ml_read_a_hostile_text_as_it_was_written(tmp_path: Path) -> None:
    paths = []
    for number, value in enumerate(HOSTILE):
        conda = canonical_json({"dependencies": ["python=3.12"], "variables": {"V": value}})
        spec = EnvironmentSpec(image="contoso.example/image:1", conda_file=conda)
        written = environment_text(Text("a", "1", spec, Metadata(value, {"t": value})))
        path = tmp_path / str(number) / "env.yml"
        path.parent.mkdir()
        path.write_text(written, "utf-8", newline="\n")
        paths.append(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from azure-ai-ml and its dependencies
        from azure.ai.ml import load_environment

        by_azure = [load_environment(path)._to_dict() for path in paths]

    for value, path, found in zip(HOSTILE, paths, by_azure, strict=True):
        conda_file = found["conda_file"]
        assert (found["description"], found["tags"]["t"], conda_file["variables"]["V"]) == (
            value,
        ) * 3

        read = read_back(path.parent, {}).declaration
        assert read is not None
        assert read.metadata == Metadata(value, {"t": value})
        assert canonical_json(conda_file) == read.spec.conda_file
