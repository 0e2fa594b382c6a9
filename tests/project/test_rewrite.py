"""`rewrite_version` replaces the version in a file, and changes no other byte."""

from __future__ import annotations

import codecs
import json
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from envsync.model.errors import EnvsyncError
from envsync.project.rewrite import rewrite_version
from tests.project.project import DATA

HAND = (
    "a.yml: envsync cannot replace the version by 8 without changing other values, because of a "
    "YAML anchor, merge or tag. Edit the file by hand."
)


def rewritten(text: str, before: str = "7", after: str = "8") -> str:
    return rewrite_version("a.yml", text.encode(), before=before, after=after).data.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 7", "version: 8"),
        ("version: 7\n", "version: 8\n"),
        ("version:   7   # first\n", "version:   8   # first\n"),
        ("version: '7'\n", "version: '8'\n"),
        ('version: "7"\n', 'version: "8"\n'),
        ('version: "\\x37"\n', 'version: "8"\n'),
        ('"version": 7\n', '"version": 8\n'),
        ("version:\n  7\n", "version:\n  8\n"),
        ("? version\n: 7\n", "? version\n: 8\n"),
        ("{name: x, version: 7}", "{name: x, version: 8}"),
        ('{"name":"x","version":"7"}', '{"name":"x","version":"8"}'),
        ("version: |-\n  7\nname: 7\n", "version: |-\n  8\nname: 7\n"),
        ("version: >2-\n  7\n\n# 7\nname: x\n", "version: >2-\n  8\n\n# 7\nname: x\n"),
        ("version: !!str 7\n", "version: !!str 8\n"),
        ("version: &v 7\nname: x\n", "version: &v 8\nname: x\n"),
        ("tags: {a: &v '7'}\nversion: *v\n", "tags: {a: &v '7'}\nversion: \"8\"\n"),
        ("<<: {version: 7}\nname: x\n", "<<: {version: 8}\nname: x\n"),
        ("build: {version: 7}\nversion: 7\n", "build: {version: 7}\nversion: 8\n"),
        ("%YAML 1.1\n--- # a\nversion: 7\n...\n", "%YAML 1.1\n--- # a\nversion: 8\n...\n"),
        (
            "description: |\n  version: 7\nversion: 7\n",
            "description: |\n  version: 7\nversion: 8\n",
        ),
        ("name: x\r\nversion: 7\r\nimage: y\r\n", "name: x\r\nversion: 8\r\nimage: y\r\n"),
        ("name: x\rversion: 7\rimage: y", "name: x\rversion: 8\rimage: y"),
        ("name: x\r\nversion: 7\nimage: y\r", "name: x\r\nversion: 8\nimage: y\r"),
        ("\ufeffname: \U0001f40d é\nversion: 7\n", "\ufeffname: \U0001f40d é\nversion: 8\n"),
        ("name: x #\tc\u2028\u0085\nversion: 7\n", "name: x #\tc\u2028\u0085\nversion: 8\n"),
    ],
)
def test_only_the_version_changes(before: str, after: str) -> None:
    assert rewritten(before) == after


@pytest.mark.parametrize(
    ("text", "before", "after", "expected"),
    [
        ("version: 1.9", "1.9", "1.10", 'version: "1.10"'),
        ("version: 1.8", "1.8", "1.9", "version: 1.9"),
        ("version: 1.2.3", "1.2.3", "1.2.4", "version: 1.2.4"),
        ("version: '1.9'", "1.9", "1.10", "version: '1.10'"),
        ("version: !!str 1.9", "1.9", "1.10", "version: !!str 1.10"),
        ("version: 7", "7", "1e3", 'version: "1e3"'),
        ("version: 7", "7", "true", 'version: "true"'),
        ("version: 7", "7", "2024-01-01", 'version: "2024-01-01"'),
        ("version: 7", "7", "0x8", 'version: "0x8"'),
        ("version: 7", "7", "null", 'version: "null"'),
        ("version: 7", "7", "1_0", 'version: "1_0"'),
    ],
)
def test_quotes_are_added_if_yaml_would_read_another_value(
    text: str, before: str, after: str, expected: str
) -> None:
    assert rewritten(text, before, after) == expected


@pytest.mark.parametrize(
    "text",
    [
        "version: &v 7\ntags: {v: *v}\n",
        "<<: &b {version: 7}\ntags:\n  <<: *b\n",
        "x: &k version\n*k : 7\n",
        "version: !!float 7.0\n",
    ],
)
def test_a_change_is_refused_if_other_values_would_change(text: str) -> None:
    before = "7.0" if "7.0" in text else "7"
    with pytest.raises(EnvsyncError) as error:
        rewritten(text, before)

    assert str(error.value) == HAND


@pytest.mark.parametrize(
    "text", ["", "name: x\n", "version: 6\n", "- 7\n", "a: [\n", "version: [7]"]
)
def test_a_file_that_no_longer_declares_the_version_is_refused(text: str) -> None:
    with pytest.raises(EnvsyncError) as error:
        rewritten(text)

    assert str(error.value) == (
        "a.yml no longer declares version 7, because the file changed while envsync used it. "
        "Run the command again."
    )


def test_an_invalid_version_is_never_written() -> None:
    with pytest.raises(EnvsyncError):
        rewritten("version: 7\n", after="a b")


def test_the_line_of_the_version_is_returned() -> None:
    assert (
        rewrite_version("a.yml", b"\xef\xbb\xbf# a\r\nversion: 7\r\n", before="7", after="8").line
        == 2
    )
    assert rewrite_version("a.yml", b"version: |-\n  7\n", before="7", after="8").line == 2


# Generated files

COMMENT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12).map(
    lambda text: f"#\t{text} version: 7"
)
SAFE = st.text("abcXYZ 0123.éß漢🐍", max_size=12)
QUOTED = st.one_of(SAFE.map(json.dumps), SAFE.map(lambda text: f"'{text}'"), st.just("plain:text"))
FIELD = st.one_of(
    QUOTED.map(lambda text: f"description: {text}"),
    QUOTED.map(lambda text: f"tags: {{a: {text}, 'version': &x {text}, b: *x}}"),
    st.just("conda_file:\n    dependencies:\n    - python=3.11\n    -   pip:\n          - a==1"),
    st.just("build: {path: ., version: 7}"),
    st.just("x-folded: >-\n   version:\n   7"),
    st.just("x-literal: |+\n   version: 7\n\n"),
    COMMENT,
    st.just(""),
)
VERSION = st.tuples(
    st.sampled_from(["version", '"version"', "'version'"]),
    st.sampled_from([": ", ":   ", ": !!str ", ": &own "]),
    st.sampled_from(["{}", '"{}"', "'{}'", "|-\n  {}", ">-\n   {}"]),
)
NUMBER = st.sampled_from(["7", "1.9", "1.2.3", "v1", "010", "1.0-rc1"])


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, str]:
    """Generates an environment file in block style. Returns the file and its version."""
    key, colon, style = draw(VERSION)
    version = draw(NUMBER)
    # Without quotes, YAML 1.1 reads 010 as the octal number 8.
    if style == "{}" and version == "010" and "str" not in colon:
        version = "10"
    comment = draw(st.just("") | COMMENT.map(" {}".format)) if "\n" not in style else ""
    line = f"{key}{colon}{style.format(version)}{comment}"
    keys: set[str] = set()
    before, after = draw(st.tuples(st.lists(FIELD, max_size=4), st.lists(FIELD, max_size=4)))
    lines = [draw(st.sampled_from(["", "---", "--- # start"]))]
    for field in (*before, line, *after):
        name = field.partition(":")[0]
        if field.startswith("#") or not field or name not in keys:
            lines.append(field)
            keys.add(name)
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n", "\n...\n"]))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"])))
    return draw(st.sampled_from([b"", codecs.BOM_UTF8])) + text.encode(), version


@st.composite
def flow_files(draw: st.DrawFn) -> tuple[bytes, str]:
    """Generates an environment file in flow style, like JSON. Returns the file and its version."""
    version = draw(st.sampled_from(["7", "1.9", "1.2.3", "v1"]))
    entry = draw(st.sampled_from(["version: {}", '"version":"{}"', "'version' : '{}'"]))
    fields = [
        entry.format(version),
        f"description: {draw(QUOTED)}",
        "build: {version: 7, path: [version, 7]}",
    ]
    comma = draw(st.sampled_from([",", ", ", " ,\n  ", ", # version: 7\n ", ",\r\n  "]))
    text = "{" + comma.join(draw(st.permutations(fields))) + draw(st.sampled_from(["}", "\n}\n"]))
    return text.encode(), version


@given(files() | flow_files(), st.sampled_from(["8", "1.10", "v2", "true", "2024-01-01", "1e3"]))
def test_a_generated_file_changes_on_one_line_and_keeps_its_meaning(
    file: tuple[bytes, str], after: str
) -> None:
    assert_only_the_version_changes(*file, after)


def assert_only_the_version_changes(data: bytes, before: str, after: str) -> None:
    changed = rewrite_version("a.yml", data, before=before, after=after)

    start, end = common(data, changed.data), common(data[::-1], changed.data[::-1])
    old, new = data[start : len(data) - end], changed.data[start : len(changed.data) - end]
    assert (b"\n" in old + new, b"\r" in old + new) == (False, False)
    # A changed part can be longer than the version, because it can include two quotes.
    assert len(old) <= len(before) + 2
    assert len(new) <= len(after) + 2
    differing = [
        number
        for number, pair in enumerate(zip(lines(data), lines(changed.data), strict=True), start=1)
        if pair[0] != pair[1]
    ]
    assert differing == [changed.line]
    expected, actual = content(data), content(changed.data)
    assert str(expected["version"]) == before
    assert str(actual["version"]) == after
    assert actual | {"version": None} == expected | {"version": None}


@lru_cache(maxsize=2)  # the same file is changed several times
def content(data: bytes) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(data.decode("utf-8-sig"))
    return loaded


def lines(data: bytes) -> list[bytes]:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def common(one: bytes, other: bytes) -> int:
    """Returns the length of the longest common prefix."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


# Public files

CORPUS = DATA / "corpus"
RELEASES = CORPUS / "azureml-assets-release-2022-2024.bundle"
HAS_VERSION = re.compile(rb"^[\"']?version[\"']?[ ]*:", re.MULTILINE)

needs_corpus = pytest.mark.skipif(
    not RELEASES.is_file(),
    reason=f"there are no public environment files in {DATA} (set ENVSYNC_TEST_DATA)",
)


def assert_versions_can_be_rewritten(directory: Path) -> int:
    """Rewrites every YAML file with a version, and returns the number of such files."""
    count = 0
    for path in sorted((*directory.rglob("*.yml"), *directory.rglob("*.yaml"))):
        data = path.read_bytes()
        if HAS_VERSION.search(data):
            version = str(content(data)["version"])
            for after in ("123", "1.10", "v1-rc1"):
                assert_only_the_version_changes(data, version, after)
            count += 1
    return count


# The expected numbers make the next two tests fail if a pattern finds too few files.
@needs_corpus
def test_every_public_file_changes_on_one_line_and_keeps_its_meaning() -> None:
    assert assert_versions_can_be_rewritten(CORPUS) == 90


@needs_corpus
def test_every_file_of_a_public_release_changes_on_one_line_and_keeps_its_meaning(
    tmp_path: Path,
) -> None:
    clone = ["git", "clone", "--quiet", "--branch", "release", str(RELEASES), str(tmp_path / "r")]
    subprocess.run(clone, check=True)

    assert assert_versions_can_be_rewritten(tmp_path / "r") == 124
