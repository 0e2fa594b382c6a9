"""`load` returns the values that azure-ai-ml would send, and never fails on a file."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.model.declaration import Declaration, Source
from envsync.model.environment import Build, InferenceConfig, Route
from envsync.project.context.scan import ContextScan, scan_resolved
from envsync.project.load import load
from envsync.project.memo import Memo
from tests.examples import examples
from tests.project.project import found, load_files, write

BASE = "name: e\ndescription: d\nimage: i:1\n"


def declared(root: Path, text: str, **others: str) -> Declaration:
    files = {f"environments/{name.replace('_', '.')}": content for name, content in others.items()}
    loaded = load_files(root, {**files, "environments/e.yml": text})
    assert found(loaded) == []
    return loaded.declarations[0]


def test_a_declaration_has_the_values_of_the_file(tmp_path: Path) -> None:
    text = (
        "# first\nname: e\nversion: 7\ndescription: >-\n  some\n  text\nimage: i:1\n"
        "os_type: WINDOWS\ntags:\n  a: 1.10\n  b: 010\n  c: yes\n  d: 2024-01-01\n  e: ''\n"
        "inference_config:\n  liveness_route: {path: /a, port: 1}\n"
        "  readiness_route: {path: /b, port: '2'}\n  scoring_route: {path: /c, port: 3.0}\n"
    )
    declaration = declared(tmp_path, text)

    assert (declaration.name, declaration.version) == ("e", "7")
    assert declaration.source == Source("environments/e.yml", 2)
    assert declaration.metadata.description == "some text"
    assert dict(declaration.metadata.tags) == {
        "a": "1.10",
        "b": "010",
        "c": "yes",
        "d": "2024-01-01",
        "e": "",
    }
    assert declaration.spec.image == "i:1"
    assert declaration.spec.os_type == "Windows"
    assert declaration.spec.inference_config == InferenceConfig(
        Route("/a", 1), Route("/b", 2), Route("/c", 3)
    )


def test_a_field_without_a_value_in_the_file_gets_its_default(tmp_path: Path) -> None:
    files = {
        "environments/e.yml": "name: e\nbuild: {path: .}\n",
        "environments/Dockerfile": "FROM scratch\n",
    }
    spec = load_files(tmp_path, files).declarations[0].spec

    assert spec.os_type == "Linux"
    assert isinstance(spec.build, Build)
    assert spec.build.dockerfile_path == "Dockerfile"


def test_a_remote_build_context_is_kept_as_a_url(tmp_path: Path) -> None:
    url = "https://github.com/owner/repository.git#main:docker"
    text = f"name: e\ndescription: d\nbuild: {{path: '{url}', dockerfile_path: ./x/Dockerfile}}\n"

    assert declared(tmp_path, text).spec.build == Build(url, "./x/Dockerfile")


@pytest.mark.parametrize(
    # 8 is not an octal digit, so YAML 1.1 reads 08 as a string.
    "version",
    ["1", "1.0", "2024.08", "08", "'1.10'", "!!str 1.10", "a-b_c.d"],
)
def test_a_version_that_yaml_reads_as_it_is_written_is_accepted(
    version: str, tmp_path: Path
) -> None:
    shown = version.removeprefix("!!str ").strip("'")

    assert declared(tmp_path, f"{BASE}version: {version}\n").version == shown


def test_a_conda_specification_is_the_same_in_a_file_and_inline(tmp_path: Path) -> None:
    conda = (
        "channels: [nodefaults]\ndependencies: &d [python=3.12, pip=24, {pip: [a==1]}]\n"
        "name: 1.10\n"
        "variables: {z: 1, a: [yes, ~]}\n"
    )
    indented = conda.replace("\n", "\n  ").rstrip()
    inline = declared(tmp_path / "a", f"{BASE}conda_file:\n  {indented}\n").spec
    in_file = declared(tmp_path / "b", f"{BASE}conda_file: c.yml\n", c_yml=conda).spec

    assert inline == in_file
    assert inline.digest == in_file.digest
    # YAML 1.1 reads 1.10 as the number 1.1, and `yes` as true.
    assert json.loads(inline.conda_file or "") == {
        "channels": ["nodefaults"],
        "dependencies": ["python=3.12", "pip=24", {"pip": ["a==1"]}],
        "name": 1.1,
        "variables": {"z": 1, "a": [True, None]},
    }


def test_a_build_context_that_versions_share_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned: list[str] = []

    def scan(directory: str, root: str, state: str, *, memo: Memo) -> ContextScan:
        scanned.append(directory)
        return scan_resolved(directory, root, state, memo=memo)

    monkeypatch.setattr("envsync.project.context.scan.scan_resolved", scan)
    text = "name: e\nversion: '{}'\nbuild: {{path: ctx}}\n"
    files = {f"environments/{number}.yml": text.format(number) for number in range(3)}

    assert (
        len(load_files(tmp_path, {**files, "environments/ctx/Dockerfile": "F"}).declarations) == 3
    )
    assert len(scanned) == 1


def test_declarations_are_in_natural_order(tmp_path: Path) -> None:
    versions = ["10", "9", "1.10", "1.9"]
    files = {f"environments/{v}.yml": f'name: e\nimage: i:1\nversion: "{v}"\n' for v in versions}
    files["environments/a.yml"] = BASE.replace("name: e", "name: f")
    loaded = load_files(tmp_path, files)

    assert [(d.name, d.version) for d in loaded.declarations] == [
        ("e", "1.9"),
        ("e", "1.10"),
        ("e", "9"),
        ("e", "10"),
        ("f", None),
    ]


class TestNamedPaths:
    def test_only_named_files_and_directories_are_read(self, tmp_path: Path) -> None:
        files = {
            f"environments/{name}/e.yml": BASE.replace("e\n", f"{name}\n", 1) for name in "abc"
        }
        write(tmp_path, files)
        paths = [tmp_path / "environments" / "a", tmp_path / "environments" / "c" / "e.yml"]

        loaded = load_files(tmp_path, {}, paths=paths)

        assert [d.name for d in loaded.declarations] == ["a", "c"]

    def test_a_missing_path_is_a_problem(self, tmp_path: Path) -> None:
        loaded = load_files(tmp_path, {}, paths=[tmp_path / "environments" / "x.yml", Path("no/x")])

        assert found(loaded) == ["x.yml:1:1 error missing-file", "no/x:1:1 error missing-file"]

    def test_a_named_file_is_always_read_as_an_environment_file(self, tmp_path: Path) -> None:
        write(tmp_path, {"conda.txt": "dependencies: []\n", "empty.yml": "", "list.yml": "- a\n"})
        paths = [tmp_path / name for name in ("conda.txt", "empty.yml", "list.yml")]

        loaded = load_files(tmp_path, {}, paths=paths)

        assert loaded.files == 3
        assert found(loaded) == [
            "conda.txt:1:1 error image-or-build",
            "conda.txt:1:1 warning missing-description",
            "conda.txt:1:1 error missing-name",
            "conda.txt:1:1 error unknown-field",
            "empty.yml:1:1 error yaml-syntax",
            "list.yml:1:1 error wrong-type",
        ]

    def test_a_file_outside_the_project_must_not_name_files_outside_its_directory(
        self, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        files = {"e.yml": BASE + "conda_file: c.yml\n", "c.yml": "dependencies: [a=1]\n"}
        write(outside, {**files, "f.yml": BASE + "conda_file: ../c.yml\n"})

        loaded = load_files(tmp_path / "project", {}, paths=[outside / "e.yml", outside / "f.yml"])

        assert [problem.rule for problem in loaded.problems if problem.severity == "error"] == [
            "duplicate-environment",
            "path-escape",
        ]
        assert loaded.declarations[0].source.file == (outside / "e.yml").as_posix()


@settings(max_examples=examples(60), deadline=None)
@given(st.permutations(["a", "b/c", "b/d", "z", "y/x"]))
def test_problems_do_not_depend_on_the_order_in_which_files_are_created(order: list[str]) -> None:
    contents = {
        "a": BASE + "version: 1\n",
        # "b/c" declares the same version as "a". "b/d" declares the same name without a version.
        "b/c": BASE.replace("image: ", "image: other-") + "version: 1\n",
        "b/d": BASE,
        "z": "name: f\nimage: i\ntags: [\n",
        "y/x": "name: g\nimage: i\nfoo: 1\n",
    }
    with tempfile.TemporaryDirectory() as directory:
        loaded = load_files(
            Path(directory), {f"environments/{name}.yml": contents[name] for name in order}
        )

    assert found(loaded) == [
        "b/c.yml:4:1 error duplicate-environment",
        "b/d.yml:1:1 error mixed-versions",
        "y/x.yml:1:1 warning missing-description",
        "y/x.yml:2:8 warning unpinned-image",
        "y/x.yml:3:1 error unknown-field",
        "z.yml:4:1 error yaml-syntax",
    ]


# The list contains texts that YAML does not read as strings, and paths that lead out of the
# directory.
SCALARS = st.sampled_from(
    [
        "1",
        "1.10",
        "~",
        "yes",
        "2024-01-01",
        "a b",
        "latest",
        "''",
        ".",
        "..",
        "/",
        "\\0",
        "*a",
        ".nan",
    ]
) | st.text(max_size=8)
FIELDS = st.sampled_from(
    [
        "$schema",
        "name",
        "version",
        "description",
        "tags",
        "image",
        "build",
        "conda_file",
        "inference_config",
        "os_type",
        "datastore",
        "auto_delete_setting",
        "id",
        "<<",
        "path",
        "dockerfile_path",
        "dependencies",
        "pip",
        "liveness_route",
        "port",
        "envsync.x",
        "1",
    ]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=examples(150), deadline=None)
@given(
    st.dictionaries(FIELDS, VALUES, max_size=8).map(json.dumps)
    | st.lists(st.tuples(FIELDS, SCALARS)).map(
        lambda pairs: "\n".join(f"{key}: {value}" for key, value in pairs)
    ),
    VALUES.map(json.dumps) | st.text(),
)
def test_arbitrary_content_never_raises_an_exception(text: str, conda: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = write(
            Path(directory),
            {
                "environments/e.yml": text.encode("utf-8", "surrogatepass"),
                "environments/c.yml": conda.encode("utf-8", "surrogatepass"),
                "environments/f.yml": BASE + "conda_file: c.yml\n",
            },
        )
        paths = [root / "environments" / name for name in ("e.yml", "f.yml")]
        loaded = load(root, [root / "environments"], rules={}, versions="auto", paths=paths)

    for declaration in loaded.declarations:
        assert declaration.spec.digest.startswith("sha256:")
    for problem in loaded.problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message.isprintable()
        assert problem.fix.isprintable()


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise_an_exception(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        load_files(Path(directory), {"environments/e.yml": data, "environments/f.yaml": data})


def calls(root: Path, text: str) -> int:
    """Counts the function calls and function returns while a file is read."""
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    path = root / "environments" / "e.yml"
    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        load_files(root, {"environments/e.yml": text}, paths=[path])
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "text_of",
    [
        pytest.param(lambda size: "name: e\n" * size, id="duplicate keys"),
        pytest.param(lambda size: "".join(f"k{i}: 1\n" for i in range(size)), id="unknown fields"),
        pytest.param(lambda size: "a: 1 # envsync: ignore[x]\n" * size, id="comments"),
        pytest.param(lambda size: f"name: {'x' * 100 * size}\n{'y' * 900}: 1\n", id="long texts"),
        pytest.param(
            lambda size: f"conda_file: {{dependencies: [{'a=,' * size}]}}\n", id="dependencies"
        ),
    ],
)
def test_the_work_grows_in_proportion_to_the_size_of_a_file(
    text_of: Callable[[int], str], tmp_path: Path
) -> None:
    # The test counts calls instead of seconds, because a busy machine is slow.
    small, large = (calls(tmp_path / str(size), text_of(size)) for size in (300, 1200))

    assert large < 4.5 * small
