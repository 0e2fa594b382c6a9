"""Feeds one input to each part of envsync that reads files, and checks how the input is refused.

An input must be read, or be refused with an expected error. Every other exception is a bug.
"""

from __future__ import annotations

import random
import re
import tempfile
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from envsync.cli.files import read_plan
from envsync.model.canonical import canonical_json
from envsync.model.errors import EnvsyncError, InvalidProject
from envsync.project.context.ignore import parse_dockerignore, parse_ignore_file
from envsync.project.files import Files
from envsync.project.load import load
from envsync.project.rules import RULES
from envsync.project.settings.config import load_config
from envsync.render.paint import painter
from envsync.render.plan_markdown import plan_markdown
from envsync.render.plan_text import plan_text
from envsync.render.problems import problems_text

CORPUS: Final = Path(__file__).parent / "corpus"
_PATHS: Final = ("a", "b", "a/b", "aa/ab/b", "a/a/a/a", "a\nb", "[", "x/.y", "é")
_FRAGMENTS: Final = (
    *(
        b"\n",
        b"\t",
        b" ",
        b"  ",
        b"- ",
        b": ",
        b"? ",
        b"[",
        b"]",
        b"{",
        b"}",
        b"'",
        b'"',
        b"|",
        b">",
    ),
    *(b"&a ", b"*a", b"<<: ", b"!!", b"#", b"---\n", b"%", b"@", b"`", b"\\", b"\0", b"\xff", b","),
    *(
        b"**",
        b"*",
        b"!",
        b"/",
        b"../",
        b"[!a]",
        b"[a-",
        b"${A}",
        b"${",
        b"\\ud800",
        b"\xed\xa0\x80",
    ),
    *(
        b"null",
        b"true",
        b"1e999",
        b"-1",
        b"NaN",
        b".inf",
        b"0x1",
        b"name: ",
        b"image: ",
        b"build: ",
    ),
    *(
        b"\xe2\x80\xa8",
        b"\xc2\x85",
        b"\xef\xbb\xbf",
        b"\r",
        b"\x1b[2J",
        b"dependencies: ",
        b"pip: ",
    ),
)


def _environment(data: bytes, root: Path) -> None:
    path = root / "environments" / "e.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    loaded = load(root, [path.parent], rules=RULES, versions="auto", files=Files.below(root))
    for problem in loaded.problems:
        problems_text([problem], painter(False)).encode("utf-8", "backslashreplace")
    for declaration in loaded.declarations:
        canonical_json(declaration.spec.to_json()).encode()


def _conda(data: bytes, root: Path) -> None:
    (root / "environments").mkdir(exist_ok=True)
    (root / "environments" / "conda.yml").write_bytes(data)
    _environment(b"name: e\nimage: i:1\nconda_file: conda.yml\n", root)


def _dockerfile(data: bytes, root: Path) -> None:
    (root / "environments" / "context").mkdir(parents=True, exist_ok=True)
    (root / "environments" / "context" / "Dockerfile").write_bytes(data)
    _environment(b"name: e\nbuild: {path: context}\n", root)


def _settings(data: bytes, root: Path) -> None:
    path = root / "envsync.yaml"
    path.write_bytes(data)
    with suppress(InvalidProject):
        config = load_config(path, root, {"A": "a", "B": "\udcff"})
        for name in config.targets:
            with suppress(InvalidProject):
                config.target(name)


def _plan(data: bytes, root: Path) -> None:
    path = root / "plan.json"
    path.write_bytes(data)
    with suppress(EnvsyncError):
        plan = read_plan(path)
        plan_text(plan).encode("utf-8", "backslashreplace")
        plan_markdown(plan)
        canonical_json(plan.to_json()).encode()


def _ignore(data: bytes, _root: Path) -> None:
    text = data.decode(errors="replace")
    with suppress(ValueError):
        rules = parse_ignore_file(text)
        actual = [rules.drops(path) for path in _PATHS]
        expected = _as_azure_ai_ml(text)
        assert expected is None or actual == expected, text
    with suppress(ValueError):
        docker = parse_dockerignore(text)
        for path in _PATHS:
            docker.drops(path)


def _as_azure_ai_ml(text: str) -> list[bool] | None:
    """Returns which paths azure-ai-ml drops, or None if it could need minutes to find out."""
    if re.search(r"(?:\*.*){6}", text):
        return None
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from azure.ai.ml._utils._pathspec import GitWildMatchPattern

        patterns = [GitWildMatchPattern(line) for line in lines]
    found = []
    for path in _PATHS:
        matching = [item.include for item in patterns if item.match_file(path) is not None]
        found.append(bool(matching and matching[-1]))
    return found


READERS: Final[dict[str, Callable[[bytes, Path], None]]] = {
    "environment": _environment,
    "conda": _conda,
    "dockerfile": _dockerfile,
    "settings": _settings,
    "plan": _plan,
    "ignore": _ignore,
}
"""What reads an input, by the name of the directory of `CORPUS` that has inputs for it."""


def read(kind: str, data: bytes) -> None:
    """Reads an input. Every exception that escapes is a bug."""
    with tempfile.TemporaryDirectory() as name:
        READERS[kind](data, Path(name).resolve())


@cache
def seeds(kind: str) -> Sequence[bytes]:
    """Returns the inputs of the corpus."""
    return [path.read_bytes() for path in sorted((CORPUS / kind).iterdir())]


def mutated(kind: str) -> st.SearchStrategy[bytes]:
    """Returns inputs that differ from an input of the corpus in up to six places.

    Hypothesis shrinks an input that fails, but needs a multiple of the time of `mutant`.
    """
    place = st.floats(0, 1)
    new = st.one_of(st.sampled_from(_FRAGMENTS), st.binary(max_size=4))
    edits = st.lists(st.tuples(place, st.integers(0, 12), new), max_size=6)
    return st.tuples(st.sampled_from(seeds(kind)), edits).map(lambda item: _edited(*item))


def mutant(kind: str, seed: int) -> bytes:
    """Returns an input that differs from an input of the corpus in up to six places."""
    chance = random.Random(f"{kind} {seed}")
    inputs = seeds(kind)
    data = chance.choice(inputs)
    edits = [_edit(chance, inputs) for _ in range(chance.randint(0, 6))]
    return _edited(data, edits)


def _edit(chance: random.Random, inputs: Sequence[bytes]) -> tuple[float, int, bytes]:
    """Returns a place from 0 to 1, the number of bytes to remove there, and the new bytes."""
    how = chance.random()
    if how < 0.5:
        new = chance.choice(_FRAGMENTS)
    elif how < 0.8:
        new = chance.randbytes(chance.randint(0, 4))
    elif how < 0.9:
        new = chance.choice(_FRAGMENTS) * chance.choice((2, 9, 100))
    else:
        # A part of another input.
        other = chance.choice(inputs)
        start = int(chance.random() * len(other))
        new = other[start : start + chance.choice((4, 20, 200))]
    removed = chance.choice((0, 0, 1, 3, 12, 100)) if how < 0.9 else 0
    return chance.random(), removed, new


def _edited(data: bytes, edits: Sequence[tuple[float, int, bytes]]) -> bytes:
    for place, removed, new in edits:
        start = int(place * len(data))
        data = data[:start] + new + data[start + removed :]
    return data
