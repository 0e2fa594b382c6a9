"""Small projects that a careless program would need minutes or gigabytes to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

BASE: Final = "name: e\nversion: '1'\ndescription: d\nimage: i:1\n"
KEY: Final = "-----BEGIN PRIVATE KEY-----"
LIMIT: Final = 1_000_000
"""Maximum number of bytes of the files of one project."""


def lines_of(form: str, limit: int = 950_000) -> str:
    """Returns as many lines as fit into a file. `{0}` in `form` is the number of the line."""

    def lines() -> Iterator[str]:
        left = limit
        number = 0
        while left > 0:
            line = form.format(f"k{number:06}")
            left -= len(line) + 1
            number += 1
            yield line

    return "\n".join(list(lines())[:-1]) + "\n"


def _environment(text: str, **others: str) -> Callable[[Path], None]:
    """Returns a function that writes an environment file, and other files of the project."""

    def write(root: Path) -> None:
        write_files(root, {"environments/e.yml": text, **others})

    return write


def _conda(text: str) -> Callable[[Path], None]:
    return _environment(BASE + "conda_file: conda.yml\n", **{"environments/conda.yml": text})


def _context(ignore: str, name: str, text: str) -> Callable[[Path], None]:
    files = {f"environments/c/{name}": text, "environments/c/Dockerfile": "FROM a:1\n"}
    return _environment(
        "name: e\nversion: '1'\ndescription: d\nbuild: {path: c}\n",
        **files,
        **{f"environments/c/{path}": "" for path in _paths(ignore)},
    )


def _paths(kind: str) -> Iterator[str]:
    match kind:
        case "long":
            yield from ("a" * 240 + f"{number:03}" for number in range(300))
        case "deep":
            yield from ("/".join("a" * 100) + f"/f{number}" for number in range(300))
        case "many":
            yield from (f"d{number % 50}/file{number}.py" for number in range(3000))
        case "line breaks":
            yield from (f"d/file\n{number}" for number in range(1000))


def write_files(root: Path, files: dict[str, str]) -> None:
    """Writes files with their directories."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _maze(root: Path) -> None:
    _environment("name: e\nversion: '1'\ndescription: d\nbuild: {path: c}\n")(root)
    directories = "abcdefgh"
    for directory in directories:
        path = root / "environments" / "c" / directory
        path.mkdir(parents=True)
        for other in set(directories) - {directory}:
            (path / other).symlink_to(f"../{other}")
    (root / "environments" / "c" / "Dockerfile").write_text("FROM a:1\n")


IGNORE_FILES: dict[str, tuple[str, Callable[[], str]]] = {
    "stars": ("long", lambda: "*a*a*a*a*b\n" * 3),
    "many stars": ("long", lambda: "*a" * 100 + "b\n"),
    "gaps": ("deep", lambda: "/".join(["a/**"] * 12) + "/b\n"),
    "names": ("many", lambda: lines_of("{0}x")),
    "paths": ("many", lambda: lines_of("a/{0}")),
    "wildcards": ("many", lambda: lines_of("*{0}*")),
    "most wildcards": ("many", lambda: lines_of("*{0}*", 3_900)),
    "turns": ("many", lambda: lines_of("*{0}*\n!*{0}")),
    "most turns": ("many", lambda: lines_of("*{0}*\n!*{0}", 1_800)),
    "sets": ("many", lambda: lines_of("*[!a]*[!b]*{0}")),
    "line breaks": ("line breaks", lambda: lines_of("{0}x")),
    "one long line": ("long", lambda: "a/" * 480_000),
    "empty lines": ("long", lambda: "\n" * 950_000),
}
"""Kinds of paths and ignore files."""


def _write_context(name: str, title: str, root: Path) -> None:
    kind, text = IGNORE_FILES[title]
    _context(kind, name, text())(root)


def _write_requirement(start: str, part: str, root: Path) -> None:
    text = part * (900_000 // len(part))
    _conda(f'dependencies:\n{start}- "a{text} b"\n')(root)


def _write_secret(part: str, root: Path) -> None:
    """Writes a Dockerfile with the start of a private key and many parts that continue nothing."""
    text = KEY + part * (900_000 // len(part)) + " AccountKey= pwd= sig= password="
    files = {"environments/c/Dockerfile": text, "environments/e.yml": "name: e\nbuild: {path: c}\n"}
    write_files(root, files)


def _write_image(part: str, root: Path) -> None:
    _environment(f"name: e\nimage: 'a{part * (900_000 // len(part))}!'\n")(root)


SETTINGS: Final = "project: p\ntargets: {local: {kind: local, path: .envsync/local.db}}\n"

INPUTS: Final[dict[str, Callable[[Path], None]]] = {
    **{
        f"{name}: {title}": partial(_write_context, name, title)
        for name in (".amlignore", ".gitignore", ".dockerignore")
        for title, (kind, text) in IGNORE_FILES.items()
    },
    "links: a maze of directories": _maze,
    "schema: repeated address": lambda root: _environment(
        "$schema: " + "https://azureml" * 60_000 + "\n"
    )(root),
    "schema: repeated directories": lambda root: _environment(
        "$schema: https://azureml" + "/azureml" * 110_000 + "\n"
    )(root),
    "schema: a similar name": lambda root: _environment(
        "$schema: " + "environment" * 85_000 + ".json\n"
    )(root),
    "schema: many": lambda root: _environment(lines_of("$schema: https://azureml/{0}"))(root),
    "path: conda_file": lambda root: _environment(BASE + "conda_file: " + "a/" * 470_000 + "\n")(
        root
    ),
    "path: conda_file with dots": lambda root: _environment(
        BASE + "conda_file: " + "a/../" * 190_000 + "b\n"
    )(root),
    "path: build": lambda root: _environment("name: e\nbuild: {path: " + "a/" * 470_000 + "}\n")(
        root
    ),
    "path: dockerfile": lambda root: _environment(
        "name: e\nbuild: {path: ., dockerfile_path: " + "a/" * 470_000 + "}\n"
    )(root),
    "path: environments": lambda root: _environment(
        BASE, **{"envsync.yaml": "environments: " + "a/" * 470_000 + "\n"}
    )(root),
    "path: target": lambda root: _environment(
        BASE,
        **{"envsync.yaml": "targets: {local: {kind: local, path: " + "a/" * 470_000 + "}}\n"},
    )(root),
    "path: exclude": lambda root: _environment(
        BASE,
        **{
            "envsync.yaml": 'exclude: ["' + "**/a/" * 100 + 'b"]\n',
            "environments/" + "a/" * 100 + "c.yml": BASE,
        },
    )(root),
    "path: exclude with stars": lambda root: _environment(
        BASE,
        **{
            "envsync.yaml": 'exclude: ["' + "*a" * 50 + 'b"]\n',
            "environments/" + "a" * 200 + ".yml": BASE,
        },
    )(root),
    "path: many excludes": lambda root: _environment(
        BASE, **{"envsync.yaml": "exclude:\n" + lines_of("- '*{0}*'")}
    )(root),
    "yaml: a tab at the end": lambda root: _environment(
        BASE + "tags:\n" + lines_of("  {0}: a") + "\tx: y\n"
    )(root),
    "yaml: a tab in the middle": lambda root: _environment(
        BASE + "tags:\n" + lines_of("  {0}: a\t# b")
    )(root),
    "yaml: an error at the end": lambda root: _environment(
        BASE + "tags:\n" + lines_of("  {0}: a") + "]\n"
    )(root),
    "yaml: a bad block at the end": lambda root: _environment(
        BASE + "tags:\n" + lines_of("  {0}: a") + " x\n"
    )(root),
    "yaml: no end of a string": lambda root: _environment(
        BASE + 'description: "' + lines_of("{0} a b")
    )(root),
    "yaml: a marked character": lambda root: _environment(
        BASE + "tags:\n" + lines_of("  {0}: a?b")
    )(root),
    "yaml: tags": lambda root: _environment(BASE + "tags:\n" + lines_of("  {0}: !!str a"))(root),
    "yaml: 5,000 brackets": lambda root: _environment(BASE + "tags: " + "[" * 5_000 + "\n")(root),
    "yaml: 5,000 brackets with a tab": lambda root: _environment(
        BASE + "tags:\t" + "[" * 5_000 + "\n"
    )(root),
    "yaml: brackets": lambda root: _environment(BASE + "tags: " + "[" * 950_000 + "\n")(root),
    "yaml: balanced brackets": lambda root: _environment(
        BASE + "tags: [" + "[]," * 310_000 + "]\n"
    )(root),
    "yaml: deep indentation": lambda root: _environment(
        BASE + "".join(" " * n + "a:\n" for n in range(1, 1300))
    )(root),
    "yaml: anchors": lambda root: _environment(BASE + "tags:\n" + lines_of("  {0}: &{0} a"))(root),
    "yaml: aliases": lambda root: _environment(BASE + "x: &x a\ntags:\n" + lines_of("  {0}: *x"))(
        root
    ),
    "yaml: a merge key each line": lambda root: _environment(
        BASE + "x: &x {a: b}\ntags:\n" + lines_of("  {0}: {{<<: *x}}")
    )(root),
    "yaml: a chain of merge keys": lambda root: _environment(
        BASE
        + "k-1: &k-1 {a: b}\n"
        + "".join(f"k{n}: &k{n} {{<<: *k{n - 1}, b{n}: c}}\n" for n in range(20_000))
    )(root),
    "yaml: the same merge many times": lambda root: _environment(
        BASE
        + "x: &x {"
        + ", ".join(f"k{n}: v" for n in range(5_000))
        + "}\ny:\n- <<: ["
        + ", ".join(["*x"] * 20_000)
        + "]\n"
    )(root),
    "yaml: control characters": lambda root: _environment(
        BASE + "description: " + "\u0001" * 900_000 + "\n"
    )(root),
    "yaml: comments": lambda root: _environment(BASE + lines_of("# envsync: ignore[{0}]"))(root),
    "yaml: comments with many rules": lambda root: _environment(
        BASE + "# envsync: ignore[" + lines_of("{0},").replace("\n", "") + "]\n"
    )(root),
    "yaml: empty documents": lambda root: _environment(BASE + "---\n" * 230_000)(root),
    "yaml: conflict marks": lambda root: _environment(BASE + "<<<<<<< a\n" * 90_000)(root),
    "yaml: numbers": lambda root: _environment(BASE + "tags:\n" + lines_of("  {0}: 1_000.5e+3"))(
        root
    ),
    "yaml: one number": lambda root: _environment(BASE + "version: " + "1" * 900_000 + "\n")(root),
    "yaml: minutes": lambda root: _environment(BASE + "version: " + "1:" * 400_000 + "1\n")(root),
    "yaml: not UTF-8": lambda root: _environment(
        BASE + "description: " + "\u00e9" * 400_000 + "\n"
    )(root),
    "keys: unknown": lambda root: _environment(BASE + lines_of("{0}: a"))(root),
    "keys: unknown and similar": lambda root: _environment(BASE + lines_of("descriptoin{0}: a"))(
        root
    ),
    "keys: unknown without a name": lambda root: _environment(lines_of("imag{0}: a"))(root),
    "keys: duplicate": lambda root: _environment(BASE + "description: a\n" * 60_000)(root),
    "keys: unknown in build": lambda root: _environment(
        "name: e\nbuild:\n  path: .\n" + lines_of("  {0}: a")
    )(root),
    "keys: reserved tags": lambda root: _environment(
        BASE + "tags:\n" + lines_of("  envsync.{0}: a")
    )(root),
    "keys: invalid tags": lambda root: _environment(BASE + "tags:\n" + lines_of("  {0}:"))(root),
    "keys: many tags": lambda root: _environment(BASE + "tags:\n" + lines_of("  {0}: a"))(root),
    "keys: unknown in conda": lambda root: _conda("dependencies: [a=1]\n" + lines_of("{0}: a"))(
        root
    ),
    "keys: unknown settings": lambda root: _environment(
        BASE, **{"envsync.yaml": lines_of("{0}: a")}
    )(root),
    "keys: unknown rules": lambda root: _environment(
        BASE, **{"envsync.yaml": "rules:\n" + lines_of("  {0}: error")}
    )(root),
    "keys: unknown in a target": lambda root: _environment(
        BASE, **{"envsync.yaml": "targets:\n local:\n  kind: local\n" + lines_of("  {0}: error")}
    )(root),
    "keys: many targets": lambda root: _environment(
        BASE, **{"envsync.yaml": "targets:\n" + lines_of("  {0}: {{kind: loca}}")}
    )(root),
    "keys: many patterns": lambda root: _environment(
        BASE,
        **{"envsync.yaml": "targets:\n local:\n  kind: local\n  include:\n" + lines_of("  - {0}*")},
    )(root),
    "keys: unset variables": lambda root: _environment(
        BASE,
        **{
            "envsync.yaml": "targets: {t: {kind: workspace, workspace: '" + "${A}" * 200_000 + "'}}"
        },
    )(root),
    "conda: blanks in a pip requirement": lambda root: _conda(
        "dependencies:\n- pip:\n  - 'a" + " " * 20_000 + "b'\n"
    )(root),
    "conda: many blanks in a pip requirement": lambda root: _conda(
        "dependencies:\n- pip:\n  - 'a" + " " * 900_000 + "b'\n"
    )(root),
    "conda: blanks in a dependency": lambda root: _conda(
        "dependencies:\n- 'a" + " " * 900_000 + "b'\n"
    )(root),
    **{
        f"conda: {kind} with {part!r}": partial(_write_requirement, start, part)
        for kind, start in (("pip", "- pip:\n  "), ("dependency", ""))
        for part in (
            *("[", "]", "[a]", "a@", "@", " @ ", "a:", "/", "=", "= ", " =", ",", ", ", "-", " -"),
            *("--a=b ", "-e a ", "::", "a::", ";", " ;", "#", " #", "\\\\", "'", "a.", "a+", "://"),
            *("git+", "git+a@a:", "[url=", "channel='", "$" + "{", "~", "1.", "1,", "|", "a ", "*"),
        )
    },
    "conda: many dependencies": lambda root: _conda("dependencies:\n" + lines_of("- {0}"))(root),
    "conda: many faults": lambda root: _conda("dependencies:\n" + lines_of("- ./{0}"))(root),
    "conda: wrong items": lambda root: _conda("dependencies:\n" + lines_of("- {{{0}: a}}"))(root),
    "conda: channels": lambda root: _conda(
        "channels:\n" + lines_of("- ./{0}") + "dependencies: [a=1]\n"
    )(root),
    **{
        f"image: {part!r}": partial(_write_image, part)
        for part in ("a", "/", "a/", ".", "-", "_", ":", "a:", "@", "${", "{{", "$(", "<", "%a")
    },
    **{
        f"secret: {part!r}": partial(_write_secret, part)
        for part in (
            *(" ", "a: ", "a: \n", "a: b ", "#", "//", "\\", "\\n", KEY, KEY + "a: ", "A"),
            *(
                "host=a;",
                "server=",
                "://a@",
                "://a:",
                "/t/a",
                "conda/t/",
                "eyJaaaaaaaaaaa.",
                "sig=",
            ),
            *("secret_access_key=", "account_key = ", "AKIAA", "aaa0Q~", "AZDO", "+ASt", "ghp_"),
        )
    },
    "name: long": lambda root: _environment("name: " + "a" * 900_000 + "\nimage: i:1\n")(root),
    "version: long": lambda root: _environment(BASE + "version: v" + "a.1" * 300_000 + "\n")(root),
    "build: a long address": lambda root: _environment(
        "name: e\nbuild: {path: 'https://" + "a." * 400_000 + "'}\n"
    )(root),
    "build: a long host": lambda root: _environment(
        "name: e\nbuild: {path: 'https://" + "a-" * 400_000 + "'}\n"
    )(root),
    "files: many": lambda root: write_files(
        root, {f"environments/e{n}.yml": BASE.replace("name: e", f"name: e{n}") for n in range(500)}
    ),
    "files: many with one name": lambda root: write_files(
        root, {f"environments/e{n}.yml": BASE for n in range(500)}
    ),
    "files: many contexts in each other": lambda root: write_files(
        root,
        {f"environments/{'d/' * n}e.yml": f"name: e{n}\nbuild: {{path: d}}\n" for n in range(90)},
    ),
}
"""Each input: a title, and a function that writes the project."""
