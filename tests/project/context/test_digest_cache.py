"""The digest of a context is the same with and without the digests of earlier scans."""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.model import secrets
from envsync.project.context import digest_cache
from envsync.project.context import scan as scan_module
from envsync.project.context.file_system import trusted_device
from envsync.project.context.reading import FileContent, FoundFile, read_all
from envsync.project.context.scan import ContextScan, scan_context
from envsync.project.files import Files
from envsync.targets.store.tables import CREATE_SCRIPT
from tests.examples import examples

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="digests are kept on Linux only")

MINUTE = 60 * 1_000_000_000
TICK = 0.02
"""Seconds after which a change has another time, on every file system that is trusted."""


def device(path: str) -> int:
    return Path(path).stat().st_dev


class Project:
    """A project with one build context, and the files that its scans have read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.context = root / "context"
        self.state = root / ".envsync"
        self.read: list[str] = []

    def write(self, **files: bytes) -> Path:
        self.context.mkdir(exist_ok=True)
        for name, content in files.items():
            (self.context / name).write_bytes(content)
        return self.context

    def scan(self) -> ContextScan:
        """Scans the context as another process would, a minute later."""
        self.read.clear()
        time.sleep(TICK)
        found = scan_context(self.context, self.root, self.state)
        plain = scan_context(self.context, self.root)
        assert (found, found.context.files) == (plain, plain.context.files)
        return found

    @property
    def cache(self) -> Path:
        (found,) = (self.state / "hashes").iterdir()
        return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = Project(tmp_path)

    def read(files: Sequence[FoundFile]) -> object:
        project.read.extend(file.shown for file in files)
        return read_all(files)

    now = time.time_ns
    # The clock is a minute ahead, so that no test waits until a file is settled.
    monkeypatch.setattr(time, "time_ns", lambda: now() + MINUTE)
    monkeypatch.setattr(digest_cache, "read_all", read)
    # The temporary directory of a container is often on a file system that is not trusted.
    monkeypatch.setattr(digest_cache, "trusted_device", device)
    monkeypatch.setattr(scan_module, "CACHED_BYTES", 0)
    return project


# --- what is read again ---------------------------------------------------------------------------


def test_a_second_scan_reads_no_file(project: Project) -> None:
    project.write(a=b"1", b=b"2")
    first = project.scan()
    assert sorted(project.read) == ["a", "b"]

    assert project.scan() == first
    assert project.read == []


def test_only_new_files_are_read(project: Project) -> None:
    project.write(a=b"1")
    project.scan()
    project.write(b=b"2")

    project.scan()
    assert project.read == ["b"]


def mapped_write(path: Path) -> None:
    if trusted_device(str(path.parent)) is None:
        pytest.skip("such a write changes no time on this file system")
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[0] = ord("X")


def written_with_old_times(path: Path) -> None:
    status = path.stat()
    path.write_bytes(b"X23")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replaced(path: Path) -> None:
    other = path.with_name("other")
    shutil.copy2(path, other)
    written_with_old_times(other)
    other.replace(path)


def restored(path: Path) -> None:
    archive = path.parent.parent / "archive.tar"
    other = path.parent.parent / path.name
    shutil.copy2(path, other)
    written_with_old_times(other)
    with tarfile.open(archive, "w") as file:
        file.add(other, path.name)
    with tarfile.open(archive) as file:
        file.extractall(path.parent, filter="data")


def exchanged(path: Path) -> None:
    other = path.with_name("b")
    path.rename(path.with_name("c"))
    other.rename(path)
    path.with_name("c").rename(other)


def linked(path: Path) -> None:
    path.unlink()
    path.symlink_to("b")


CHANGES: dict[str, Callable[[Path], object]] = {
    "size": lambda path: path.write_bytes(b"1234"),
    "content": lambda path: path.write_bytes(b"X23"),
    "content, and mtime set back": written_with_old_times,
    "a rename of a file with the same size and mtime": replaced,
    "an archive that restores the same mtime": restored,
    "an exchange of two files": exchanged,
    "a link in place of the file": linked,
    "a write to mapped memory": mapped_write,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_scan_notices_a_changed_byte(project: Project, change: Callable[[Path], object]) -> None:
    project.write(a=b"123", b=b"456")
    same = (project.context / "a").stat().st_mtime_ns
    os.utime(project.context / "b", ns=(same, same))
    before = project.scan()
    project.scan()
    assert project.read == []

    change(project.context / "a")
    # `Project.scan` compares the result with a scan without a cache.
    assert project.scan().context.digest != before.context.digest


def test_a_scan_notices_a_link_that_now_leads_to_another_file(project: Project) -> None:
    link = project.write(a=b"1", b=b"2") / "link"
    link.symlink_to("a")
    before = project.scan()
    link.unlink()
    link.symlink_to("b")

    assert project.scan().context.digest != before.context.digest


names = st.sampled_from(["a", "b", "d/a"])
edits = st.one_of(
    st.tuples(st.sampled_from(["write", "write with old times"]), names, st.binary(max_size=2)),
    st.tuples(st.sampled_from(["remove", "touch", "link", "hard link"]), names, names),
    st.tuples(st.sampled_from(["rename", "copy", "exchange"]), names, names),
)


def edit(directory: Path, what: str, name: str, other: bytes | str) -> None:
    path = directory / name
    path.parent.mkdir(exist_ok=True)
    if isinstance(other, bytes):
        status = path.stat() if path.is_file() else None
        path.write_bytes(other)
        if status is not None and what == "write with old times":
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        return
    target = directory / other
    target.parent.mkdir(exist_ok=True)
    if what == "remove":
        path.unlink(missing_ok=True)
    elif not path.is_file() or (target.exists() and target.samefile(path)):
        return
    elif what == "touch":
        os.utime(path, (1, 1))
    elif what == "rename":
        path.replace(target)
    elif what == "exchange" and target.is_file():
        path.rename(directory / "x")
        target.rename(path)
        (directory / "x").rename(target)
    elif what == "copy":
        shutil.copy2(path, target)
    elif what in ("link", "hard link"):
        target.unlink(missing_ok=True)
        (target.symlink_to if what == "link" else target.hardlink_to)(path.resolve())


@settings(max_examples=examples(40), deadline=None)
@given(steps=st.lists(st.lists(edits, max_size=3), min_size=1, max_size=5))
def test_after_any_edits_the_scan_is_the_same_with_and_without_the_cache(
    steps: list[list[tuple[str, str, bytes | str]]],
) -> None:
    now = time.time_ns
    with tempfile.TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: now() + MINUTE)
        patch.setattr(digest_cache, "trusted_device", device)
        patch.setattr(scan_module, "CACHED_BYTES", 0)
        project = Project(Path(temporary).resolve())
        project.write(a=b"1", b=b"2")
        project.scan()
        for step in steps:
            for what, name, other in step:
                edit(project.context, what, name, other)
            found = project.scan()
            plain = scan_context(project.context, project.root)
            assert dict(found.context.uploads) == dict(plain.context.uploads)


# --- what is not kept -----------------------------------------------------------------------------


def test_the_digest_of_a_file_that_has_just_changed_is_not_kept(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(a=b"1", b=b"2")
    monkeypatch.undo()
    monkeypatch.setattr(scan_module, "CACHED_BYTES", 0)
    project.scan()

    # In a fresh checkout, nothing is written.
    assert not project.state.exists()


def test_the_digest_of_a_file_with_a_time_in_the_future_is_not_kept(project: Project) -> None:
    future = time.time() + 3600
    os.utime(project.write(a=b"1", b=b"2") / "a", (future, future))
    project.scan()
    project.scan()

    assert project.read == ["a"]


def test_the_digest_of_a_file_that_changes_while_it_is_read_is_not_kept(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(a=b"1")

    def read(files: Sequence[FoundFile]) -> object:
        project.write(a=b"2")
        return read_all(files)

    with monkeypatch.context() as patch:
        patch.setattr(digest_cache, "read_all", read)
        scan_context(project.context, project.root, project.state)
    project.scan()

    assert project.read == ["a"]


def test_the_digest_of_a_file_on_another_device_is_not_kept(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(a=b"1")
    monkeypatch.setattr(digest_cache, "trusted_device", lambda _path: -1)
    project.scan()

    assert not project.state.exists()


def test_no_digest_is_kept_on_a_file_system_that_is_not_trusted(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(a=b"1")
    monkeypatch.setattr(digest_cache, "trusted_device", lambda _path: None)
    found = project.scan()

    assert found.context.uploads["sha256"]
    assert not project.state.exists()


def test_no_digest_is_kept_for_a_small_context(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(a=b"1")
    limit = 100_000
    monkeypatch.setattr(scan_module, "CACHED_BYTES", limit)
    project.scan()
    assert not project.state.exists()

    project.write(large=bytes(limit))
    project.scan()
    assert project.cache.is_file()


def test_files_with_findings_are_read_by_each_scan(project: Project) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1\n"
    project.write(
        crlf=b"1\r\n",
        pointer=pointer.encode(),
        token=b"ghp_" + b"a1B2" * 9,
        plain=b"1",
        Dockerfile=b"FROM a\n",
        **{".dockerignore": b"plain\n"},
    )
    with closing(sqlite3.connect(project.context / "state.db")) as database:
        database.executescript(CREATE_SCRIPT)
    first = project.scan()
    second = project.scan()

    read = [".dockerignore", "Dockerfile", "crlf", "pointer", "state.db", "token"]
    assert sorted(project.read) == read
    assert second == first
    assert second.dockerfiles == {"Dockerfile": b"FROM a\n"}
    assert (second.crlf, second.pointers, second.local_targets, second.docker_ignored) == (
        ("crlf",),
        ("pointer",),
        ("state.db",),
        ("plain",),
    )
    assert [str(found) for found in second.credentials] == [
        "`token` contains a GitHub token in line 1"
    ]
    content = project.cache.read_bytes()
    assert b"ghp_" not in content
    assert b" plain" in content


def test_the_cache_drops_the_digest_of_a_removed_file(project: Project) -> None:
    project.write(a=b"1", removed=b"2")
    project.scan()
    assert b" removed" in project.cache.read_bytes()
    (project.context / "removed").unlink()
    project.scan()

    assert b" removed" not in project.cache.read_bytes()


# --- the file -------------------------------------------------------------------------------------


def with_checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def body(data: bytes) -> bytes:
    return data.partition(b"\n")[2]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[:-10],
    "cut in the header": lambda data: data[:20],
    "one changed byte": lambda data: data[:-3] + b"Z" + data[-2:],
    "another digest": lambda data: data.replace(
        hashlib.sha256(b"1").hexdigest().encode(), b"0" * 64
    ),
    "longer": lambda data: data + b"\n",
    "garbage": lambda _: bytes(range(256)) * 10,
    "another format": lambda _: b'{"version": 1}',
    "an older format": lambda data: with_checksum(
        body(data).replace(b"envsync-hashes 2", b"envsync-hashes 1", 1)
    ),
    "no time": lambda _: with_checksum(b"envsync-hashes 2"),
    "not UTF-8": lambda _: with_checksum(b"\xff"),
    "from the future": lambda data: with_checksum(
        re.sub(rb"^([^\0]* )\d+", rb"\g<1>9999999999999999999", body(data))
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_cache_file_is_ignored_and_replaced(
    project: Project, damage: Callable[[bytes], bytes]
) -> None:
    project.write(a=b"1", b=b"2")
    project.scan()
    data = project.cache.read_bytes()
    assert damage(data) != data
    project.cache.write_bytes(damage(data))

    project.scan()
    assert sorted(project.read) == ["a", "b"]
    project.scan()
    assert project.read == []


def test_another_version_of_envsync_reads_every_file_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(a=b"1")
    project.scan()
    monkeypatch.setattr(digest_cache, "__version__", "99")

    project.scan()
    assert project.read == ["a"]


def test_the_cache_key_depends_on_the_code_of_the_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest_cache._rules()
    changed = tmp_path / "secrets.py"
    changed.write_text("# another commit of the same version")
    monkeypatch.setattr(secrets, "__file__", str(changed))

    assert digest_cache._rules() != before


def test_a_clock_that_was_set_back_reads_every_file_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(a=b"1")
    project.scan()
    now = time.time_ns() - 2 * MINUTE
    monkeypatch.setattr(time, "time_ns", lambda: now)

    project.scan()
    assert project.read == ["a"]


def test_the_cache_directory_can_be_deleted(project: Project) -> None:
    project.write(a=b"1")
    project.scan()
    shutil.rmtree(project.state)

    project.scan()
    assert project.read == ["a"]


def test_the_cache_directory_is_hidden_from_git(project: Project) -> None:
    project.write(a=b"1")
    project.scan()
    assert (project.state / ".gitignore").read_text() == "*\n"

    (project.state / ".gitignore").write_text("!local.db\n")
    project.write(a=b"2")
    project.scan()
    assert (project.state / ".gitignore").read_text() == "!local.db\n"


def test_a_scan_without_a_change_writes_nothing(project: Project) -> None:
    project.write(a=b"1")
    project.scan()
    before = project.cache.stat()

    project.scan()
    assert project.cache.stat() == before


def test_cache_files_of_other_contexts_are_removed_after_a_month(project: Project) -> None:
    project.write(a=b"1")
    project.scan()
    old, new = project.cache.with_name("old"), project.cache.with_name("new")
    for path, days in ((old, 31), (new, 1)):
        path.write_bytes(b"")
        os.utime(path, (0, time.time() - days * 24 * 60 * 60))
    project.write(a=b"2")
    project.scan()

    assert not old.exists()
    assert new.exists()


PLACES = [".envsync", ".envsync/hashes", "file"]


@pytest.mark.parametrize("place", PLACES)
def test_a_link_in_place_of_the_cache_is_not_followed(
    project: Project, place: str, tmp_path: Path
) -> None:
    project.write(a=b"1")
    project.scan()
    path = project.cache if place == "file" else project.root / place
    outside = tmp_path / "outside"
    path.rename(outside)
    path.symlink_to(outside)
    before = sorted(outside.rglob("*")), outside.stat().st_mtime_ns

    project.scan()
    assert project.read == ["a"]
    project.write(a=b"2")
    project.scan()
    assert (sorted(outside.rglob("*")), outside.stat().st_mtime_ns) == before


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["file", "directory", "pipe"])
def test_a_path_of_another_kind_in_place_of_the_cache_is_ignored(
    project: Project, place: str, kind: str
) -> None:
    project.write(a=b"1")
    project.scan()
    path = project.cache if place == "file" else project.root / place
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    if kind == "file":
        path.write_bytes(b"")
    elif kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)

    project.scan()
    assert project.read == ["a"]


def test_a_read_only_file_system_causes_no_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(a=b"1")

    def refuse(*_: object, **__: object) -> object:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    project.scan()
    assert not project.state.exists()


def test_a_failed_write_leaves_no_temporary_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(a=b"1")
    project.scan()
    before = project.cache.read_bytes()

    def refuse(*_: object, **__: object) -> object:
        raise OSError(28, "No space left on device")

    project.write(a=b"2")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        project.scan()
    assert project.cache.read_bytes() == before


def test_two_processes_can_scan_at_once(project: Project) -> None:
    project.write(**{str(number): bytes([number]) for number in range(50)})
    code = (
        "import os, sys, time; from pathlib import Path\n"
        "from envsync.project.context import digest_cache, scan\n"
        "now = time.time_ns; scan.CACHED_BYTES = 0\n"
        f"digest_cache.time.time_ns = lambda: now() + {MINUTE}\n"
        "digest_cache.trusted_device = lambda path: os.stat(path).st_dev\n"
        "root = Path(sys.argv[1])\n"
        "for number in range(20):\n"
        "    (root / 'context' / sys.argv[2]).write_bytes(b'%d' % number)\n"
        "    time.sleep(0.02)\n"
        "    scan.scan_context(root / 'context', root, root / '.envsync')\n"
    )
    time.sleep(TICK)
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(project.root), name]) for name in "ab"
    ]
    assert [process.wait() for process in running] == [0, 0]

    project.scan()
    # The process that wrote last did not always see the last file of the other process.
    assert set(project.read) <= {"a", "b"}


# --- upload hashes --------------------------------------------------------------------------------


def test_the_cache_keeps_upload_hashes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(a=b"1")
    first = dict(project.scan().context.uploads)
    second = project.scan()
    monkeypatch.setattr("envsync.project.context.upload_hashes.open_regular", None)

    assert dict(second.context.uploads) == first
    project.context.rename(project.root / "b")
    (project.root / "b").rename(project.context)
    assert dict(project.scan().context.uploads) == first


@pytest.mark.parametrize("change", ["content", "name", "empty directory", "git file"])
def test_different_content_has_different_upload_hashes(project: Project, change: str) -> None:
    project.write(a=b"1")
    first = dict(project.scan().context.uploads)
    if change == "content":
        project.write(a=b"2")
    elif change == "name":
        (project.context / "a").rename(project.context / "b")
    elif change == "empty directory":
        (project.context / "d").mkdir()
    else:
        project.write(**{".git": b"gitdir: x\n"})

    found = project.scan().context.uploads
    plain = scan_context(project.context, project.root).context.uploads
    assert dict(found) == dict(plain) != first
    # Only the latest hashes are kept.
    assert project.cache.read_bytes().count(b"uploads ") == 2


# --- projects -------------------------------------------------------------------------------------


def test_a_project_keeps_digests_in_its_own_directory(project: Project) -> None:
    context = project.write(a=b"1")
    time.sleep(TICK)
    Files.below(project.root).scan(str(context), str(project.root))

    assert project.cache.parent == project.root / ".envsync" / "hashes"


def test_a_file_with_only_a_digest_and_a_size_has_no_findings() -> None:
    assert FileContent("0" * 64, 1).is_only_hashed
