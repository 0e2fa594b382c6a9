"""Tests of the edits that `check` rejects or accepts, in real repositories."""

from __future__ import annotations

import builtins
import io
import os
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from envsync.git.base import Base
from envsync.git.check import Checked, check
from envsync.git.declared import declared_at
from envsync.git.latest import with_uses
from envsync.git.repository import find_repository
from envsync.model.errors import GitError
from envsync.project.project import load_project
from envsync.project.yaml.text import Document, compose
from tests.project.project import Contents, write
from tests.repository import commit, git, new_repository

pytestmark = pytest.mark.usefixtures("clean_git")

IMAGE = "mcr.microsoft.com/azureml/core"
CONDA = "channels: [conda-forge]\ndependencies:\n  - python=3.11\n  - numpy=1.26.4\n"


def environment(name: str = "a", version: str | None = "1", **fields: str) -> str:
    """Returns the text of an environment file. If `fields` has no build, the file has an image."""
    own = {"image": f"{IMAGE}:1"} if "build" not in fields else {}
    lines = [f"name: {name}", *([f'version: "{version}"'] if version else []), "description: About"]
    return "\n".join([*lines, *(f"{key}: {value}" for key, value in (own | fields).items())]) + "\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_repository(tmp_path / "churn")


def committed(root: Path, files: Contents) -> str:
    """Writes and commits the files of a project."""
    return commit(write(root, files))


def checked(directory: Path, base: str | None = None) -> Checked:
    return check(load_project(directory), base)


def found(result: Checked) -> list[str]:
    return [f"{item.file}:{item.line}:{item.column} {item.rule}" for item in result.problems]


def paths(result: Checked) -> dict[str, list[str]]:
    """Returns the changed fields of each rejected version."""
    return {item.address: [field.path for field in item.fields] for item in result.rejections}


# Immutable fields


def test_an_edit_of_an_immutable_field_is_rejected_at_its_position(root: Path) -> None:
    base = committed(root, {"environments/a.yml": environment()})
    write(root, {"environments/a.yml": environment(image=f"{IMAGE}:2")})
    result = checked(root)

    assert found(result) == ["environments/a.yml:4:1 immutable"]
    (problem,) = result.problems
    assert problem.severity == "error"
    assert problem.message == (
        f'a:1 differs from commit {base[:7]}: `image` "{IMAGE}:1" → "{IMAGE}:2". '
        "Registered versions cannot change."
    )
    assert problem.fix == "Run `envsync bump a`, or undo the edit."
    (rejection,) = result.rejections
    assert (rejection.code, rejection.fix) == ("immutable", "envsync bump a")
    assert result.fields == {problem: rejection.fields}
    assert result.bases == (Base(base, "HEAD"),)


@pytest.mark.parametrize(
    "after",
    [
        environment("a", "2", image=f"{IMAGE}:2"),
        environment(description="Other", tags="{team: x}"),
        "# a comment\n" + environment(image=f"'{IMAGE}:1'"),
        environment(os_type="linux"),
    ],
    ids=["a new version", "metadata", "layout", "an explicit default"],
)
def test_check_accepts_changes_of_the_version_the_metadata_and_the_layout(
    root: Path, after: str
) -> None:
    committed(root, {"environments/a.yml": environment()})
    write(root, {"environments/a.yml": after.replace("description: About\n", "", 1)})

    assert checked(root).rejections == ()


def test_a_file_without_version_is_never_rejected(root: Path) -> None:
    committed(root, {"environments/a.yml": environment(version=None)})
    write(root, {"environments/a.yml": environment(version=None, image=f"{IMAGE}:2")})

    assert checked(root).problems == ()


def test_check_compares_a_moved_file_with_its_old_content(root: Path) -> None:
    committed(root, {"environments/a.yml": environment(), "environments/b.yml": environment("b")})
    (root / "environments" / "deep").mkdir()
    (root / "environments/a.yml").rename(root / "environments/deep/moved.yml")
    assert checked(root).problems == ()

    write(root, {"environments/deep/moved.yml": environment(image=f"{IMAGE}:2")})
    assert found(checked(root)) == ["environments/deep/moved.yml:4:1 immutable"]


def test_check_compares_a_moved_environments_directory_with_its_old_content(root: Path) -> None:
    committed(root, {"envsync.yaml": "environments: old\n", "old/a.yml": environment()})
    (root / "old").rename(root / "new")
    write(root, {"envsync.yaml": "environments: new\n"})
    assert checked(root).problems == ()

    write(root, {"new/a.yml": environment(image=f"{IMAGE}:2")})
    assert found(checked(root)) == ["new/a.yml:4:1 immutable"]


@pytest.mark.parametrize(("then", "now"), [("environments", "new"), ("old", "environments")])
def test_the_environments_directory_can_move_when_settings_are_added_or_removed(
    root: Path, then: str, now: str
) -> None:
    committed(
        root,
        {f"{then}/a.yml": environment()}
        | ({"envsync.yaml": f"environments: {then}\n"} if then == "old" else {}),
    )
    (root / then).rename(root / now)
    (root / "envsync.yaml").unlink(missing_ok=True)
    if now == "new":
        write(root, {"envsync.yaml": f"environments: {now}\n"})
    assert checked(root).problems == ()

    write(root, {f"{now}/a.yml": environment(image=f"{IMAGE}:2")})
    assert found(checked(root)) == [f"{now}/a.yml:4:1 immutable"]


def test_check_uses_the_directories_and_exclusions_of_the_commit(root: Path) -> None:
    settings = "environments: [a, b]\nexclude: ['*.template.yml', b/old/]\n"
    files = {
        "p/envsync.yaml": settings,
        "p/a/a.yml": environment("a"),
        "p/b/b.yml": environment("b"),
        "p/a/c.template.yml": environment("c"),
        "p/b/old/d.yml": environment("d"),
    }
    committed(root, files)
    edited = {
        path: text.replace(IMAGE, f"{IMAGE}2") for path, text in files.items() if "yml" in path
    }
    write(root, edited | {"p/envsync.yaml": "environments: [a, b]\n"})

    assert [item.name for item in checked(root / "p").rejections] == ["a", "b"]
    write(root, {"p/envsync.yaml": settings.replace("[a, b]", "[a]")})
    assert [item.name for item in checked(root / "p").rejections] == ["a"]


def test_linked_settings_apply_to_the_directory_that_contains_the_link(root: Path) -> None:
    files = {
        "environments/a.yml": environment(),
        "x/environments/a.yml": environment(tags="{b: c}"),
    }
    write(root, {**files, "x/envsync.yaml": "project: x\n"})
    (root / "envsync.yaml").symlink_to("x/envsync.yaml")
    commit(root)
    write(root, {"x/environments/a.yml": environment(image=f"{IMAGE}:2")})

    assert checked(root).problems == ()
    assert found(checked(root / "x")) == ["environments/a.yml:4:1 immutable"]


def test_an_edit_of_any_field_is_reported_on_its_line(root: Path) -> None:
    routes = "\n".join(
        f"  {route}: {{path: /{route}, port: PORT}}"
        for route in ("liveness_route", "readiness_route", "scoring_route")
    )
    before = {
        "inline": environment("inline", conda_file="\n  dependencies:\n  - python=3.11\n"),
        "gone": environment("gone", conda_file="{dependencies: [python=3.11]}"),
        "routes": environment("routes", inference_config="\n" + routes.replace("PORT", "1")),
        "system": environment("system"),
        "url": environment("url", build="{path: https://example.com/a.git}"),
    }
    committed(root, {f"environments/{name}.yml": text for name, text in before.items()})
    after = {
        "inline": before["inline"].replace("3.11", "3.12"),
        "gone": environment("gone"),
        "routes": environment("routes", inference_config="\n" + routes.replace("PORT", "2")),
        "system": environment("system", os_type="windows"),
        "url": environment("url", build="\n  path: https://example.com/b.git"),
    }
    write(root, {f"environments/{name}.yml": text for name, text in after.items()})
    result = checked(root)

    assert found(result) == [
        "environments/gone.yml:1:1 immutable",
        "environments/inline.yml:7:5 immutable",
        "environments/routes.yml:6:43 immutable",
        "environments/system.yml:5:1 immutable",
        "environments/url.yml:5:3 immutable",
    ]
    assert paths(result)["gone:1"] == ["conda_file"]
    assert paths(result)["routes:1"] == [
        f"inference_config.{route}.port"
        for route in ("liveness_route", "readiness_route", "scoring_route")
    ]


# Conda files


def test_an_edit_of_a_conda_file_is_reported_in_the_conda_file(root: Path) -> None:
    text = environment(conda_file="../conda/base.yml")
    committed(root, {"environments/a.yml": text, "conda/base.yml": CONDA})
    write(root, {"conda/base.yml": CONDA.replace("1.26.4", "2.1.0")})
    result = checked(root)

    assert found(result) == ["conda/base.yml:4:5 immutable"]
    assert paths(result) == {"a:1": ["conda_file.dependencies[1]"]}


def test_a_line_removed_from_a_conda_file_is_reported_at_the_parent_line(root: Path) -> None:
    text = environment(conda_file="conda.yml")
    committed(root, {"environments/a.yml": text, "environments/conda.yml": CONDA})
    write(root, {"environments/conda.yml": CONDA.replace("  - numpy=1.26.4\n", "")})
    assert found(checked(root)) == ["environments/conda.yml:2:1 immutable"]

    write(root, {"environments/conda.yml": CONDA.replace("channels: [conda-forge]\n", "")})
    assert found(checked(root)) == ["environments/a.yml:5:1 immutable"]


def test_renaming_or_inlining_a_conda_file_is_not_an_edit(root: Path) -> None:
    committed(
        root,
        {
            "environments/a.yml": environment(conda_file="conda.yml"),
            "environments/b.yml": environment("b", conda_file="conda.yml"),
            "environments/conda.yml": CONDA,
        },
    )
    (root / "environments/conda.yml").rename(root / "environments/other.yml")
    inline = "{channels: [conda-forge], dependencies: [python=3.11, numpy=1.26.4]}"
    write(
        root,
        {
            "environments/a.yml": environment(conda_file="other.yml"),
            "environments/b.yml": environment("b", conda_file=inline),
        },
    )

    assert checked(root).problems == ()


@pytest.mark.parametrize(
    ("dependencies", "text"),
    [
        ("[python=3.11, numpy=1.26.4, lightgbm=4]", "`conda_file.dependencies` + lightgbm=4"),
        ("[numpy=1.26.4]", "`conda_file.dependencies` - python=3.11"),
        (
            "[python=3.12, numpy=1.26.4]",
            "`conda_file.dependencies` ~ python=3.11 → python=3.12",
        ),
        ("[numpy=1.26.4, python=3.11]", "`conda_file.dependencies` reordered"),
        (
            "[numpy=1.26.4, lightgbm=4, python=3.12]",
            "`conda_file.dependencies` reordered (+ lightgbm=4; ~ python=3.11 → python=3.12)",
        ),
        (
            "[python=3.11, numpy=1.26.4, {pip: [a==1, b==2]}]",
            "`conda_file.dependencies` (+ pip:; + a==1; + b==2)",
        ),
    ],
)
def test_the_message_about_a_conda_file_lists_changes_as_a_plan_does(
    root: Path, dependencies: str, text: str
) -> None:
    files = {"environments/a.yml": environment(conda_file="conda.yml")}
    base = committed(root, {**files, "environments/conda.yml": CONDA})
    write(
        root,
        {"environments/conda.yml": f"channels: [conda-forge]\ndependencies: {dependencies}\n"},
    )
    (problem,) = checked(root).problems

    assert problem.message == (
        f"a:1 differs from commit {base[:7]}: {text}. Registered versions cannot change."
    )


# Build contexts

BUILT: Contents = {
    "environments/a.yml": environment(build="{path: context}"),
    "environments/context/Dockerfile": "FROM scratch\n",
    "environments/context/run.sh": "echo\n",
    "environments/context/data/x": "1\n",
}


def test_the_message_about_an_edited_build_context_lists_the_files(root: Path) -> None:
    committed(root, BUILT)
    (root / "environments/context/run.sh").unlink()
    write(root, {"environments/context/data/x": "2\n", "environments/context/new": "new\n"})
    result = checked(root)

    assert found(result) == ["environments/a.yml:4:9 immutable"]
    assert "`build.context` (~ data/x; + new; - run.sh)." in result.problems[0].message
    (field,) = result.rejections[0].fields
    assert field.files == {"data/x": "modified", "new": "added", "run.sh": "removed"}


def test_moving_a_build_context_is_not_an_edit(root: Path) -> None:
    committed(root, BUILT)
    (root / "environments/context").rename(root / "docker")
    write(root, {"environments/a.yml": environment(build="{path: ../docker}")})
    assert checked(root).problems == ()

    write(root, {"docker/run.sh": "echo 2\n"})
    assert paths(checked(root)) == {"a:1": ["build.context"]}


def test_changing_the_mode_of_a_file_is_not_an_edit(root: Path) -> None:
    committed(root, BUILT)
    (root / "environments/context/run.sh").chmod(0o755)
    assert checked(root).problems == ()

    commit(root)
    assert checked(root, "HEAD~1").problems == ()


def test_files_that_git_ignores_in_a_build_context_are_not_compared(root: Path) -> None:
    committed(root, {**BUILT, ".gitignore": "__pycache__/\n*.log\n"})
    write(
        root,
        {
            "environments/context/__pycache__/run.pyc": "cached",
            "environments/context/data/a.log": "logged",
        },
    )
    assert checked(root).problems == ()

    write(root, {"environments/context/data/a.txt": "would be committed"})
    (field,) = checked(root).rejections[0].fields
    assert field.files == {"data/a.txt": "added"}


def test_links_that_git_ignores_are_not_compared(root: Path) -> None:
    ignored = {".gitignore": "/environments/context/one\n/environments/context/all\n"}
    committed(root, {**BUILT, **ignored, "shared/common.txt": "1\n"})
    (root / "environments/context/one").symlink_to("../../shared/common.txt")
    (root / "environments/context/all").symlink_to("../../shared")

    assert checked(root).problems == ()


def test_the_whole_repository_can_be_a_build_context(root: Path) -> None:
    """The build context in this test contains `.git`, which changes with every commit."""
    committed(root, {"environments/a.yml": environment(build="{path: ..}"), "Dockerfile": "FROM x"})
    assert checked(root).problems == ()

    write(root, {"new": "1"})
    (field,) = checked(root).rejections[0].fields
    assert field.files == {"new": "added"}


def test_a_file_removed_from_git_is_reported_as_removed_from_the_context(root: Path) -> None:
    committed(root, BUILT)
    write(root, {".gitignore": "x\n"})
    git(root, "rm", "--cached", "--quiet", "environments/context/data/x")

    (field,) = checked(root).rejections[0].fields
    assert field.files == {"data/x": "removed"}


def test_links_in_a_context_are_followed_in_the_commit_and_the_work_tree(root: Path) -> None:
    files = {**BUILT, "shared/common.txt": "1\n", "shared/deep/x": "1\n"}
    write(root, files)
    (root / "environments/context/common.txt").symlink_to("../../shared/common.txt")
    (root / "environments/context/deep").symlink_to("../../shared/deep")
    commit(root)
    assert checked(root).problems == ()

    write(root, {"shared/deep/x": "2\n"})
    (field,) = checked(root).rejections[0].fields
    assert field.files == {"deep/x": "modified"}

    write(root, {"shared/deep/x": "1\n"})
    (root / "environments/context/common.txt").unlink()
    write(root, {"environments/context/common.txt": "1\n"})
    assert checked(root).problems == ()  # a link and a copy have the same content


def test_line_ends_are_compared_as_in_a_checkout(root: Path) -> None:
    committed(root, BUILT)
    git(root, "config", "core.autocrlf", "true")
    for path in (root / "environments").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert git(root, "diff", "--name-only", "HEAD") == ""
    assert checked(root).problems == ()

    write(root, {"environments/context/run.sh": "echo 2\r\n"})
    (field,) = checked(root).rejections[0].fields
    assert field.files == {"run.sh": "modified"}


def test_the_content_of_a_commit_is_read_with_the_gitattributes_of_the_commit(root: Path) -> None:
    committed(root, {**BUILT, ".gitattributes": "*.sh text eol=crlf\n"})
    (root / "environments/context/run.sh").unlink()
    git(root, "checkout", "--", ".")
    assert (root / "environments/context/run.sh").read_bytes() == b"echo\r\n"
    (root / ".gitattributes").unlink()
    write(root, {"environments/context/run.sh": "echo\r\nls\r\n"})
    (field,) = checked(root).rejections[0].fields
    assert field.files == {"run.sh": "modified"}

    write(root, {"environments/context/run.sh": "echo\r\n"})
    assert checked(root).problems == ()


def test_filters_are_applied_as_in_a_checkout(root: Path) -> None:
    git(root, "config", "filter.upper.clean", "tr a-z A-Z")
    git(root, "config", "filter.upper.smudge", "tr A-Z a-z")
    committed(
        root, {**BUILT, ".gitattributes": "x filter=upper\n", "environments/context/data/x": "abc"}
    )
    assert git(root, "show", "HEAD:environments/context/data/x") == "ABC"
    assert checked(root).problems == ()

    write(root, {"environments/context/data/x": "abcd", "environments/context/run.sh": "echo 2"})
    (field,) = checked(root).rejections[0].fields
    assert field.files == {"data/x": "modified", "run.sh": "modified"}


def test_a_placeholder_for_a_large_file_is_not_an_edit(root: Path) -> None:
    """A pipeline can check out placeholders instead of large files (Git LFS)."""
    committed(root, {**BUILT, ".gitattributes": "x filter=large\n"})
    git(root, "config", "filter.large.clean", "cat")
    git(root, "config", "filter.large.smudge", "echo the large file")
    assert checked(root).problems == ()

    write(root, {"environments/context/run.sh": "echo 2"})
    (field,) = checked(root).rejections[0].fields
    assert field.files == {"run.sh": "modified"}


@pytest.mark.parametrize("name", ["with blank", "line\nbreak", "ünïcode", "-dash", "[a]*", 'q"\\t'])
def test_files_can_have_any_name(root: Path, name: str) -> None:
    committed(root, {**BUILT, f"environments/context/{name}": "1"})
    write(root, {f"environments/context/{name}": "2", f"environments/context/2{name}": "2"})
    (field,) = checked(root).rejections[0].fields

    assert field.files == {name: "modified", f"2{name}": "added"}


# Submodules


def test_a_build_context_in_a_submodule_is_compared_with_the_recorded_commit(
    root: Path, tmp_path: Path
) -> None:
    inner = new_repository(tmp_path / "inner")
    committed(inner, {"context/Dockerfile": "FROM scratch\n"})
    git(root, "submodule", "--quiet", "add", str(inner), "modules/inner")
    text = environment(build="{path: ../modules/inner/context}")
    committed(root, {"environments/a.yml": text})
    assert checked(root).problems == ()

    module = root / "modules" / "inner"
    write(module, {"context/Dockerfile": "FROM other\n"})
    (field,) = checked(root).rejections[0].fields
    assert field.files == {"Dockerfile": "modified"}

    commit(module)
    commit(root)
    assert paths(checked(root, "HEAD~1")) == {"a:1": ["build.context"]}


def test_a_submodule_in_a_build_context_is_part_of_the_context(root: Path, tmp_path: Path) -> None:
    inner = new_repository(tmp_path / "inner")
    committed(inner, {"code.py": "1\n", ".gitignore": "__pycache__/\n"})
    git(root, "submodule", "--quiet", "add", str(inner), "environments/context/inner")
    committed(root, BUILT)
    module = "environments/context/inner"
    write(root, {f"{module}/__pycache__/code.pyc": "cached"})
    assert checked(root).problems == ()

    write(root, {f"{module}/code.py": "2\n"})
    (field,) = checked(root).rejections[0].fields
    assert field.files == {"inner/code.py": "modified"}


@pytest.mark.parametrize("linked", ["submodule", "worktree", "clone"])
def test_the_kind_of_checkout_changes_neither_specs_nor_the_result_of_check(
    root: Path, tmp_path: Path, linked: str
) -> None:
    inner = new_repository(tmp_path / "inner")
    text = environment(build="{path: ..}")
    ignore = {".amlignore": "/environments/\n"}
    committed(inner, {"environments/a.yml": text, "Dockerfile": "FROM scratch\n", **ignore})
    before = load_project(inner).declarations[0].spec
    if linked == "submodule":
        git(root, "submodule", "--quiet", "add", str(inner), "deep/inner")
        other = root / "deep" / "inner"
    elif linked == "worktree":
        other = tmp_path / "other"
        git(inner, "worktree", "add", "--quiet", "--detach", str(other))
    else:
        other = tmp_path / "clone"
        git(tmp_path, "clone", "--quiet", str(inner), str(other))
    project = load_project(other)

    assert (other / ".git").is_dir() == (linked == "clone")
    assert project.declarations[0].spec == before
    assert [problem.rule for problem in project.warnings] == ["unstable-context"]
    assert check(project).problems == ()


def test_plan_and_check_compute_the_same_digest_of_a_submodule_in_a_root_context(
    root: Path, tmp_path: Path
) -> None:
    inner = new_repository(tmp_path / "inner")
    committed(inner, {"src/code.py": "1\n", ".gitignore": "*.pyc\n"})
    git(root, "submodule", "--quiet", "add", str(inner), "inner")
    text = environment(build="{path: ..}")
    committed(root, {"environments/a.yml": text, "Dockerfile": "FROM scratch\n"})
    commit_id = git(root, "rev-parse", "HEAD")
    project = load_project(root)
    (recorded,) = declared_at(find_repository(root), commit_id, project.config)

    assert recorded.spec == project.declarations[0].spec
    write(root, {"inner/src/code.pyc": "", ".envsync/local.db": ""})
    assert checked(root).problems == ()


def test_the_error_for_a_submodule_without_history_says_what_to_fetch(
    root: Path, tmp_path: Path
) -> None:
    inner = new_repository(tmp_path / "inner")
    committed(inner, {"context/Dockerfile": "FROM scratch\n"})
    git(root, "submodule", "--quiet", "add", str(inner), "modules/inner")
    committed(root, {"environments/a.yml": environment(build="{path: ../modules/inner/context}")})
    committed(inner, {"context/Dockerfile": "FROM other\n"})
    git(root / "modules" / "inner", "pull", "--quiet")
    commit(root)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(root), str(clone))
    git(clone, "config", "submodule.modules/inner.url", inner.as_uri())
    git(clone, "submodule", "--quiet", "update", "--init", "--depth=1")

    with pytest.raises(GitError, match="The clone of the submodule modules/inner lacks the commit"):
        checked(clone, "HEAD~1")


def test_a_project_in_a_submodule_is_compared_with_commits_of_the_submodule(
    root: Path, tmp_path: Path
) -> None:
    inner = new_repository(tmp_path / "inner")
    base = committed(inner, {"environments/a.yml": environment()})
    git(root, "submodule", "--quiet", "add", str(inner), "modules/inner")
    commit(root)
    write(root, {"modules/inner/environments/a.yml": environment(image=f"{IMAGE}:2")})
    result = checked(root / "modules" / "inner")

    assert (result.bases[0].commit, list(paths(result))) == (base, ["a:1"])


# The commit


def test_files_with_errors_in_the_commit_do_not_prevent_the_check_of_other_files(
    root: Path,
) -> None:
    committed(
        root,
        {
            "environments/a.yml": environment(),
            "environments/bad.yml": "name: [\n",
            "environments/escape.yml": environment("escape", conda_file="../../../../etc/x.yml"),
        },
    )
    write(
        root,
        {
            "environments/a.yml": environment(image=f"{IMAGE}:2"),
            "environments/bad.yml": environment("bad"),
            "environments/escape.yml": environment("escape"),
        },
    )

    assert list(paths(checked(root))) == ["a:1"]


def test_a_settings_file_with_errors_in_the_commit_does_not_prevent_the_check(root: Path) -> None:
    committed(root, {"envsync.yaml": "enviroments: x\n", "environments/a.yml": environment()})
    write(root, {"envsync.yaml": "", "environments/a.yml": environment(image=f"{IMAGE}:2")})

    assert list(paths(checked(root))) == ["a:1"]


def test_check_rejects_nothing_before_the_first_commit(root: Path) -> None:
    write(root, {"environments/a.yml": environment()})
    result = checked(root)

    assert (result.bases, result.problems, dict(result.used)) == ((), (), {})


def test_a_branch_is_compared_with_the_commit_where_it_began(root: Path, tmp_path: Path) -> None:
    base = committed(root, {"environments/a.yml": environment()})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(root), str(clone))
    git(clone, "checkout", "--quiet", "-b", "feature")
    committed(clone, {"environments/b.yml": environment("b")})
    committed(clone, {"environments/b.yml": environment("b", image=f"{IMAGE}:2")})
    committed(root, {"environments/a.yml": environment(version="2", image=f"{IMAGE}:2")})
    git(clone, "fetch", "--quiet")
    result = checked(clone)

    assert (result.bases, result.problems) == ((Base(base, "origin/main"),), ())

    write(clone, {"environments/a.yml": environment(image=f"{IMAGE}:3")})
    assert list(paths(checked(clone))) == ["a:1"]


def test_a_project_can_be_in_any_directory_of_the_repository(root: Path) -> None:
    committed(
        root,
        {
            "teams/churn/envsync.yaml": "project: churn\n",
            "teams/churn/environments/a.yml": environment(conda_file="../conda.yml"),
            "teams/churn/conda.yml": CONDA,
            "environments/other.yml": environment("other"),
        },
    )
    write(
        root,
        {
            "teams/churn/conda.yml": CONDA.replace("3.11", "3.12"),
            "environments/other.yml": environment("other", image=f"{IMAGE}:2"),
        },
    )

    assert found(checked(root / "teams" / "churn" / "environments")) == ["conda.yml:3:5 immutable"]


def test_check_in_a_hook_rejects_an_edit_and_does_not_change_the_index(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(root, {**BUILT, "envsync.yaml": ""})
    write(root, {"environments/context/run.sh": "echo 2\n"})
    git(root, "add", "--all")
    index = root / ".git" / "index"
    before = index.read_bytes()
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    monkeypatch.chdir(root)

    assert list(paths(checked(root / "environments"))) == ["a:1"]
    assert index.read_bytes() == before
    assert git(root, "status", "--porcelain") == "M  environments/context/run.sh"


def test_check_writes_no_git_object(root: Path) -> None:
    committed(root, BUILT)
    write(root, {"environments/context/run.sh": "echo 2\n", "environments/b.yml": environment("b")})
    before = sorted(root.rglob("*"))

    assert len(checked(root).rejections) == 1
    assert sorted(root.rglob("*")) == before


def test_only_the_files_of_a_sparse_work_tree_are_compared(root: Path) -> None:
    committed(root, {**BUILT, "environments/b.yml": environment("b"), "other/x": "1"})
    git(root, "sparse-checkout", "set", "environments")
    write(root, {"environments/b.yml": environment("b", image=f"{IMAGE}:2")})

    assert list(paths(checked(root))) == ["b:1"]


# Warnings


def test_lowering_the_highest_version_causes_a_warning(root: Path) -> None:
    committed(root, {"environments/a.yml": environment(version="10")})
    write(root, {"environments/a.yml": environment(version="9")})
    result = checked(root)

    assert found(result) == ["environments/a.yml:2:1 version-goes-back"]
    assert result.problems[0].severity == "warning"
    assert result.problems[0].message == "The highest version of `a` was 10, and is now 9."
    assert result.rejections == ()


def test_adding_a_lower_version_causes_no_warning(root: Path) -> None:
    committed(root, {"environments/a.yml": environment(version="10")})
    write(root, {"environments/a-9.yml": environment(version="9")})
    assert checked(root).problems == ()

    for path in (root / "environments").iterdir():
        path.unlink()
    assert checked(root).problems == ()  # removing an environment lowers no version


def test_environment_files_that_git_ignores_cause_a_warning_and_are_not_compared(
    root: Path,
) -> None:
    committed(
        root,
        {
            ".gitignore": "local.yml\nbuild/\n",
            "environments/a.yml": environment(conda_file="../local.yml"),
            "environments/b.yml": environment("b", build="{path: build}"),
            "environments/c.yml": environment("c"),
        },
    )
    git(root, "mv", "environments/c.yml", "environments/gone.yml")
    git(root, "rm", "--cached", "--quiet", "environments/gone.yml")
    (root / "environments/gone.yml").unlink()
    write(
        root,
        {
            "local.yml": CONDA,
            "environments/build/Dockerfile": "FROM scratch\n",
            "environments/local.yml": environment("c", image=f"{IMAGE}:2"),
        },
    )
    result = checked(root)

    assert found(result) == [
        "environments/a.yml:5:1 ignored-by-git",
        "environments/b.yml:4:9 ignored-by-git",
        "environments/local.yml:1:1 ignored-by-git",
    ]
    assert [problem.message for problem in result.problems] == [
        "Git ignores the path in `conda_file`, so no commit contains it.",
        "Git ignores the path in `build.path`, so no commit contains it.",
        "Git ignores this file, so no commit contains it.",
    ]


# Reading


def count_reads(root: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often each file of a work tree is opened, by relative path."""
    reads: Counter[str] = Counter()

    def count(module: Any) -> None:
        opened = module.open

        def counting(file: Any, *args: Any, **kwargs: Any) -> Any:
            path = Path(os.fspath(file)) if isinstance(file, str | os.PathLike) else None
            if path is not None and path.is_relative_to(root) and ".git" not in path.parts:
                reads[path.relative_to(root).as_posix()] += 1
            return opened(file, *args, **kwargs)

        monkeypatch.setattr(module, "open", counting)

    # Modules call different functions to open a file, and none of these functions calls another.
    for module in (builtins, io, os):
        count(module)
    return reads


def test_check_reads_each_file_of_the_project_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "envsync.yaml": "project: churn\n",
        "conda/outside.yml": CONDA,
        "environments/inside.yml": CONDA,
        "environments/a.yml": environment(build="{path: context}"),
        "environments/b.yml": environment("b", conda_file="inside.yml"),
        "environments/c.yml": environment("c", conda_file="../conda/outside.yml"),
        "environments/context/Dockerfile": "FROM scratch\n",
        "environments/other.yml": "jobs: []\n",
    }
    ignored = {"environments/local.yml": environment("local")}
    committed(root, {**files, ".gitignore": "local.yml\n"})
    # Change every file, because `check` reads an unchanged file again as part of the commit.
    changed = {name: text.replace("3.11", "3.12") + "# changed\n" for name, text in files.items()}
    write(root, {**changed, **ignored})
    reads = count_reads(root, monkeypatch)
    result = checked(root)

    assert reads == dict.fromkeys([*files, *ignored], 1)
    assert {problem.rule for problem in result.problems} == {"immutable", "ignored-by-git"}


def test_check_starts_git_nine_times_whatever_the_number_of_environments(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"e{number}" for number in range(30)]
    committed(root, {f"environments/{name}.yml": environment(name) for name in names})
    edited = {f"environments/{name}.yml": environment(name, version="2") for name in names[:20]}
    write(root, {**edited, "train.py": "environment = 'azureml:e1@latest'\n"})
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))
    result = checked(root)
    uses = with_uses(load_project(root), result.latest, result.repository)

    assert [(change.name, len(change.uses)) for change in uses] == [("e1", 1)]
    assert len(re.findall("trace: built-in: git ", trace.read_text())) == 9


# Versions in use


def test_check_lists_versions_at_the_base_commit_and_at_head_as_used(
    root: Path, tmp_path: Path
) -> None:
    committed(root, {"environments/a.yml": environment(version="1")})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(root), str(clone))
    git(clone, "checkout", "--quiet", "-b", "feature")
    committed(clone, {"environments/a.yml": environment(version="2", image=f"{IMAGE}:2")})
    assert dict(checked(clone).used) == {"a": {"1", "2"}}

    write(clone, {"environments/a.yml": environment(version="3", image=f"{IMAGE}:2")})
    assert dict(checked(clone).used) == {"a": {"1", "2"}}


def test_a_long_list_of_changes_is_truncated_only_in_the_message(root: Path) -> None:
    names = [f"package-number-{number}" for number in range(30)]
    text = "dependencies:\n" + "".join(f"- {name}=1\n" for name in names)
    conda = {"environments/conda.yml": text}
    committed(root, {"environments/a.yml": environment(conda_file="conda.yml"), **conda})
    write(root, {"environments/conda.yml": text.replace("=1", "=2")})
    (problem,) = checked(root).problems

    assert len(checked(root).fields[problem]) == 30
    assert problem.message.endswith(" and 26 more). Registered versions cannot change.")
    assert len(problem.message) < 500


def test_check_fails_if_the_git_directory_is_missing(root: Path) -> None:
    committed(root, {"environments/a.yml": environment()})
    shutil.rmtree(root / ".git")

    with pytest.raises(GitError, match="is not in a git repository"):
        checked(root)


def test_a_file_name_that_is_not_utf8_does_not_prevent_the_check(root: Path) -> None:
    write(root, {"environments/a.yml": environment()})
    (root / "environments" / os.fsdecode(b"\xe9.txt")).write_text("1")
    commit(root)
    write(root, {"environments/a.yml": environment(image=f"{IMAGE}:2")})

    assert list(paths(checked(root))) == ["a:1"]


def test_a_file_of_a_commit_is_parsed_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "environments/a.yml": environment(conda_file="conda.yml"),
        "environments/b.yml": environment("b", build="{path: ../docker}"),
        "environments/conda.yml": CONDA,
        "docker/Dockerfile": "FROM scratch\n",
    }
    commit_id = committed(root, files)
    config = load_project(root).config
    counts: Counter[bytes] = Counter()

    def count(data: bytes) -> Document:
        counts[data] += 1
        return compose(data)

    monkeypatch.setattr("envsync.project.files.compose", count)
    found = declared_at(find_repository(root), commit_id, config)

    assert [item.name for item in found] == ["a", "b"]
    assert counts == {text.encode(): 1 for file, text in files.items() if file.endswith(".yml")}
