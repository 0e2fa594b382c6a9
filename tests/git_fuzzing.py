"""Writes small git repositories with strange histories, and lets `check` and `plan` read them.

A history has renames, links, submodules, unusual modes and names, and merges of unrelated commits.
In some repositories, an object, a reference or another file of `.git` is damaged afterwards.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from envsync.api import changed_names
from envsync.git.absent import find_absent
from envsync.git.changed import current_commit
from envsync.git.check import check
from envsync.git.latest import with_uses
from envsync.model.errors import EnvsyncError
from envsync.project.project import Project, load_project
from tests.fuzzing import mutant

_PATHS: Final = (
    *(b"environments/a.yml", b"environments/b.yml", b"environments/b/environment.yml"),
    *(b"environments/conda.yml", b"environments/context/Dockerfile", b"environments/context/data"),
    *(b"environments/context", b"environments", b"environments/b", b"envsync.yaml", b".gitignore"),
    *(b"environments/.gitattributes", b".gitmodules", b"environments/\xff.yml", b"other/a.yml"),
    *(b'environments/a"b.yml', b"environments/a\nb.yml", b"environments/A.yml", b"environments/-x"),
    *(b"environments/e\xcc\x81.yml", b"environments/\xc3\xa9.yml", b"environments/:(top)a.yml"),
    b"environments/" + b"d/" * 60 + b"a.yml",
)
_CONTENTS: Final = (
    b"name: a\nversion: 1\nimage: a:1\n",
    b"name: a\nversion: 1\nimage: a:2\n",
    b"name: a\nimage: a:1\nconda_file: conda.yml\n",
    b"name: b\nversion: 1\nbuild: {path: context}\n",
    b"name: b\nversion: 1\nbuild: {path: ../other}\n",
    b"dependencies: [python=3.11, pip: [numpy]]\n",
    b"FROM a\n",
    b"*\n",
    b"* text eol=crlf filter=lfs\n* ident working-tree-encoding=UTF-16\n",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12\n",
    b'[submodule "environments/context"]\n\tpath = environments/context\n\turl = ../x\n',
    b"",
)
_LINKS: Final = (
    *(b"a.yml", b"b", b".", b"..", b"/etc/passwd", b"../../..", b"missing", b"context", b"\xff"),
    b"environments",
)
_SETTINGS: Final = b"project: churn\ntargets:\n  dev: {kind: local, path: local.db}\n"
_REFS: Final = (
    "HEAD",
    "HEAD~1",
    "HEAD^2",
    "main",
    "side",
    "0" * 40,
    "HEAD:environments",
    "v1",
    "@{1}",
)


def read_history(seed: int, root: Path) -> None:
    """Writes the history of a seed and reads it. Every exception that escapes is a bug."""
    place = root / str(seed)
    place.mkdir()
    try:
        chance = random.Random(f"git {seed}")
        _write(chance, place)
        before = dict(_files(place / ".git"))
        _read(chance, place)
        changed = before.items() ^ dict(_files(place / ".git")).items()
        assert not changed, f"files of the repository were changed: {changed}"
    finally:
        shutil.rmtree(place)


def _moved(project: Project) -> object:
    checked = check(project)
    return with_uses(project, checked.latest, checked.repository)


def _read(chance: random.Random, place: Path) -> None:
    with suppress(EnvsyncError):
        project = load_project(place)
        readings: list[Callable[[], object]] = [
            lambda: _moved(project),
            lambda: check(project, chance.choice(_REFS)),
            lambda: changed_names(project, chance.choice(_REFS), "dev"),
            lambda: current_commit(project),
            lambda: find_absent(place),
        ]
        for reading in chance.sample(readings, k=3):
            with suppress(EnvsyncError):
                reading()


def _files(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()


def _write(chance: random.Random, place: Path) -> None:
    """Writes a repository and checks a commit out. Then may edit files and damage `.git`."""
    _git(place, "init", "--quiet", "--template=", "--initial-branch=main")
    # Git ends with an error for a history that it refuses, and the repository stays empty.
    _git(place, "fast-import", "--quiet", "--force", data=b"".join(_stream(chance)))
    _git(place, "reset", "--quiet", "--hard", chance.choice(("main", "main", "main", "side")))
    if chance.random() < 0.9:
        with suppress(OSError):
            (place / "envsync.yaml").unlink(missing_ok=True)
            (place / "envsync.yaml").write_bytes(_SETTINGS)
    if chance.random() < 0.5:
        _edit(chance, place)
    if chance.random() < 0.3:
        _damage(chance, place / ".git")


def _git(place: Path, *arguments: str, data: bytes = b"") -> None:
    subprocess.run(
        ["git", "-C", str(place), *arguments], input=data, capture_output=True, timeout=60
    )


def _stream(chance: random.Random) -> Iterator[bytes]:
    """Yields the commands of `git fast-import`: https://git-scm.com/docs/git-fast-import"""
    number = chance.randint(1, 6)
    for mark in range(1, number + 1):
        branch = b"side" if chance.random() < 0.3 else b"main"
        when = chance.choice((b"1700000000 +0000", b"0 -1200", b"99999999999 +1400"))
        who = chance.choice((b"Ada <ada@example.com>", b"\xff <>", b"A\xc3\xa9 B <a b>"))
        message = chance.choice((b"Change", b"", b"\xff\xfe", b"gpgsig x\n\nparent 0"))
        yield b"commit refs/heads/%s\nmark :%d\n" % (branch, mark)
        yield b"committer %s %s\n" % (who, when) + _data(message)
        earlier = list(range(1, mark))
        if earlier and chance.random() < 0.9:
            parents = chance.sample(earlier, k=min(len(earlier), chance.choice((1, 1, 1, 2, 3))))
            yield b"from :%d\n" % parents[0]
            yield from (b"merge :%d\n" % parent for parent in parents[1:])
        if mark == 1:
            yield b"M 100644 inline environments/a.yml\n" + _data(_CONTENTS[0])
        for _ in range(chance.randint(1, 5)):
            yield _file_command(chance)
        yield b"\n"
    if chance.random() < 0.3:
        yield b"tag v1\nfrom :%d\ntagger A <> 0 +0000\n" % chance.randint(1, number) + _data(b"")


def _file_command(chance: random.Random) -> bytes:
    path = _quoted(chance.choice(_PATHS))
    kind = chance.random()
    if kind < 0.6:
        mode = chance.choice((b"100644", b"100644", b"100644", b"100755"))
        return b"M %s inline %s\n" % (mode, path) + _data(_content(chance))
    if kind < 0.7:
        return b"M 120000 inline %s\n" % path + _data(chance.choice(_LINKS))
    if kind < 0.8:
        return b"M 160000 %040x %s\n" % (chance.randrange(1, 1 << 160), path)
    if kind < 0.9:
        return b"D %s\n" % path
    # Renaming or copying a path that does not exist would end the import.
    source, how = b"environments/a.yml", chance.choice((b"R", b"C"))
    return (
        b"M 100644 inline %s\n" % source
        + _data(_CONTENTS[0])
        + b"%s %s %s\n"
        % (
            how,
            source,
            path,
        )
    )


def _content(chance: random.Random) -> bytes:
    if chance.random() < 0.8:
        return chance.choice(_CONTENTS)
    return mutant(chance.choice(("environment", "conda")), chance.randrange(10_000))


def _data(data: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(data), data)


def _quoted(path: bytes) -> bytes:
    return b'"%s"' % b"".join(
        b"\\%03o" % byte if byte < 32 or byte > 126 or byte in b'"\\' else bytes((byte,))
        for byte in path
    )


def _edit(chance: random.Random, place: Path) -> None:
    """Writes a few files in the work tree, and perhaps adds them to the index."""
    for _ in range(chance.randint(1, 3)):
        path = place / os.fsdecode(chance.choice(_PATHS))
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_content(chance))
    if chance.random() < 0.5:
        _git(place, "add", "--all")
    if chance.random() < 0.2:
        _git(place, "update-index", "--skip-worktree", "environments/a.yml")
        with suppress(OSError):
            (place / "environments/a.yml").unlink()


def _damage(chance: random.Random, git: Path) -> None:
    """Removes, empties or overwrites a file of `.git`, or adds one."""
    files = [path for path in sorted(git.rglob("*")) if path.is_file()]
    how = chance.random()
    path = chance.choice(files)
    if how < 0.3:
        path.unlink()
    elif how < 0.6:
        damaged = bytearray(path.read_bytes())
        place = chance.randrange(len(damaged) + 1)
        damaged[place : place + chance.choice((1, 8))] = chance.randbytes(chance.choice((1, 8)))
        path.chmod(0o644)
        path.write_bytes(damaged)
    elif how < 0.7:
        path.chmod(0o644)
        path.write_bytes(b"")
    else:
        head = next(iter(sorted((git / "refs/heads").iterdir())), None)
        commit = head.read_bytes() if head else b"0" * 40 + b"\n"
        name, content = chance.choice(
            (
                ("shallow", commit),
                ("shallow", b"x\n"),
                ("MERGE_HEAD", commit),
                ("MERGE_HEAD", b"\xff\n"),
                ("HEAD", b"ref: refs/heads/\xff\n"),
                ("HEAD", commit),
                (
                    "packed-refs",
                    b"# pack-refs with: peeled\n" + commit.strip() + b" refs/heads/\xff\n",
                ),
                ("objects/info/alternates", b"/missing\n\xff\n"),
                ("info/exclude", b"environments/\n"),
                ("info/sparse-checkout", b"/*\n!/environments/\n"),
                ("config", b"[core]\n\tbare = true\n"),
                ("config", b"[core\n"),
                ("commondir", b"../missing\n"),
            )
        )
        (git / name).parent.mkdir(exist_ok=True)
        (git / name).write_bytes(content)
