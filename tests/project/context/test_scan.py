"""A scan of a build context finds its digest, its upload hashes and its problems."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unicodedata
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envsync.model.canonical import canonical_json
from envsync.model.environment import Build, BuildContext, EnvironmentSpec, InferenceConfig, Route
from envsync.model.errors import EnvsyncError
from envsync.project.context.copy import copy_context
from envsync.project.context.scan import ContextScan, scan_context
from envsync.project.context.walk import MAX_REPEATED_ENTRIES, ContextWalk
from envsync.targets.store.tables import CREATE_SCRIPT
from tests.examples import examples

# azure-ai-ml hashes these bytes before the files of a context. The constant is not imported from
# envsync, so that tests fail if envsync changes its constant.
SEED = b"Initialize for october 2021 AML CLI version"
REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get("ENVSYNC_TEST_DATA", REPOSITORY.parent / "shared"))
BUNDLE = DATA / "corpus" / "azureml-assets-release-2022-2024.bundle"

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")


@pytest.fixture(scope="module")
def sdk() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("azure.ai.ml._utils._asset_utils")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write(directory: Path, **files: str | bytes) -> Path:
    """Writes files below a directory. In a keyword, `__` is `/`, and a leading `_` is `.`."""
    return write_all(
        directory, {re.sub("^_", ".", k.replace("__", "/")): v for k, v in files.items()}
    )


def write_all(directory: Path, files: dict[str, str | bytes]) -> Path:
    for path, content in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return directory


def scan(directory: Path) -> ContextScan:
    return scan_context(directory, directory.parent)


def uploads(context: BuildContext) -> set[str]:
    """Returns the upload hashes of all hash functions."""
    return {upload for found in context.uploads.values() for upload in found}


def names(found: ContextScan) -> set[str]:
    assert found.context.files is not None
    return set(found.context.files)


# --- the golden digests of docs/reference/digest.md -----------------------------------------------

# `.amlignore` drops `build.log`, so its content is in no hash.
GOLDEN_FILES: dict[str, str | bytes] = {
    "Dockerfile": "FROM python:3.12-slim\nCOPY app /app\n",
    "app/run.py": "print('ready')\n",
    ".amlignore": "*.log\n",
    "build.log": "not counted",
}
GOLDEN_CONTEXT = "sha256:8ad2517d9cebe2a22fcea477ee7858da46f2a424d0669c843c9c5d339ab328da"
GOLDEN_SPEC = "sha256:8cf64b7a58cab5efb752230886c1d8fc4f0f6ebb8db5fe67cc1a46d3402a8acb"
GOLDEN_UPLOADS = {
    "e7a265cba2adc5c5395867bd3215c3e13885d6529c89a99eec52b04a3ced388a",
    "8076baec053a9356a5fa9da0660b40bf",
}
GOLDEN_CONDA = canonical_json(
    {
        "name": "pydata",
        "channels": ["conda-forge"],
        "dependencies": ["python=3.12", {"pip": ["numpy==2.1.0"]}],
    }
)


def test_the_golden_context_has_the_documented_digest_and_hashes(tmp_path: Path) -> None:
    found = scan(write_all(tmp_path / "churn", GOLDEN_FILES))
    assert found == ContextScan(
        BuildContext(
            GOLDEN_CONTEXT,
            {
                ".amlignore": sha256(b"*.log\n"),
                "Dockerfile": sha256(b"FROM python:3.12-slim\nCOPY app /app\n"),
                "app/run.py": sha256(b"print('ready')\n"),
            },
        ),
        total_bytes=57,  # without build.log
    )
    assert uploads(found.context) == GOLDEN_UPLOADS
    assert found.context.directory == str(tmp_path / "churn")
    assert EnvironmentSpec(build=Build(found.context)).digest == GOLDEN_SPEC


@pytest.mark.parametrize(
    ("spec", "digest"),
    [
        (
            EnvironmentSpec(image="python:3.12-slim"),
            "sha256:06efcb5ee68ec12fa7ad859e72880f6621cf1fee261deed88c952a51a06ac96c",
        ),
        (
            EnvironmentSpec(
                image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
                conda_file=GOLDEN_CONDA,
                inference_config=InferenceConfig(
                    Route("/live", 5001), Route("/ready", 5001), Route("/score", 5001)
                ),
            ),
            "sha256:17922a4f40f5236b4f8cd67a396adfc51106b7ae3874af1b7f894a7edffbfdaf",
        ),
    ],
)
def test_a_golden_spec_has_the_documented_digest(spec: EnvironmentSpec, digest: str) -> None:
    assert spec.digest == digest


def test_the_example_in_the_documentation_prints_the_golden_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (REPOSITORY / "docs" / "reference" / "digest.md").read_text(encoding="utf-8")
    python = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert python is not None
    monkeypatch.chdir(write_all(tmp_path, GOLDEN_FILES))
    printed = subprocess.run(
        [sys.executable, "-c", python[1]], capture_output=True, text=True, check=True
    ).stdout
    assert printed == f"{GOLDEN_CONTEXT}\n{GOLDEN_SPEC}\n"
    assert f"```text\n{printed}```" in page
    hashes = (REPOSITORY / "docs" / "contributing" / "upload-hashes.md").read_text("utf-8")
    assert all(upload in hashes for upload in GOLDEN_UPLOADS)
    assert sha256(b'envsync-spec 1\n{"image":"python:3.12-slim","os_type":"Linux"}') in page


def test_hashes_do_not_depend_on_order_time_mode_or_location(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = write_all(tmp_path / "elsewhere" / "x", dict(reversed(GOLDEN_FILES.items())))
    (directory / "app" / "run.py").chmod(0o755)
    os.utime(directory / "Dockerfile", (1, 1))
    monkeypatch.chdir(directory / "app")
    found = scan_context(Path(".."), tmp_path)
    assert found.context.digest == GOLDEN_CONTEXT
    assert uploads(found.context) == GOLDEN_UPLOADS


# --- the content ------------------------------------------------------------------------------


def test_an_empty_directory_changes_only_the_upload_hash(tmp_path: Path) -> None:
    directory = write(tmp_path / "c", Dockerfile="FROM a")
    before = scan(directory).context
    (directory / "empty").mkdir()
    after = scan(directory).context
    assert after.digest == before.digest
    assert not uploads(after) & uploads(before)


def test_gitignore_is_used_only_without_amlignore(tmp_path: Path) -> None:
    directory = write(tmp_path / "c", a="", b="", _gitignore="a\n")
    assert names(scan(directory)) == {".gitignore", "b"}
    write(directory, _amlignore="b\n")
    assert names(scan(directory)) == {".gitignore", ".amlignore", "a"}


def test_nested_ignore_files_have_no_effect(tmp_path: Path) -> None:
    directory = write_all(tmp_path / "c", {"d/a": "", "d/.gitignore": "a\n", "d/.amlignore": "a"})
    assert names(scan(directory)) == {"d/a", "d/.gitignore", "d/.amlignore"}


def test_an_ignore_file_can_drop_itself(tmp_path: Path) -> None:
    assert names(scan(write(tmp_path / "c", a="", _amlignore=".amlignore"))) == {"a"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"\xff", "not UTF-8"), (b"a\nb\\\n", "line 2 is not a valid pattern: b\\")],
)
def test_an_ignore_file_that_azure_ai_ml_cannot_read_is_reported(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    found = scan(write(tmp_path / "c", a="", _amlignore=content))
    assert found.broken == (f".amlignore: {reason}",)
    assert uploads(found.context) == set()


def test_an_ignore_file_that_is_a_directory_is_reported(tmp_path: Path) -> None:
    found = scan(write(tmp_path / "c", _gitignore__a=""))
    assert found.broken == (".gitignore: not a file",)


def test_re_included_files_of_a_dropped_directory_are_uploaded_but_not_hashed(
    tmp_path: Path,
) -> None:
    # azure-ai-ml skips a dropped directory when it hashes files, but not when it uploads them.
    directory = write(tmp_path / "c", d__keep="1", d__drop="", _amlignore="d\n!d/keep\n")
    before = scan(directory)
    assert names(before) == {".amlignore", "d/keep"}
    assert before.unhashed == ("d/keep",)
    write(directory, d__keep="2")
    after = scan(directory)
    assert uploads(after.context) == uploads(before.context)
    assert after.context.digest != before.context.digest


def test_a_large_file_is_hashed_completely(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    found = scan(write(tmp_path / "c", model=content))
    assert found.context.files == {"model": sha256(content)}
    assert found.total_bytes == len(content)
    assert hashlib.sha256(SEED + b"model" + content).hexdigest() in uploads(found.context)


def test_names_are_normalised_to_nfc(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    one = scan(write_all(tmp_path / "1", {composed: ""}))
    other = scan(write_all(tmp_path / "2", {decomposed: ""}))
    assert names(one) == names(other) == {composed}
    assert one.context.digest == other.context.digest


def test_two_names_that_are_equal_in_nfc_are_reported(tmp_path: Path) -> None:
    directory = write_all(tmp_path / "c", {"caf\u00e9": "", "cafe\u0301": ""})
    if len(list(directory.iterdir())) == 1:
        pytest.skip("this file system takes both for one name")
    found = scan(directory)
    assert found.broken == (
        "caf\u00e9: two names that are equal after Unicode normalisation (NFC)",
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_a_name_that_is_not_utf_8_is_reported(tmp_path: Path) -> None:
    directory = write(tmp_path / "c", a="", _amlignore="*.x")
    Path(os.fsdecode(os.fsencode(directory) + b"/caf\xe9")).write_bytes(b"")
    Path(os.fsdecode(os.fsencode(directory) + b"/\xe9.x")).write_bytes(b"")
    found = scan(directory)
    assert names(found) == {".amlignore", "a"}
    assert found.broken == ("caf\\xe9: a name that is not UTF-8",)


def test_a_context_that_is_missing_or_is_a_file_is_reported(tmp_path: Path) -> None:
    write(tmp_path, file="")
    assert scan(tmp_path / "none").broken == (".: No such file or directory",)
    assert scan(tmp_path / "file").broken == (".: Not a directory",)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_reported(tmp_path: Path) -> None:
    directory = write(tmp_path / "c", a="")
    os.mkfifo(directory / "pipe")
    found = scan(directory)
    assert names(found) == {"a"}
    assert found.broken == ("pipe: neither a file nor a directory",)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_an_unreadable_file_or_directory_is_reported(tmp_path: Path) -> None:
    directory = write(tmp_path / "c", a="", d__b="")
    (directory / "a").chmod(0)
    (directory / "d").chmod(0)
    found = scan(directory)
    (directory / "d").chmod(0o700)
    assert found.broken == ("a: Permission denied", "d: Permission denied")


def test_directories_that_are_nested_too_deeply_are_reported(tmp_path: Path) -> None:
    # This path is deeper than `MAX_DEPTH`, which is 200.
    directory = write_all(tmp_path / "c", {"/".join("d" * 250) + "/a": ""})
    (broken,) = scan(directory).broken
    assert broken.endswith(": more than 200 directories deep")


# --- symbolic links -------------------------------------------------------------------------------


@needs_links
def test_a_link_is_hashed_like_its_target(tmp_path: Path) -> None:
    write(tmp_path, shared__a="1")
    linked, plain = write(tmp_path / "1", b="2"), write(tmp_path / "2", b="2", d__a="1", f="2")
    (linked / "d").symlink_to("../shared")
    (linked / "f").symlink_to("b")
    assert scan(linked) == scan(plain)
    assert uploads(scan(linked).context) == uploads(scan(plain).context)


@needs_links
@pytest.mark.parametrize("target", ["/", "../../outside", "../../outside/a", "../../nowhere"])
def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path, target: str) -> None:
    write(tmp_path, outside__a="secret")
    directory = write(tmp_path / "project" / "c", d__b="")
    (directory / "d" / "link").symlink_to(target if target == "/" else "../" + target)
    found = scan(directory)
    assert names(found) == {"d/b"}
    assert (found.escapes, found.broken) == (("d/link",), ())
    assert uploads(found.context) == set()


@needs_links
def test_a_context_outside_the_project_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, outside__a="secret", project__a="")
    (tmp_path / "project" / "c").symlink_to("../outside")
    found = scan(tmp_path / "project" / "c")
    assert (names(found), found.escapes) == (set(), (".",))


@needs_links
def test_an_ignore_file_outside_the_project_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, ignore="*")
    directory = write(tmp_path / "project" / "c", a="")
    (directory / ".amlignore").symlink_to("../../ignore")
    found = scan(directory)
    assert (names(found), found.escapes) == ({"a"}, (".amlignore",))


@needs_links
@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("nowhere", "a link to a file that does not exist"),
        ("link", "a link to itself"),
        (".", "a link to a parent directory, which makes an endless loop"),
        ("..", "a link to a parent directory, which makes an endless loop"),
        ("../..", "a link to a parent directory, which makes an endless loop"),
    ],
)
def test_a_link_without_a_target_or_in_a_loop_is_reported(
    tmp_path: Path, target: str, reason: str
) -> None:
    directory = write(tmp_path / "c", d__a="")
    (directory / "d" / "link").symlink_to(target)
    found = scan(directory)
    assert {broken.rpartition(": ")[2] for broken in found.broken} == {reason}
    assert uploads(found.context) == set()


@needs_links
def test_a_dropped_link_to_a_file_is_not_reported(tmp_path: Path) -> None:
    directory = write(tmp_path / "c", a="", _amlignore="link*\n")
    (directory / "link1").symlink_to("nowhere")
    (directory / "link2").symlink_to("/etc/passwd")
    (directory / "link3").symlink_to("link3")
    found = scan(directory)
    assert (names(found), found.escapes, found.broken) == ({".amlignore", "a"}, (), ())


@needs_links
def test_files_behind_a_dropped_link_to_a_directory_are_uploaded(tmp_path: Path) -> None:
    # azure-ai-ml enters every directory to upload files, even a dropped directory or link.
    write(tmp_path, shared__a="")
    directory = write(tmp_path / "c", venv__b="", _amlignore="link\nvenv\n")
    (directory / "link").symlink_to("../shared")
    (directory / "venv" / "inner").symlink_to("../../shared")
    (directory / "venv" / "self").symlink_to(".")
    found = scan(directory)
    assert found.unhashed == ("link/a", "venv/inner/a")
    assert (found.escapes, found.broken) == ((), ())


@needs_links
def test_exponentially_many_links_are_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each of the 24 levels has two links, so 2 ** 24 paths lead to the same file.
    monkeypatch.setattr("envsync.project.context.walk.MAX_REPEATED_ENTRIES", 1000)
    for level in range(24):
        directory = tmp_path / str(level)
        directory.mkdir()
        for name in "ab":
            (directory / name).symlink_to(f"../{level + 1}")
    write_all(tmp_path, {"24/file": ""})
    found = scan(tmp_path / "0")
    assert found.broken == (".: too many files behind links",)


@needs_links
def test_the_search_of_directories_that_link_to_each_other_ends_early(tmp_path: Path) -> None:
    for directory in "abcdefgh":
        (tmp_path / directory).mkdir()
        for other in set("abcdefgh") - {directory}:
            (tmp_path / directory / other).symlink_to(f"../{other}")
    walk = ContextWalk(str(tmp_path), str(tmp_path))
    walk.run()
    assert ".: too many files behind links" in walk.broken
    # Each entry of the maze adds at most one problem.
    assert len(walk.broken) <= MAX_REPEATED_ENTRIES + 100


@needs_links
def test_a_large_directory_behind_one_link_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envsync.project.context.walk.MAX_REPEATED_ENTRIES", 10)
    write_all(tmp_path, {f"data/{number}": "" for number in range(30)})
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "data").symlink_to("../data")
    assert len(scan(tmp_path / "context").context.files or ()) == 30


# --- oddities -------------------------------------------------------------------------------------


def test_crlf_is_found_in_text_files_only(tmp_path: Path) -> None:
    directory = write(
        tmp_path / "c",
        a="1\r\n",
        b="1\n",
        c=b"\0\r\n",  # a null byte marks a binary file
        d__e="1\n2\r\n",
        large="\r\n" * 600_000,  # above 1 MiB, so its line ends are not checked
    )
    assert scan(directory).crlf == ("a", "d/e")


def test_a_scan_reports_files_that_tools_create(tmp_path: Path) -> None:
    directory = write_all(
        tmp_path / "c",
        dict.fromkeys(
            [
                "a/__pycache__/m.pyc",
                "a/__pycache__/n.pyc",
                "a/m.py",
                ".DS_Store",
                "m.pyc",
                "a/._m.py",
                ".m.py.swp",
                "m.py~",
                "Thumbs.db",
                ".gitattributes",
                "a/.ipynb_checkpoints/x.ipynb",
            ],
            "",
        ),
    )
    assert scan(directory).clutter == (
        ".DS_Store",
        ".m.py.swp",
        "Thumbs.db",
        "a/._m.py",
        "a/.ipynb_checkpoints/",
        "a/__pycache__/",
        "m.pyc",
        "m.py~",
    )


# --- names that only envsync leaves out -----------------------------------------------------------


def test_dot_git_and_the_directory_dot_envsync_are_left_out_at_every_depth(tmp_path: Path) -> None:
    content: dict[str, str | bytes] = {"Dockerfile": "", "sub/a": "", ".gitattributes": ""}
    plain = scan(write_all(tmp_path / "plain", content))
    for name, others in {
        "directories": [".git/HEAD", ".envsync/local.db", ".envsync/contexts/0/Dockerfile"],
        "files": [".git", "sub/.git"],
        "nested": ["sub/.envsync/local.db", "sub/.git/HEAD"],
    }.items():
        found = scan(write_all(tmp_path / name, {**content, **dict.fromkeys(others, "x")}))
        assert found.context == plain.context
        assert found.total_bytes == plain.total_bytes
        assert uploads(found.context) >= uploads(plain.context)
        assert found.clutter == ()


def test_a_file_named_dot_envsync_is_not_left_out(tmp_path: Path) -> None:
    assert names(scan(write_all(tmp_path / "c", {".envsync": "", ".git2": ""}))) == {
        ".envsync",
        ".git2",
    }


@needs_links
def test_a_link_named_dot_envsync_is_left_out(tmp_path: Path) -> None:
    write_all(tmp_path, {"state/local.db": "x", "c/a": ""})
    (tmp_path / "c" / ".envsync").symlink_to("../state")
    (tmp_path / "c" / ".git").symlink_to("../nowhere")
    found = scan(tmp_path / "c")

    assert names(found) == {"a"}
    assert (found.escapes, found.broken) == ((), ())


def test_a_re_include_pattern_does_not_add_names_that_envsync_leaves_out(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {".git/HEAD": "", ".envsync/local.db": "", "a": ""}
    lines = "*\n!a\n!.git/HEAD\n!.envsync/local.db\n"

    assert names(scan(write_all(tmp_path / "c", {**files, ".amlignore": lines}))) == {"a"}


def test_dot_git_is_reported_if_the_ignore_file_does_not_drop_it(tmp_path: Path) -> None:
    directory = write_all(tmp_path / "c", {".git": "gitdir: x\n", "sub/.git/HEAD": "", "a": ""})
    assert scan(directory).git == (".git", "sub/.git/")

    write(directory, _gitignore=".git\n")
    assert scan(directory).git == ()


@pytest.mark.parametrize("ignored", [False, True])
def test_uploads_have_hashes_with_and_without_the_git_file_of_a_submodule(
    tmp_path: Path, sdk: Any, ignored: bool
) -> None:
    content: dict[str, str | bytes] = {"Dockerfile": "1", "sub/a": "2", "z": "3"}
    if ignored:
        content[".amlignore"] = ".git\n"
    with_git = write_all(tmp_path / "c", {**content, "sub/.git": "gitdir: ../../.git/modules/sub"})
    ignore_file = sdk.get_ignore_file(with_git)
    uploaded = {
        name for _, name in sdk.get_upload_files_from_folder(with_git, ignore_file=ignore_file)
    }
    # Without envsync, azure-ai-ml uploads the `.git` file unless `.amlignore` drops it.
    assert ("sub/.git" in uploaded) is not ignored

    found = scan(with_git)
    assert names(found) == uploaded - {"sub/.git"}
    assert sdk.get_object_hash(with_git, ignore_file) in uploads(found.context)
    # envsync gives azure-ai-ml a copy of the context without `.git`, and azure-ai-ml hashes the
    # copy.
    copy_context(found.context, tmp_path / "copy")
    copied = sdk.get_ignore_file(tmp_path / "copy")
    assert sdk.get_object_hash(tmp_path / "copy", copied) in uploads(found.context)
    assert len(uploads(found.context)) == (2 if ignored else 4)


def test_a_scan_reports_git_lfs_pointers_and_files_of_local_targets(tmp_path: Path) -> None:
    path = tmp_path / "c" / "state.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.executescript(CREATE_SCRIPT)
    with closing(sqlite3.connect(tmp_path / "c" / "other.db")) as database:
        database.executescript("CREATE TABLE a (b)")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1\n"
    found = scan(write(tmp_path / "c", model=pointer, text="version 1\n"))

    assert found.local_targets == ("state.db",)
    assert found.pointers == ("model",)


def test_dropped_files_that_tools_create_are_not_reported(tmp_path: Path) -> None:
    directory = write(tmp_path / "c", _amlignore="__pycache__/\n", __pycache____a="")
    assert scan(write_all(directory, {"__pycache__/a.pyc": ""})).clutter == ()


def test_a_scan_reports_files_that_docker_drops(tmp_path: Path) -> None:
    directory = write(
        tmp_path / "c", Dockerfile="", _dockerignore="*\n!app\n", app__a="", b="", d__app=""
    )
    found = scan(directory)
    assert found.docker_ignored == ("b", "d/app")
    assert names(found) == {".dockerignore", "Dockerfile", "app/a", "b", "d/app"}


def test_a_dockerignore_that_the_ignore_file_drops_has_no_effect(tmp_path: Path) -> None:
    directory = write(tmp_path / "c", a="", _dockerignore="a", _amlignore=".dockerignore")
    assert scan(directory).docker_ignored == ()


# --- copies ---------------------------------------------------------------------------------------


@needs_links
def test_a_copy_has_exactly_the_files_of_the_context(tmp_path: Path) -> None:
    write(tmp_path, shared__a="1")
    directory = write_all(tmp_path / "c", {**GOLDEN_FILES, "cafe\u0301/cafe\u0301": "2"})
    (directory / "link").symlink_to("../shared")
    (directory / "empty").mkdir()
    context = scan(directory).context
    copy_context(context, tmp_path / "new" / "copy")
    copied = {
        path.relative_to(tmp_path / "new" / "copy").as_posix(): sha256(path.read_bytes())
        for path in (tmp_path / "new" / "copy").rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    assert copied == context.files
    assert scan(tmp_path / "new" / "copy").context.digest == context.digest
    assert not (tmp_path / "new" / "copy" / "empty").exists()


@pytest.mark.parametrize("change", ["edited", "deleted", "replaced by a directory"])
def test_copying_a_changed_context_fails_and_removes_the_copy(tmp_path: Path, change: str) -> None:
    directory = write(tmp_path / "c", a="1", b="2")
    context = scan(directory).context
    (directory / "b").unlink()
    if change == "edited":
        write(directory, b="3")
    elif change == "replaced by a directory":
        (directory / "b").mkdir()
    with pytest.raises(EnvsyncError, match=r"changed on disk .*: b was removed or modified"):
        copy_context(context, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_context_without_files_cannot_be_copied(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scanned"):
        copy_context(BuildContext("sha256:0"), tmp_path / "copy")


# --- comparison with azure-ai-ml ------------------------------------------------------------------


def assert_same_as_sdk(sdk: Any, directory: Path, found: ContextScan) -> None:
    ignore_file = sdk.get_ignore_file(directory)
    uploaded = sdk.get_upload_files_from_folder(directory, ignore_file=ignore_file)
    assert found.context.files == {
        unicodedata.normalize("NFC", name): sha256(Path(path).read_bytes())
        for path, name in uploaded
    }
    # Releases of azure-ai-ml hash with SHA-256 or with MD5.
    md5 = hashlib.md5(SEED, usedforsecurity=False)
    assert uploads(found.context) == {
        sdk.get_object_hash(directory, ignore_file),
        sdk._get_dir_hash(directory, md5, ignore_file).hexdigest(),
    }


entry_names = st.sampled_from(
    [
        "a",
        "A",
        "b",
        "B.txt",
        "b.TXT",
        ".c",
        "dir",
        "Dir",
        "x y",
        "[z]",
        "a-b",
        "ab",
        "\u00e4",
        "\u00c4",
        "\u03a3",
        "cafe\u0301",
        "\U0001f600",
    ]
)
file_paths = st.lists(entry_names, min_size=1, max_size=3).map("/".join)
ignore_lines = st.one_of(
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "", "!"]),
        st.sampled_from(["", "", "/", "**/"]),
        file_paths,
        st.sampled_from(["", "", "/", "/*", "/**"]),
    ),
    st.sampled_from(
        ["*", "!*", "*.txt", "# a", "", "  ", "**/a", "a/**/b", "[ab]", "?", "**/", "/"]
    ),
)


@needs_links
@settings(max_examples=examples(150), deadline=None)
@example({"a": b"1", "A": b"2"}, [], {}, {})
@example({"d/a": b""}, [], {}, {".amlignore": ["d", "!d/a"]})
@example({"d/a": b""}, ["e"], {"link": 0, "e/link": 1}, {".amlignore": ["link"]})
@given(
    files=st.dictionaries(file_paths, st.binary(max_size=4), max_size=8),
    directories=st.lists(file_paths, max_size=2),
    links=st.dictionaries(file_paths, st.integers(0, 20), max_size=3),
    ignores=st.dictionaries(
        st.sampled_from([".amlignore", ".gitignore"]), st.lists(ignore_lines, max_size=4)
    ),
)
def test_envsync_and_azure_ai_ml_hash_and_upload_the_same_files(
    sdk: Any,
    files: dict[str, bytes],
    directories: list[str],
    links: dict[str, int],
    ignores: dict[str, list[str]],
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary).resolve()
        write(root, shared__a="1", shared__dir__b="2")
        directory = root / "context"
        for name in directories:
            (directory / name).mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            above = [directory / parent for parent in Path(path).parents]
            if not (directory / path).exists() and not any(parent.is_file() for parent in above):
                write_all(directory, {path: content})
        directory.mkdir(exist_ok=True)
        targets = [root / "shared", *sorted(directory.rglob("*")), root / "shared" / "a"]
        for link, target in links.items():
            link_path = directory / link
            if link_path.parent.is_dir() and not os.path.lexists(link_path):
                relative = os.path.relpath(
                    targets[target % len(targets)], link_path.parent.resolve()
                )
                link_path.symlink_to(relative)
        for name, lines in ignores.items():
            if not os.path.lexists(directory / name):
                write_all(directory, {name: "\n".join(lines)})
        found = scan_context(directory, root)
        # For a context with broken files or escaping links, azure-ai-ml fails, or reads files that
        # envsync does not read.
        if not found.broken and not found.escapes:
            assert_same_as_sdk(sdk, directory, found)


@needs_links
def test_the_patterns_of_a_linked_ignore_file_are_relative_to_the_target_of_the_link(
    tmp_path: Path, sdk: Any
) -> None:
    directory = write(tmp_path / "c", a="", b="", d__a="")
    write_all(tmp_path, {".gitignore": "/a\nc/b\n"})
    (directory / ".gitignore").symlink_to("../.gitignore")
    found = scan(directory)
    assert names(found) == {".gitignore", "a", "d/a"}
    assert_same_as_sdk(sdk, directory, found)


def test_envsync_and_azure_ai_ml_hash_released_contexts_equally(tmp_path: Path, sdk: Any) -> None:
    if not BUNDLE.exists():
        pytest.skip(f"needs {BUNDLE}; ENVSYNC_TEST_DATA names the directory of test data")
    if shutil.which("git") is None:
        pytest.skip("needs git")
    subprocess.run(
        ["git", "clone", "--quiet", "--branch", "release", BUNDLE, tmp_path / "assets"], check=True
    )
    contexts = sorted((tmp_path / "assets").glob("*/context"))
    # This assertion fails if the layout of the release changes and the pattern finds no contexts.
    assert len(contexts) > 50
    for directory in contexts:
        assert_same_as_sdk(sdk, directory, scan_context(directory, tmp_path / "assets"))
