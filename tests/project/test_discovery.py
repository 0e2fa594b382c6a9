"""The search finds environment files, and reports files that only look like environments."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsync.project.discovery import EXCLUDED
from envsync.project.load import Loaded
from envsync.project.rules import Level
from tests.project.project import Contents, found, load_files, write

SCHEMA = "https://azuremlschemas.azureedge.net/latest/environment.schema.json"

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")


def env(name: str = "e", more: str = "") -> str:
    return f"name: {name}\ndescription: d\nimage: i:1\n{more}"


def build(name: str, path: str) -> str:
    return f"name: {name}\ndescription: d\nbuild: {{path: {path}}}\n"


def names(root: Path, files: Contents, paths: list[Path] | None = None) -> list[str]:
    below = {f"environments/{name}": content for name, content in files.items()}
    return [declaration.name for declaration in load_files(root, below, paths=paths).declarations]


@pytest.mark.parametrize(
    "schema",
    [
        SCHEMA,
        SCHEMA.replace("https", "http"),
        SCHEMA.replace("latest", "2024-01"),
        SCHEMA.upper().replace("HTTPS", "https"),
        SCHEMA + "#",
        "https://azuremlschemasprod.azureedge.net/latest/environment.schema.json",
        "https://azuremlsdk2.blob.core.windows.net/latest/environment.schema.json",
    ],
)
def test_a_file_with_the_environment_schema_is_an_environment_file(
    schema: str, tmp_path: Path
) -> None:
    files = {"environments/e.yml": f"$schema: {schema}\nname: e\n"}

    assert found(load_files(tmp_path, files)) == [
        "e.yml:2:1 error image-or-build",
        "e.yml:2:1 warning missing-description",
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            env(more=f"$schema: {SCHEMA.replace('environment', 'commandJob')}\ncommand: x\n"),
            id="job",
        ),
        pytest.param("image: i:1\nstages: [build]\n", id="pipeline of another service"),
        pytest.param("name: e\ndependencies: [python]\n", id="conda file"),
        pytest.param("- name: e\n  image: i:1\n", id="list"),
        pytest.param("<<: {name: e}\nimages: 1\n", id="merge"),
        pytest.param(
            f"$schema: {SCHEMA.replace('environment', 'commandJob')}\ncommand: {{{{x}}\n",
            id="invalid YAML of another schema",
        ),
    ],
)
def test_other_files_are_not_environment_files(content: str, tmp_path: Path) -> None:
    loaded = load_files(tmp_path, {"environments/e.yml": content})

    assert (loaded.files, loaded.problems) == (0, ())


def test_both_yaml_extensions_are_found_at_every_depth(tmp_path: Path) -> None:
    files = {
        "a.yml": env("a"),
        "b.yaml": env("b"),
        "x/y/z/c.YML": env("c"),
        # A JSON file is not read, although JSON is valid YAML.
        "d.json": '{"name": "d", "image": "i:1"}',
        "merged.yml": "<<: {name: m}\ndescription: d\nimage: i:1\n",
    }
    assert names(tmp_path, files) == ["a", "b", "c", "m"]


def test_hidden_directories_are_skipped(tmp_path: Path) -> None:
    files: Contents = {
        ".ipynb_checkpoints/a.yml": env("a"),
        ".hidden.yml": env("h"),
        "._b.yml": b"\x00\x05",  # macOS writes such files to foreign file systems
    }

    assert names(tmp_path, files) == ["h"]


def test_a_broken_file_with_the_keys_of_an_environment_is_reported(tmp_path: Path) -> None:
    loaded = load_files(tmp_path, {"environments/e.yml": "name: e\nimage: [i:1\n"})

    assert found(loaded) == ["e.yml:3:1 error yaml-syntax"]
    assert loaded.files == 1


def test_a_conda_file_is_never_an_environment_file(tmp_path: Path) -> None:
    files = {
        "environments/e.yml": env("e", "conda_file: conda/c.yml\n"),
        "environments/conda/c.yml": (
            "name: c\nimage: x\nchannels: [nodefaults]\ndependencies: [python=3.12]\n"
        ),
    }
    loaded = load_files(tmp_path, files)

    assert (loaded.files, found(loaded)) == (1, ["conda/c.yml:2:1 error unknown-field"])


def test_a_broken_conda_file_is_reported_only_as_a_conda_file(tmp_path: Path) -> None:
    files = {
        "environments/e.yml": env("e", "conda_file: c.yml\n"),
        "environments/c.yml": "dependencies: [\n",
    }
    loaded = load_files(tmp_path, files)

    assert (loaded.files, found(loaded)) == (1, ["c.yml:2:1 error invalid-conda"])


def test_files_in_a_build_context_are_not_environment_files(tmp_path: Path) -> None:
    files = {
        "e.yml": build("e", "context"),
        "context/Dockerfile": "FROM scratch\n",
        "context/inner.yml": env("inner"),
        "context/broken.yml": "a: [\n",
        "context/deep/er.yml": env("deeper"),
    }
    assert names(tmp_path, files) == ["e"]


def test_a_file_in_its_own_build_context_is_an_environment_file(tmp_path: Path) -> None:
    files = {
        "a/env.yml": build("a", "."),
        "a/gpu.yml": build("a-gpu", "."),
        "a/Dockerfile": "FROM scratch\n",
        "a/other.yml": env("a-other"),
        "b/env.yml": build("b", "."),
        "b/Dockerfile": "FROM scratch\n",
    }
    assert names(tmp_path, files) == ["a", "a-gpu", "a-other", "b"]


def test_the_build_context_of_a_hidden_file_hides_no_files(
    tmp_path: Path,
) -> None:
    files = {
        "e.yml": build("e", "context"),
        "context/Dockerfile": "FROM scratch\n",
        "context/inner.yml": build("inner", "../other"),
        "other/Dockerfile": "FROM scratch\n",
        "other/f.yml": env("f"),
    }
    assert names(tmp_path, files) == ["e", "f"]


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("trainer.yml", "{path: .., dockerfile_path: environments/docker/Dockerfile}"),
        ("img.yml", "{path: ., dockerfile_path: docker/Dockerfile}"),
        ("base/environment.yml", "{path: ., dockerfile_path: ../docker/Dockerfile}"),
        ("base/environment.yml", "{<<: {path: ..}, dockerfile_path: docker/Dockerfile}"),
    ],
)
def test_a_context_that_contains_its_environment_file_hides_no_files(
    file: str, path: str, tmp_path: Path
) -> None:
    files = {
        file: f"name: own\ndescription: d\nbuild: {path}\n",
        "docker/Dockerfile": "FROM scratch\n",
        "base/docker/Dockerfile": "FROM scratch\n",
        "cpu.yml": env("cpu"),
        "base/gpu/environment.yml": env("gpu"),
    }
    loaded = load_files(tmp_path, {f"environments/{name}": text for name, text in files.items()})

    assert (loaded.files, dict(loaded.passed_over)) == (3, {})


def test_no_context_hides_a_file_with_the_environment_schema(tmp_path: Path) -> None:
    files = {
        "e.yml": build("e", "context"),
        "context/Dockerfile": "FROM scratch\n",
        "context/with.yml": f"$schema: {SCHEMA}\n{env('with')}",
        "context/deep/with.yml": f"$schema: {SCHEMA}\n{env('deep')}",
        "context/without.yml": env("without"),
    }
    assert names(tmp_path, files) == ["deep", "e", "with"]


def test_a_build_context_from_a_merge_key_hides_its_files(tmp_path: Path) -> None:
    files = {
        "e.yml": "name: e\ndescription: d\nbuild: {<<: {path: context}}\n",
        "context/Dockerfile": "FROM scratch\n",
        "context/inner.yml": env("inner"),
    }
    assert names(tmp_path, files) == ["e"]


def test_two_environment_files_in_the_contexts_of_each_other_are_both_read(tmp_path: Path) -> None:
    files = {
        "a/f.yml": build("f", "../b"),
        "b/g.yml": build("g", "../a"),
        "a/Dockerfile": "FROM scratch\n",
        "b/Dockerfile": "FROM scratch\n",
        "a/other.yml": env("other"),
    }
    assert names(tmp_path, files) == ["f", "g"]


@needs_links
def test_links_to_directories_are_followed_once_inside_the_project(tmp_path: Path) -> None:
    root = tmp_path / "project"
    elsewhere = root / "elsewhere"
    elsewhere.mkdir(parents=True)
    (elsewhere / "f.yml").write_text(env("f"))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "o.yml").write_text(env("o"))
    directory = root / "environments" / "a"
    directory.mkdir(parents=True)
    # The links lead to a parent directory, to the same directory again, to another directory in the
    # project, to a directory outside of the project, and to a missing directory.
    (directory / "loop").symlink_to(root / "environments", target_is_directory=True)
    (directory / "again").symlink_to(directory, target_is_directory=True)
    (directory / "elsewhere").symlink_to(elsewhere, target_is_directory=True)
    (directory / "outside").symlink_to(tmp_path / "outside", target_is_directory=True)
    (directory / "nowhere.yml").symlink_to(tmp_path / "nowhere.yml")

    loaded = load_files(root, {"environments/a/e.yml": env("e")})

    assert [d.source.file for d in loaded.declarations] == [
        "environments/a/e.yml",
        "environments/a/elsewhere/f.yml",
    ]


@needs_links
def test_a_link_to_a_file_outside_the_project_is_not_read(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "environments").mkdir(parents=True)
    (tmp_path / "secret.yml").write_text(env("secret"))
    (root / "environments" / "e.yml").symlink_to(tmp_path / "secret.yml")

    loaded = load_files(root, {})

    assert found(loaded) == ["e.yml:1:1 error path-escape"]
    assert loaded.declarations == ()


@needs_links
def test_the_problem_of_a_broken_file_outside_the_project_quotes_no_content(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "environments").mkdir(parents=True)
    (tmp_path / "tokens.yml").write_text("name: a\nimage: b\nsecret: 1\nsecret: 2\n\tx")
    (root / "environments" / "e.yml").symlink_to(tmp_path / "tokens.yml")

    loaded = load_files(root, {})

    assert found(loaded) == ["e.yml:1:1 error path-escape"]
    assert "secret" not in str(loaded.problems)


@needs_links
def test_an_environments_directory_that_leads_out_of_the_project_is_not_read(
    tmp_path: Path,
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "e.yml").write_text(env("secret"))
    (root / "environments").symlink_to("../outside", target_is_directory=True)

    loaded = load_files(root, {})

    assert [(p.file, p.rule, p.severity) for p in loaded.problems] == [
        ("environments", "path-escape", "error")
    ]
    assert (loaded.environment_files, loaded.declarations) == ((), ())


@needs_links
@pytest.mark.parametrize("level", ["error", "warning", "off"])
def test_a_linked_directory_outside_the_project_is_an_error(tmp_path: Path, level: Level) -> None:
    root = tmp_path / "project"
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "e.yml").write_text(env("secret"))
    (root / "environments").mkdir(parents=True)
    (root / "environments" / "link").symlink_to("../../outside", target_is_directory=True)

    loaded = load_files(root, {}, rules={"path-escape": level})

    assert found(loaded) == ["link:1:1 error path-escape"]
    assert loaded.environment_files == ()


@needs_links
def test_a_conda_file_or_context_behind_a_link_out_of_the_project_is_refused(
    tmp_path: Path,
) -> None:
    root = tmp_path / "project"
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "outside" / "conda.yml").write_text("dependencies: []\n")
    (root / "environments").mkdir(parents=True)
    (root / "environments" / "link").symlink_to(tmp_path / "outside", target_is_directory=True)
    (root / "environments" / "conda.yml").symlink_to(tmp_path / "outside" / "conda.yml")
    files = {
        "environments/a.yml": build("a", "link"),
        "environments/b.yml": env("b", "conda_file: conda.yml\n"),
        "environments/c.yml": env("c", "conda_file: link/conda.yml\n"),
    }

    assert found(load_files(root, files)) == [
        "a.yml:3:15 error path-escape",
        "b.yml:4:13 error path-escape",
        "c.yml:4:13 error path-escape",
    ]


@needs_links
def test_a_link_from_a_build_context_out_of_the_project_is_reported(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "environments" / "ctx").mkdir(parents=True)
    (tmp_path / "secret").write_text("s")
    (root / "environments" / "ctx" / "secret").symlink_to(tmp_path / "secret")
    # The target of this link does not exist.
    (root / "environments" / "ctx" / "nothing").symlink_to(tmp_path / "project" / "nothing")
    files = {
        "environments/a.yml": build("a", "ctx"),
        "environments/ctx/Dockerfile": "FROM scratch\n",
    }

    assert found(load_files(root, files)) == [
        "a.yml:3:15 error missing-file",
        "a.yml:3:15 error path-escape",
    ]


def test_a_missing_directory_has_no_environment_files(tmp_path: Path) -> None:
    loaded = load_files(tmp_path, {})

    assert (loaded.files, loaded.declarations, loaded.problems) == (0, (), ())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    load_files(tmp_path, {"environments/e.yml": env()})
    (tmp_path / "environments" / "e.yml").chmod(0)

    assert found(load_files(tmp_path, {})) == ["e.yml:1:1 error missing-file"]


def only(root: Path, content: str | bytes, name: str = "e.yml") -> Loaded:
    return load_files(root, {f"environments/{name}": content})


JOB = SCHEMA.replace("environment", "commandJob")


@pytest.mark.parametrize(
    ("content", "where", "near"),
    [
        pytest.param(
            f"$schema: {SCHEMA.replace('environment', 'enviroment')}\n{env()}",
            "1:1",
            SCHEMA,
            id="schema with a typo",
        ),
        pytest.param(
            f"$schema: {SCHEMA.replace('schema.json', 'shema.json')}\n{env()}",
            "1:1",
            SCHEMA,
            id="schema with a wrong ending",
        ),
        pytest.param(
            f"{env()}$schema: https://example.com/environment.schema.json\n",
            "4:1",
            SCHEMA,
            id="schema on another host",
        ),
        pytest.param(
            f"$schema: ../schemas/environment.schema.json\n{env()}",
            "1:1",
            SCHEMA,
            id="schema as a path",
        ),
        pytest.param(
            f"$schema: environment.schema.json\n{env()}", "1:1", SCHEMA, id="schema without a host"
        ),
        pytest.param(f"$schema: {JOB}\n{env()}", "1:1", SCHEMA, id="schema of another kind"),
        pytest.param(
            f"$schema: {JOB}\nname: e\nimgae: i\n",
            "1:1",
            SCHEMA,
            id="schema of another kind, and a typo",
        ),
        pytest.param("name: e\nimgae: i:1\n", "2:1", "`image`", id="imgae"),
        pytest.param("name: e\nImage: i:1\n", "2:1", "`image`", id="Image"),
        pytest.param("name: e\nbiuld: {path: c}\n", "2:1", "`build`", id="biuld"),
        pytest.param("Name: e\nimage: i:1\n", "1:1", "`name`", id="Name"),
        pytest.param("nmae: e\nimage: i:1\n", "1:1", "`name`", id="nmae"),
        pytest.param("{nmae: e, image: 'i:1'}\n", "1:2", "`name`", id="flow mapping"),
        pytest.param("  name: e\n  imgae: i:1\n", "2:3", "`image`", id="indented"),
        pytest.param("image: i:1\nconda_file: c.yml\n", "1:1", "`name:`", id="no name"),
        pytest.param("name: e\nconda_file: c.yml\n", "1:1", "`image:`", id="no image"),
        pytest.param("name: e\nimgae: [\n", "1:1", "`image`", id="invalid YAML"),
        pytest.param("", "1:1", "delete the file", id="emptied"),
        pytest.param("# name: e\n# image: i:1\n\n", "1:1", "delete the file", id="comments"),
        pytest.param("---\n# nothing\n...\n", "1:1", "delete the file", id="empty document"),
    ],
)
def test_a_file_that_looks_like_an_environment_is_reported(
    content: str, where: str, near: str, tmp_path: Path
) -> None:
    loaded = only(tmp_path, content)

    assert found(loaded) == [f"e.yml:{where} warning unrecognised-environment"]
    assert near in loaded.problems[0].fix
    assert "`exclude`" in loaded.problems[0].fix
    assert list(loaded.passed_over) == [str(tmp_path / "environments" / "e.yml")]


@pytest.mark.parametrize(
    "content",
    [
        "name: e\nimages: [a, b]\n",
        "names: [e]\nimage: i:1\n",
        "name: e\non: push\njobs: {}\nimgae: x\n",
        "name: e\nversion: 1\ndescription: d\n",
        f"$schema: {JOB}\nname: e\ncommand: x\nenvironment: {{image: i}}\n",
        "$schema: https://json.schemastore.org/github-workflow.json\nname: CI\non: push\n",
        "name: nginx\nimage: {repository: nginx}\nreplicas: 1\n".replace("name", "nameOverride"),
        "apiVersion: v1\nkind: Pod\nmetadata: {name: e}\n---\nspec: {image: i}\n",
        "name: x\nkind: A\n---\nkind: B\nimage: y\n",
        "kind: A\nname: x\n...\n---\n# image\nbuild: {path: .}\n",
        "%YAML 1.1\n--- # first\nname: x\n--- {image: y}\n",
        "imgae: x\nkind: A\n---\nnmae: y\n",
        f"$schema: {JOB}\nname: x\n---\nimage: y\n",
        "{{ if .Values.x }}\nname: {{ .Values.name }}\nspec:\n  image: x\n{{ end }}\n",
        "{% if x %}\nimage: {{ x }}\n{% endif %}\n",
        b"title: caf\xe9\nimage: x\n",
        "a:\n\tb: image\n",
        "dependencies: [\n",
    ],
)
def test_a_file_of_another_tool_is_skipped_without_a_problem(
    content: str | bytes, tmp_path: Path
) -> None:
    loaded = only(tmp_path, content)

    assert (loaded.files, loaded.problems, len(loaded.passed_over)) == (0, (), 1)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        pytest.param(f"$schema: {SCHEMA}\n{env()}<<: [1, 2]\n", "yaml-syntax", id="merge key"),
        pytest.param(f"$schema: {SCHEMA}\n{env()}<<:\n", "yaml-syntax", id="empty merge key"),
        pytest.param(f"{env()}<<: x\n", "yaml-syntax", id="merge key without schema"),
        pytest.param(f"$schema: {SCHEMA}\n  name: e\nimage: i\n", "yaml-syntax", id="indent"),
        pytest.param(f"$schema: {SCHEMA}\n  stray\nimage: i:1\n", "missing-name", id="stray"),
        pytest.param(f"$schema: {SCHEMA}\nname: &a {{a: *a}}\n", "alias-bomb", id="alias bomb"),
        pytest.param(f"$schema: {SCHEMA}\n- name: e\n", "yaml-syntax", id="list"),
        pytest.param("name: e\nimage: 'i:1\n", "yaml-syntax", id="open quote"),
        pytest.param("name: e\nbuild: {path: {{ x }}\n", "yaml-syntax", id="template"),
        pytest.param("name: e\n\timage: i\nimage: i\n", "yaml-syntax", id="tab"),
        pytest.param("name: e\nimage: i:1\n---\nname: f\n", "yaml-syntax", id="documents"),
        pytest.param("kind: A\n---\nname: e\nimage: i\n", "yaml-syntax", id="second document"),
        pytest.param(f"name: e\n---\n$schema: {SCHEMA}\n", "yaml-syntax", id="second schema"),
        pytest.param("{name: e, image: [i:1}\n", "yaml-syntax", id="flow mapping"),
        pytest.param(b"name: e\nimage: caf\xe9\n", "yaml-syntax", id="Latin-1"),
        pytest.param(env().encode("utf-16"), "yaml-syntax", id="UTF-16"),
        pytest.param(env().replace("\n", "\r"), "missing-file", id="carriage returns"),
        pytest.param(
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n",
            "lfs-pointer",
            id="pointer",
        ),
    ],
)
def test_a_broken_environment_file_is_never_skipped(
    content: str | bytes, rule: str, tmp_path: Path
) -> None:
    loaded = only(tmp_path, content)

    assert loaded.files == 1
    assert rule == "missing-file" or (rule, "error") in {
        (problem.rule, problem.severity) for problem in loaded.problems
    }


NOT_ONE = "If the file is not an environment, add it to `exclude` in envsync.yaml."


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        pytest.param("name: e\nimage: 'i:1\n", "yaml-syntax", id="open quote"),
        pytest.param("name: e\nimage: !Sub i\n", "yaml-syntax", id="tag"),
        pytest.param("a: 1\n---\nname: e\nimage: i\n", "yaml-syntax", id="documents"),
        pytest.param("name: e\nimage: {repository: nginx}\n", "wrong-type", id="Helm"),
        pytest.param("name: e\nbuild: .\n", "wrong-type", id="docker-compose"),
        pytest.param("name: {first: e}\nimage: i:1\n", "wrong-type", id="name"),
        pytest.param("name: e\nimage: i:1\nports: [80]\n", "unknown-field", id="unknown field"),
    ],
)
def test_the_fix_says_how_to_exclude_a_file_without_schema(
    content: str, rule: str, tmp_path: Path
) -> None:
    for text, ends in ((content, True), (f"$schema: {SCHEMA}\n{content}", False)):
        fixes = [item.fix for item in only(tmp_path, text).problems if item.rule == rule]
        assert [fix.endswith(NOT_ONE) for fix in fixes] == [ends]


def test_the_fix_of_a_field_that_only_environments_have_does_not_mention_exclude(
    tmp_path: Path,
) -> None:
    (problem,) = only(tmp_path, env("e", "tags: []\n")).problems

    assert (problem.rule, "exclude" in problem.fix) == ("wrong-type", False)


def test_a_file_with_another_extension_is_not_reported(tmp_path: Path) -> None:
    endings = ["yml.bak", "yaml~", "yml.disabled", "txt"]
    loaded = load_files(tmp_path, {f"environments/e.{ending}": env() for ending in endings})

    assert (loaded.files, loaded.problems, loaded.passed_over) == (0, (), {})


@needs_links
def test_links_that_are_not_followed_are_reported(tmp_path: Path) -> None:
    root = tmp_path / "project"
    directory = root / "environments"
    directory.mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (directory / "a.yml").symlink_to("cpu.yaml")
    (directory / "loop.yml").symlink_to("loop.yml")
    (directory / "elsewhere").symlink_to(tmp_path / "outside", target_is_directory=True)
    (directory / "missing").symlink_to("../nowhere", target_is_directory=True)
    (directory / ".#cpu.yml").symlink_to("ada@host.1:2")  # a lock of Emacs
    (directory / "notes.txt").symlink_to("nowhere.txt")

    loaded = load_files(root, {"environments/cpu.yml": env("cpu")})

    rule = "warning unrecognised-environment"
    assert found(loaded) == [
        f"a.yml:1:1 {rule}",
        "elsewhere:1:1 error path-escape",
        f"loop.yml:1:1 {rule}",
        f"missing:1:1 {rule}",
    ]
    assert "Did you mean `cpu.yml`?" in loaded.problems[0].fix
    assert {Path(path).name for path in loaded.passed_over} == {"a.yml", "loop.yml"}
    assert {Path(path).name for path in loaded.unreadable} == {"elsewhere", "missing"}


@pytest.mark.parametrize("directory", ["sub", "sub/deep", "."])
def test_a_directory_that_cannot_be_read_is_reported(
    directory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = (tmp_path / "environments" / directory).resolve()
    scandir = os.scandir

    def scan(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    files = {f"environments/{name}": env() for name in ("e.yml", "sub/f.yml", "sub/deep/g.yml")}
    write(tmp_path, files)
    monkeypatch.setattr(os, "scandir", scan)
    loaded = load_files(tmp_path, {})

    rules = [problem for problem in loaded.problems if problem.rule == "unreadable-directory"]
    assert [(item.severity, item.file) for item in rules] == [
        ("warning", f"environments/{directory}".removesuffix("/."))
    ]
    assert "Permission denied" in rules[0].message
    assert loaded.unreadable == {str(locked): "Permission denied"}


def test_a_missing_directory_is_reported_if_another_directory_exists(tmp_path: Path) -> None:
    loaded = load_files(tmp_path, {"a/e.yml": env()}, environments=["a", "b"])

    assert found(loaded) == ["b:1:1 warning unreadable-directory"]
    assert [item.name for item in loaded.declarations] == ["e"]


def test_each_file_of_several_directories_is_read_once(tmp_path: Path) -> None:
    files = {"a/e.yml": env("e"), "b/c/f.yml": env("f"), "g.yml": env("g")}
    loaded = load_files(tmp_path, files, environments=["a", "b", "b/c", "a"])

    assert [item.source.file for item in loaded.declarations] == ["a/e.yml", "b/c/f.yml"]


def test_a_hidden_directory_is_searched_if_it_is_named(tmp_path: Path) -> None:
    files = {"a/e.yml": env("e"), ".azure/f.yml": env("f"), "a/.old/g.yml": env("g")}
    loaded = load_files(tmp_path, files, environments=["a", ".azure"])

    assert [item.name for item in loaded.declarations] == ["e", "f"]
    hidden = (
        "it is in a hidden directory, and envsync searches a hidden directory only if you name it"
    )
    assert loaded.passed_over == {str(tmp_path / "a/.old/g.yml"): hidden}
    for path in (tmp_path / "a/.old", tmp_path / "a/.old/g.yml"):
        again = load_files(tmp_path, {}, environments=["a"], paths=[path])
        assert [item.name for item in again.declarations] == ["g"]


def test_files_of_virtual_environments_and_caches_are_not_listed_as_skipped(
    tmp_path: Path,
) -> None:
    files = {
        ".venv/pyvenv.cfg": "",
        ".venv/lib/a.yml": env(),
        ".cache/CACHEDIR.TAG": "",
        ".cache/b.yml": env(),
        ".git/c.yml": env(),
        "e.yml": env(),
    }
    assert load_files(tmp_path, files, environments=["."]).passed_over == {}


@pytest.mark.parametrize(
    "glob",
    ["*.template.yml", "environments/**/*.template.yml", "templates", "environments/templates/"],
)
def test_an_excluded_file_is_not_read(glob: str, tmp_path: Path) -> None:
    files = {
        "environments/e.yml": env("e"),
        "environments/templates/broken.template.yml": "name: {{ x }}\nimage: {{ y }}\n",
        "environments/templates/empty.template.yml": "",
    }
    loaded = load_files(tmp_path, files, exclude=[glob])

    assert (found(loaded), loaded.files) == ([], 1)
    templates = tmp_path / "environments" / "templates"
    assert loaded.passed_over == {
        str(templates / f"{name}.template.yml"): EXCLUDED for name in ("broken", "empty")
    }


def test_exclude_applies_to_a_directory_named_on_the_command_line(tmp_path: Path) -> None:
    files = {"environments/a/e.yml": env("e"), "environments/a/f.template.yml": env("f")}
    paths = [tmp_path / "environments" / "a"]
    loaded = load_files(tmp_path, files, paths=paths, exclude=["*.template.yml"])

    assert [item.name for item in loaded.declarations] == ["e"]


def test_every_skipped_file_has_a_reason(tmp_path: Path) -> None:
    files = {
        "e.yml": env("e", "conda_file: conda.yml\n"),
        "conda.yml": "dependencies: []\n",
        "b.yml": build("b", "context"),
        "context/Dockerfile": "FROM scratch\n",
        "context/inner.yml": env("inner"),
        "job.yml": f"$schema: {JOB}\ncommand: x\n",
        "other.yml": "a: 1\n",
        "broken.yml": "<<: name image\n\t",
    }
    loaded = load_files(tmp_path, {f"environments/{name}": text for name, text in files.items()})
    shape = "it has neither the `$schema` of environments nor a `name` with `image` or `build`"
    broken = "it is not valid YAML, and its text does not have the shape of an environment"

    assert {Path(path).name: reason for path, reason in loaded.passed_over.items()} == {
        "conda.yml": "it is the conda file of environments/e.yml",
        "inner.yml": "it is in the build context of environments/b.yml",
        "job.yml": f"its `$schema` belongs to another kind of file: `{JOB}`",
        "other.yml": shape,
        "broken.yml": broken,
    }


def test_an_ignore_comment_turns_off_the_rule_unrecognised_environment(tmp_path: Path) -> None:
    ignore = "  # envsync: ignore[unrecognised-environment]"

    assert found(only(tmp_path, f"name: e\nimgae: i:1{ignore}\n")) == []
