"""Hints for words that are not names: paths, versions, another case, and misspelt names."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envsync.model.declaration import Source
from envsync.plan.hints import cannot_be_a_name, declared_in, glob_hint, name_hint
from tests.builders import declared

NAMES = ("alpha", "alpha-gpu", "beta", "churn-train")
FILES = {
    "environments/train/churn.yml": ["churn-train"],
    "environments/a.yaml": ["alpha"],
    "environments/b.yml": ["beta"],
}


@pytest.mark.parametrize(
    ("glob", "hint"),
    [
        # Versions and labels.
        ("alpha:1", "A GLOB selects an environment with all its versions. Pass `alpha` instead."),
        ("alpha@latest", "Pass `alpha` instead."),
        ("azureml:alpha:1.2", "Pass `alpha` instead."),
        ("alhpa:1", "all its versions. Did you mean `alpha`?"),
        ("zzz:1", "A GLOB selects an environment with all its versions."),
        # Another case.
        ("ALPHA", "Names are case-sensitive. Did you mean `alpha`?"),
        ("Churn-Train", "Names are case-sensitive. Did you mean `churn-train`?"),
        (
            "ALPHA*",
            "Names are case-sensitive. In another case, the GLOB matches `alpha`, `alpha-gpu`",
        ),
        # A misspelt name.
        ("churn-trian", "Did you mean `churn-train`?"),
        # Paths.
        ("plan.json", "To apply a saved plan, run `envsync apply --plan plan.json`."),
        ("out/my plan.json", "run `envsync apply --plan 'out/my plan.json'`."),
        ("environments/b.yml", "This is a path. Pass a name that is declared there: `beta`."),
        ("b.yml", "declared there: `beta`."),
        ("./b.yml", "declared there: `beta`."),
        ("../train/churn.yml", "declared there: `churn-train`."),
        ("/home/me/models/environments/a.yaml", "declared there: `alpha`."),
        (r"environments\b.yml", "declared there: `beta`."),
        ("environments/train", "declared there: `churn-train`."),
        ("train", "declared there: `churn-train`."),
        ("environments/", "declared there: `alpha`, `beta`, `churn-train`."),
        ("conda/tabular.yml", "This is a path, but environments are selected by name."),
        ("other.yaml", "This is a path, but environments are selected by name."),
        (".", "This is a path, but environments are selected by name."),
    ],
)
def test_the_hint_for_a_glob_says_what_to_pass_instead(glob: str, hint: str) -> None:
    assert hint in (glob_hint(glob, NAMES, FILES) or "")


@pytest.mark.parametrize("glob", ["zzz", "zzz*", "", "[", "*.json*"])
def test_no_hint_is_given_if_nothing_is_similar(glob: str) -> None:
    assert glob_hint(glob, NAMES, FILES) is None


def test_a_hint_lists_at_most_three_names() -> None:
    files = {"e/many.yml": ["d", "c", "b", "a", "e"]}

    assert (name_hint("e/many.yml", "abcde", files) or "").endswith(": `a`, `b`, `c` and 2 more.")


@pytest.mark.parametrize("word", ["a/b.yml", r"a\b.yml", "a:1", "a@latest", "azureml:a:1", "a*:1"])
def test_a_path_or_a_reference_to_a_version_cannot_be_a_name(word: str) -> None:
    assert cannot_be_a_name(word)


@pytest.mark.parametrize("word", ["a", "plan.json", "a.yml", "a*", "[ab]?", "", ":", "@"])
def test_other_words_can_be_names_or_globs(word: str) -> None:
    assert not cannot_be_a_name(word)


def test_the_function_declared_in_returns_names_by_file_and_by_copy() -> None:
    item = replace(
        declared("a-dev", "1"),
        source=Source("environments/a.yml", 1),
        suffix="-dev",
        copies=(Source("copy.yml", 1),),
    )

    assert declared_in([item, declared("b", "1")]) == {
        "environments/a.yml": ["a"],
        "copy.yml": ["a"],
        declared("b", "1").source.file: ["b"],
    }
