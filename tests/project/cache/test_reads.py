"""A project that is read with the cache of an earlier command is read as without a cache."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import yaml

from envsync.model.policy import FilePolicy
from envsync.project import files as files_module
from envsync.project import processes, reading
from envsync.project.cache import reads
from envsync.project.files import Files, ParsedFile, parse
from envsync.project.load import Loaded, load
from tests.project.project import DATA, write
from tests.project.test_reading import CONDA, PROJECT, load_in


class Project:
    """A project whose files are counted as they are parsed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.parsed: list[bytes] = []

    @property
    def cache(self) -> Path:
        return self.root / ".envsync" / "reads"

    def load(self, **settings: Any) -> Loaded:
        """Loads the project with and without the cache, and compares the results."""
        plain_files, files = Files.below(self.root), Files.below(self.root)
        arguments = {"rules": {}, "versions": "auto", **settings}
        plain = load(self.root, [self.root], files=plain_files, **arguments)
        self.parsed.clear()
        loaded = load(self.root, [self.root], files=files, keep_reads=True, **arguments)

        assert loaded == plain
        assert [item.spec.digest for item in loaded.declarations] == [
            item.spec.digest for item in plain.declarations
        ]
        assert files.contents == plain_files.contents
        assert files.named == plain_files.named
        # The order of problems in a report decides which ones are shown of many.
        assert files.condas == plain_files.condas
        return loaded


def device(path: str) -> int:
    return Path(path).stat().st_dev


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = Project(tmp_path / "project")
    project.root.mkdir()

    def counted(data: bytes) -> ParsedFile:
        project.parsed.append(data)
        return parse(data)

    monkeypatch.setattr(files_module, "parse", counted)
    monkeypatch.setattr(reading, "MIN_FILES", 1)
    monkeypatch.setattr(processes, "cores", lambda: 1)
    # The temporary directory of a container is often on a file system that is not trusted.
    monkeypatch.setattr(reads, "trusted_device", device)
    return project


PLAIN = {
    "a.yml": "name: a\nversion: 1\nimage: i:1\nconda_file: shared.yml\ntags: {t: 1}\n",
    "b.yml": "name: b\ndescription: B\nimage: i:1\nconda_file: shared.yml\n",
    "c.yml": "name: c\nimage: i\nconda_file: sub/../own.yml\n",
    "d.yml": "name: d\nimage: i:2\nconda_file: {dependencies: [python]}\n",
    "e.yml": "name: e\nimage: i:2\nos_type: windows\ninference_config:\n"
    "  liveness_route: {path: /, port: 80}\n  readiness_route: {path: /, port: 81}\n"
    "  scoring_route: {path: /, port: 82}\n",
    "f.yml": "# x\nname: f\nimage: i  # envsync: ignore[image-tag]\n",
    "sub/g.yml": "name: g\nimage: i:1\nconda_file: ../shared.yml\nunknown: 1\n",
    "shared.yml": CONDA,
    "own.yml": f"{CONDA}  - scipy\n",
    "h.yml": "name: h\nimage: i:1\nconda_file: same.yml\n",
    "same.yml": CONDA,
}

# --- what is read again ---------------------------------------------------------------------------


def test_a_second_load_parses_no_file(project: Project) -> None:
    write(project.root, PLAIN)
    loaded = project.load()
    assert len(project.parsed) == len(PLAIN)
    assert len({problem.rule for problem in loaded.problems}) > 3

    assert project.load() == loaded
    assert project.parsed == []


def test_a_second_load_writes_nothing(project: Project) -> None:
    write(project.root, PLAIN)
    project.load()
    before = project.cache.stat()
    project.load()

    assert project.cache.stat() == before


def test_only_changed_files_are_parsed(project: Project) -> None:
    write(project.root, PLAIN)
    project.load()
    write(project.root, {"a.yml": PLAIN["a.yml"] + "description: A\n"})
    project.load()

    assert project.parsed == [PLAIN["a.yml"].encode() + b"description: A\n", CONDA.encode()]
    project.load()
    assert project.parsed == []


def test_each_file_of_a_changed_conda_file_is_parsed(project: Project) -> None:
    write(project.root, PLAIN)
    project.load()
    write(project.root, {"shared.yml": CONDA.replace("3.11", "3.12")})
    project.load()

    assert len(project.parsed) == 4  # three environment files, and the conda file once


def test_a_file_of_the_same_size_and_times_is_parsed(project: Project) -> None:
    write(project.root, PLAIN)
    project.load()
    path = project.root / "b.yml"
    before = path.stat()
    path.write_text(PLAIN["b.yml"].replace("i:1", "i:2"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    loaded = project.load()

    assert {item.spec.image for item in loaded.declarations if item.name == "b"} == {"i:2"}


def test_a_branch_finds_its_entries_again(project: Project) -> None:
    texts = {}
    for name in "abc":
        # The conda files are not found as YAML files.
        texts[f"{name}.yml"] = f"name: {name}\nimage: i:1\nconda_file: {name}.txt\n"
        texts[f"{name}.txt"] = CONDA
    write(project.root, texts)
    project.load()
    write(project.root, {name: f"{text}# branch\n" for name, text in texts.items()})
    project.load()
    write(project.root, texts)
    project.load()

    assert project.parsed == []


def test_a_load_of_one_directory_keeps_the_entries_of_others(project: Project) -> None:
    for number in range(9):
        # The conda files are not found as YAML files.
        text = f"name: e{number}\nimage: i:1\nconda_file: ../{number}.txt\n"
        write(project.root, {f"environments/{number}.yml": text, f"{number}.txt": CONDA})
    write(project.root, {"environments/sub/a.yml": "name: a\nimage: i:1\n"})
    project.load()
    write(project.root, {"environments/sub/a.yml": "name: a\nimage: i:2\n"})
    project.load(paths=[project.root / "environments" / "sub"])
    assert len(project.parsed) == 1

    project.load()
    assert project.parsed == []


def test_entries_that_nobody_uses_are_dropped_when_they_are_too_many(project: Project) -> None:
    stable = "name: stable\nimage: i:1\nconda_file: stable.txt\n"
    write(project.root, {**PLAIN, "stable.yml": stable, "stable.txt": CONDA})
    project.load()
    sizes = [project.cache.stat().st_size]
    for number in range(12):
        write(project.root, {name: f"{text}# {number}\n" for name, text in PLAIN.items()})
        project.load()
        sizes.append(project.cache.stat().st_size)
        assert stable.encode() not in project.parsed

    assert max(sizes) < 4 * sizes[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"rules": {"missing-description": "error"}},
        {"rules": {"missing-description": "off"}},
        {"versions": "explicit"},
        {"policy": FilePolicy(images=("mcr.microsoft.com/*",), lines={"images": 3})},
    ],
)
def test_other_settings_have_other_entries(project: Project, settings: dict[str, Any]) -> None:
    write(project.root, PLAIN)
    default = project.load()

    assert project.load(**settings) != default
    assert project.load() == default


def test_a_directory_that_is_moved_has_other_entries(project: Project) -> None:
    write(project.root, PLAIN)
    project.load()
    project.root = project.root.rename(project.root.with_name("moved"))
    project.load()

    assert len(project.parsed) == len(PLAIN)


def test_paths_through_a_link_have_other_entries(project: Project) -> None:
    write(project.root, PLAIN)
    project.load()
    link = project.root.with_name("link")
    link.symlink_to(project.root)
    project.root = link
    project.load()

    assert len(project.parsed) == len(PLAIN)


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (reads, "__version__", "99"),
        (reads, "_code", lambda: [("new.py", (1,))]),
        (sys, "version", "4.0"),
        (sys, "get_int_max_str_digits", lambda: 640),
        (msgspec, "__version__", "99"),
        (yaml, "__version__", "99"),
        (yaml, "__with_libyaml__", False),
    ],
)
def test_another_program_has_other_entries(
    project: Project, module: object, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project.root, PLAIN)
    project.load()
    monkeypatch.setattr(module, name, value)
    project.load()

    assert len(project.parsed) == len(PLAIN)


def test_every_module_that_reads_files_is_part_of_the_code() -> None:
    package = Path(reads.__file__).parents[2]
    code = {path for path, _ in reads._code()}
    imported = (
        "import sys, envsync.project.cache.kept, envsync.project.environment.build\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('envsync.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", imported],
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    others = {path for path in done.stdout.split() if path not in code}

    assert others == {str(package / "_version.py")}  # which is a part of its own
    assert str(package / "project" / "environment" / "retired.json") in code


# --- projects of all kinds ------------------------------------------------------------------------


def test_a_project_with_problems_of_all_kinds_is_read_the_same_again(project: Project) -> None:
    write(project.root, PROJECT)
    (project.root / "environments" / "link.yml").symlink_to("../../elsewhere.yml")
    project.load()
    loaded = project.load()

    assert len({problem.rule for problem in loaded.problems}) > 10
    assert len(project.parsed) > 3  # such files have no entry


def test_several_processes_use_the_entries(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project.root, PLAIN)
    one = project.load()
    before = project.cache.stat()
    # A fork that parses a file fails.
    monkeypatch.setattr(files_module, "parse", None)
    loaded, files = load_in(3, monkeypatch, keep_reads=True)(project.root)

    assert loaded == one
    assert len(files.contents) == len(PLAIN)
    assert project.cache.stat() == before


def test_several_processes_write_the_entries(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project.root, PLAIN)
    loaded, _ = load_in(3, monkeypatch, keep_reads=True)(project.root)

    assert project.load() == loaded
    assert project.parsed == []


def test_reports_of_conda_files_are_shared(project: Project) -> None:
    write(project.root, {**PLAIN, "shared.yml": f"{CONDA}  - numpy\n"})
    project.load()
    problems = [item for item in project.load().problems if item.file == "shared.yml"]

    assert project.parsed == []
    assert len(problems) == len(set(problems)) > 1


def test_only_the_files_that_are_wanted_are_read(project: Project) -> None:
    write(project.root, PLAIN)
    project.load()
    loaded = project.load(paths=[project.root / "sub"])

    assert loaded.files == 1
    project.load()
    assert project.parsed == []


def test_an_ignore_comment_also_turns_off_problems_with_other_files(project: Project) -> None:
    text = "name: a\nversion: 1  # envsync: ignore[duplicate-file]\nimage: i:1\n"
    write(project.root, {"a.yml": text, "b.yml": text})
    project.load()
    loaded = project.load()

    assert project.parsed == []
    assert "duplicate-file" not in {problem.rule for problem in loaded.problems}


def test_a_file_with_too_many_problems_has_no_entry(project: Project) -> None:
    unknown = "".join(f"unknown{number}: 1\n" for number in range(150))
    texts = {"a.yml": f"name: a\nimage: i:1\n{unknown}", "c.yml": f"{CONDA}{unknown}"}
    write(project.root, {**texts, "b.yml": "name: b\nimage: i:1\nconda_file: c.yml\n"})
    project.load()
    project.load()

    assert {text.encode() for text in texts.values()} <= {*project.parsed}


def test_a_build_has_no_entry(project: Project) -> None:
    text = "{name: a, image: i:1, build: {path: 'https://github.com/o/r.git'}}"
    write(project.root, {"a.yml": text, "b.yml": "{name: b, image: i:1, build: 1}"})
    project.load()
    project.load()

    assert len(project.parsed) == 2


def test_a_conda_file_whose_path_looks_like_a_url_has_no_entry(project: Project) -> None:
    text = "name: a\nimage: i:1\nconda_file: https://example.com/c.txt\n"
    path = project.root / "https:" / "example.com" / "c.txt"
    write(project.root, {"a.yml": text})
    write(path.parent, {"c.txt": CONDA})
    before = project.load().declarations
    path.write_text("dependencies: [python=3.12]\n")

    assert project.load().declarations != before


def test_public_repositories_are_read_the_same_again(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = DATA / "corpus" / "sdk-verdicts.jsonl"
    if not verdicts.is_file():
        pytest.skip(f"there are no public environment files in {DATA} (set ENVSYNC_TEST_DATA)")
    names = sorted({json.loads(line)["repo"] for line in verdicts.read_text().splitlines()})
    first, second = 0, 0
    for number, name in enumerate(names):
        project.root = DATA / "corpus" / name
        # The repositories cannot be written. An absolute path replaces the path of the project.
        monkeypatch.setattr(reads, "trusted_device", lambda _path: device(str(tmp_path)))
        monkeypatch.setattr(reads, "STATE", str(tmp_path / str(number)))
        project.load()
        first += len(project.parsed)
        project.load()
        second += len(project.parsed)

    assert second < first / 2


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def restore(root: Path) -> None:
    for name in ("sub", *PLAIN):
        remove(root / name)
    write(root, PLAIN)


# Each edit changes what one file of `PLAIN` means.
EDITS: dict[str, Callable[[Path], object]] = {
    "an image": lambda root: put(root / "a.yml", "name: a\nimage: i:9\n"),
    "an error": lambda root: put(root / "b.yml", "name: b\nimage: [\n"),
    "no file": lambda root: remove(root / "c.yml"),
    "another file": lambda root: put(root / "sub" / "h.yml", PLAIN["d.yml"]),
    "a conda file with an error": lambda root: put(root / "shared.yml", "a: ["),
    "a pinned conda file": lambda root: put(root / "shared.yml", "dependencies: [python=3.12]\n"),
    "no conda file": lambda root: remove(root / "own.yml"),
    "a conda file that is a link": lambda root: replace_by_link(root / "own.yml", "shared.yml"),
    "a link to another file": lambda root: replace_by_link(root / "own.yml", "d.yml"),
    "a link out of the project": lambda root: replace_by_link(
        root / "own.yml", "../outside/own.yml"
    ),
    "a conda file that is a directory": lambda root: replace_by_directory(root / "own.yml"),
    "a conda file that nobody can read": lambda root: replace_by_pipe(root / "shared.yml"),
    "a directory that is a link": lambda root: replace_by_link(root / "sub", "../outside"),
    "a build": lambda root: put(root / "e.yml", "{name: e, image: i:1, build: {path: x}}"),
    "no build": lambda root: put(root / "e.yml", PLAIN["e.yml"]),
    "an ignore comment": lambda root: put(root / "f.yml", "name: f\nimage: i\n"),
    "everything as before": restore,
}


def put(path: Path, text: str) -> None:
    # The path can be a link, or a pipe that nobody reads.
    remove(path)
    path.write_text(text)


def replace_by_link(path: Path, target: str) -> None:
    remove(path)
    path.symlink_to(target)


def replace_by_directory(path: Path) -> None:
    remove(path)
    path.mkdir()


def replace_by_pipe(path: Path) -> None:
    remove(path)
    os.mkfifo(path)


def prepare(root: Path) -> None:
    write(root, PLAIN)
    outside = {"g.yml": PLAIN["sub/g.yml"], "own.yml": CONDA, "../shared.yml": CONDA}
    write(root.parent, {f"outside/{name}": text for name, text in outside.items()})


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_seen(project: Project, edit: Callable[[Path], object]) -> None:
    prepare(project.root)
    project.load()
    edit(project.root)
    project.load()
    project.load()


@pytest.mark.parametrize("seed", range(5))
def test_many_edits_are_seen(project: Project, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(project.root)
    project.load()
    in_processes = load_in(2, monkeypatch, size=3, keep_reads=True)
    chosen = random.Random(seed)
    for _ in range(30):
        edit = chosen.choice([*EDITS.values()])
        # A link can lead to a file that an earlier edit has removed, or to itself.
        try:
            edit(project.root)
        except OSError:
            restore(project.root)
        loaded = in_processes(project.root)[0] if chosen.random() < 0.3 else None
        assert project.load() == (loaded or project.load())


# --- the file -------------------------------------------------------------------------------------


def with_checksum(data: bytes, body: bytes) -> bytes:
    """Returns a cache file with the header of `data` and another content."""
    return data[:32] + hashlib.sha256(body).digest() + body


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[:-10],
    "cut in the checksum": lambda data: data[:20],
    "one changed byte": lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
    "another image": lambda data: data.replace(b"i:1", b"i:9"),
    "longer": lambda data: data + b"\n",
    "garbage": lambda _: bytes(range(256)) * 10,
    "cut in the header": lambda data: data[:50],
    "another header": lambda data: bytes(32) + data[32:],
    "another content": lambda data: data[:64] + msgspec.msgpack.encode({}),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_cache_is_ignored_and_replaced(
    project: Project, damage: Callable[[bytes], bytes]
) -> None:
    write(project.root, PLAIN)
    project.load()
    data = project.cache.read_bytes()
    assert damage(data) != data
    project.cache.write_bytes(damage(data))

    project.load()
    assert len(project.parsed) == len(PLAIN)
    project.load()
    assert project.parsed == []


def test_a_cache_from_elsewhere_is_not_believed(project: Project) -> None:
    write(project.root, PLAIN)
    project.load()
    # As git does it with a commit that contains the directory.
    state = project.cache.parent
    shutil.copytree(state, state.with_name("copy"))
    shutil.rmtree(state)
    state.with_name("copy").rename(state)
    project.load()

    assert len(project.parsed) == len(PLAIN)


@pytest.mark.parametrize("changed", ["st_dev", "st_ino", "st_ctime_ns"])
def test_a_cache_needs_the_inode_and_the_time_of_its_directory(
    project: Project, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project.root, PLAIN)
    project.load()

    def created(state: Path) -> SimpleNamespace:
        status = (state / ".gitignore").lstat()
        same = {name: getattr(status, name) for name in ("st_dev", "st_ino", "st_ctime_ns")}
        return SimpleNamespace(**{**same, changed: same[changed] + 1})

    monkeypatch.setattr(reads, "create_state_directory", created)
    project.load()

    assert len(project.parsed) == len(PLAIN)


@pytest.mark.parametrize("content", [b"\x91" * 5_000 + b"\x90", b"\xdf\x01\x00\x00\x00", b""])
def test_a_forged_cache_is_not_decoded(project: Project, content: bytes) -> None:
    write(project.root, PLAIN)
    project.load()
    body = b"\x81\xc4\x01a" + content
    project.cache.write_bytes(bytes(32) + hashlib.sha256(body).digest() + body)
    project.load()

    assert len(project.parsed) == len(PLAIN)


def test_a_file_system_that_is_not_trusted_has_no_cache(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "trusted_device", lambda _path: None)
    write(project.root, PLAIN)
    project.load()

    assert not project.cache.parent.exists()


PLACES = [".envsync", ".envsync/.gitignore", ".envsync/reads"]


@pytest.mark.parametrize("place", PLACES)
def test_a_link_in_place_of_the_cache_is_not_followed(
    project: Project, place: str, tmp_path: Path
) -> None:
    write(project.root, PLAIN)
    project.load()
    path, outside = project.root / place, tmp_path / "outside"
    path.rename(outside)
    path.symlink_to(outside)
    before = sorted(outside.rglob("*")), outside.stat().st_mtime_ns
    project.load()

    assert len(project.parsed) == len(PLAIN)
    assert (sorted(outside.rglob("*")), outside.stat().st_mtime_ns) == before


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["file", "directory", "pipe"])
def test_a_path_of_another_kind_in_place_of_the_cache_is_ignored(
    project: Project, place: str, kind: str
) -> None:
    write(project.root, PLAIN)
    project.load()
    path = project.root / place
    remove(path)
    if kind == "file":
        path.write_bytes(b"")
    elif kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)
    project.load()

    assert len(project.parsed) == len(PLAIN)


def test_a_failed_write_leaves_no_temporary_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project.root, PLAIN)
    project.load()
    before = project.cache.read_bytes()

    def refuse(*_: object, **__: object) -> object:
        raise OSError(28, "No space left on device")

    write(project.root, {"new.yml": "name: new\nimage: i:1\n"})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        project.load()

    assert project.cache.read_bytes() == before
    assert sorted(path.name for path in project.cache.parent.iterdir()) == [".gitignore", "reads"]


def test_a_cache_that_is_too_large_is_not_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "_MAX_BYTES", 100)
    write(project.root, PLAIN)
    project.load()

    assert not project.cache.exists()


def test_values_that_cannot_be_encoded_have_no_entry(project: Project) -> None:
    port = PLAIN["e.yml"].replace("80", str(2**80))
    write(project.root, {"large.yml": port, "plain.yml": PLAIN["d.yml"]})
    linked = "name: n\nimage: i:1\nconda_file: link.yml\n"
    write(project.root, {"linked.yml": linked, "c.yml": CONDA})
    named = (project.root / "c.yml").rename(project.root / os.fsdecode(b"not-\xff.yml"))
    (project.root / "link.yml").symlink_to(named)
    project.load()
    project.load()

    assert {port.encode(), linked.encode()} <= {*project.parsed}


def test_a_small_project_has_no_cache(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    write(project.root, PLAIN)
    project.load()

    assert not project.cache.parent.exists()
