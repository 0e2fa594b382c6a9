"""Problems as SARIF 2.1.0, checked with a model of the format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from sarif_pydantic import Sarif  # type: ignore[import-untyped]  # sarif_pydantic has no types

from envsync.model.problem import Problem
from envsync.project.rules import COMPARED, RULES
from envsync.render.sarif import problems_sarif
from tests.render.hostile import texts


def problem(
    rule: str = "unknown-field", file: str = "environments/a.yml", message: str = "Wrong."
) -> Problem:
    return Problem(rule, "error", message, file, 3, 7, "Do it.")


def run(*problems: Problem, prefix: str = "") -> Any:
    """Validates a log, and returns its only run."""
    data: Any = problems_sarif(problems, prefix)
    Sarif.model_validate_json(json.dumps(data))
    assert (data["version"], len(data["runs"])) == ("2.1.0", 1)
    return data["runs"][0]


def test_a_problem_is_a_result_with_its_rule_and_place() -> None:
    found = run(problem(), prefix="ml")

    assert found["results"] == [
        {
            "ruleId": "unknown-field",
            "ruleIndex": 0,
            "level": "error",
            "message": {"text": "Wrong. Do it."},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {
                            "uri": "ml/environments/a.yml",
                            "uriBaseId": "%SRCROOT%",
                        },
                        "region": {"startLine": 3, "startColumn": 7},
                    }
                }
            ],
        }
    ]
    assert found["columnKind"] == "unicodeCodePoints"
    assert "%SRCROOT%" in found["originalUriBaseIds"]


def test_no_problems_give_a_run_without_results() -> None:
    found = run()

    assert (found["results"], found["tool"]["driver"]["rules"]) == ([], [])


def test_each_result_refers_to_its_rule() -> None:
    ids = [*RULES, *COMPARED, "of-tomorrow", "unknown-field"]
    found = run(*map(problem, ids))
    rules = found["tool"]["driver"]["rules"]

    assert [rules[item["ruleIndex"]]["id"] for item in found["results"]] == ids
    assert len(rules) == len(set(ids))
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)


@pytest.mark.parametrize(
    ("rule", "level"),
    [("unknown-field", "error"), ("unpinned-image", "warning"), ("of-tomorrow", "error")],
)
def test_a_rule_has_its_default_level(rule: str, level: str) -> None:
    (described,) = run(problem(rule))["tool"]["driver"]["rules"]

    assert described["defaultConfiguration"] == {"level": level}


@pytest.mark.parametrize(
    ("file", "location"),
    [
        ("a b.yml", {"uri": "a%20b.yml", "uriBaseId": "%SRCROOT%"}),
        ("ü#?%.yml", {"uri": "%C3%BC%23%3F%25.yml", "uriBaseId": "%SRCROOT%"}),
        ("c:d.yml", {"uri": "c%3Ad.yml", "uriBaseId": "%SRCROOT%"}),
        ("\udcff.yml", {"uri": "%FF.yml", "uriBaseId": "%SRCROOT%"}),
        ("/tmp/x y.yml", {"uri": "file:///tmp/x%20y.yml"}),
    ],
)
def test_file_names_are_encoded_as_uris(file: str, location: dict[str, str]) -> None:
    (result,) = run(problem(file=file))["results"]

    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == location


@given(texts)
def test_any_string_gives_a_valid_log(text: str) -> None:
    assert len(run(problem(text, text, text))["results"]) == 1
