"""For every rule, a bad file is reported with its position, and a good file is accepted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from envsync.model.policy import NO_FILE_POLICY, FilePolicy
from envsync.project.rules import IMAGES, REFERENCES, RULES, Level
from tests.project.project import found, load_files, write

BASE = "name: e\ndescription: d\nimage: i:1\n"
OTHER = "name: e\ndescription: d\nimage: i:2\n"
BUILD = "name: e\ndescription: d\nbuild:\n  path: ctx\n"
CTX = {"ctx/Dockerfile": "FROM scratch\n"}
LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
URL = "https://build:hunter22@pypi.example/simple"
PRIVATE_KEY = f"-----BEGIN PRIVATE KEY-----\n{'MIIEvQ' * 10}\n-----END PRIVATE KEY-----\n"
CONDA = "name: e\ndescription: d\nimage: i:1\nconda_file: conda.yml\n"

COMPLETE = (
    "channels: [conda-forge, nodefaults]\ndependencies: [python=3.12, pip=24, {pip: [a==1]}]\n"
)
MINIMAL: dict[str, Level] = {
    "implicit-defaults": "off",
    "missing-pip": "off",
    "missing-python": "off",
}
"""Turns off the rules about what a conda specification lacks. Most cases name only one package."""

POLICY = FilePolicy(
    images=("i:*", "*.azurecr.io/*"),
    channels=("conda-forge", "contoso-*"),
    require_tags=("owner",),
    names="[a-z]+(-cpu|-gpu)?",
    file="envsync.yaml",
    lines={"images": 2, "channels": 3, "require_tags": 4, "names": 5},
)
RETIRED = "mcr.microsoft.com/azureml/openmpi3.1.2-cuda10.2-cudnn8-ubuntu18.04"


@dataclass(frozen=True)
class Case:
    """One way to break a rule, and its correction.

    Attributes:
        bad: the environment file, or several files, that break the rule.
        good: the corrected files, without any problem.
        where: every problem of `bad`, as `found` returns the problems.
        says: words that the messages and fixes contain.
        others: further files that both the bad and the good project contain.
        rules: severities. By default, minimal conda specifications are no problem.
        policy: what the files may use.
    """

    name: str
    bad: str | dict[str, str]
    good: str | dict[str, str]
    where: list[str]
    says: list[str]
    others: dict[str, str] = field(default_factory=dict)
    versions: Literal["auto", "explicit"] = "auto"
    rules: dict[str, Level] = field(default_factory=lambda: MINIMAL)
    policy: FilePolicy = NO_FILE_POLICY


def error(rule: str, position: str, file: str = "e.yml") -> list[str]:
    return [f"{file}:{position} error {rule}"]


def warning(rule: str, position: str, file: str = "e.yml") -> list[str]:
    return [f"{file}:{position} warning {rule}"]


CASES = [
    Case(
        "yaml-syntax",
        BASE + "tags: {a: b\n",
        BASE + "tags: {a: b}\n",
        error("yaml-syntax", "5:1"),
        ["not valid YAML"],
    ),
    Case(
        "yaml-syntax: two documents",
        BASE + "---\n",
        BASE,
        error("yaml-syntax", "4:1"),
        ["another document", "one document per file"],
    ),
    Case(
        "duplicate-key",
        BASE + "tags:\n  a: '1'\n  a: '2'\n",
        BASE + "tags:\n  a: '2'\n",
        error("duplicate-key", "6:3"),
        ["`a` is repeated", "Keep only one"],
    ),
    Case(
        "alias-bomb",
        BASE + "tags: &t {a: *t}\n",
        BASE + "tags: {a: &t x, b: *t}\n",
        error("alias-bomb", "4:7"),
        ["contains itself"],
    ),
    Case(
        "unknown-field",
        BASE + "tasg: {}\n",
        BASE + "tags: {}\n",
        error("unknown-field", "4:1"),
        ["no field `tasg`", "Did you mean `tags`?"],
    ),
    Case(
        "unknown-field: in a nested mapping",
        BUILD + "  dockerfile: Dockerfile\n",
        BUILD + "  dockerfile_path: Dockerfile\n",
        error("unknown-field", "5:3"),
        ["`build` has no field `dockerfile`", "dockerfile_path"],
        CTX,
    ),
    Case(
        "unknown-field: a conda file",
        BASE + "dependencies: [python=3.12]\n",
        BASE + "conda_file: {dependencies: [python=3.12]}\n",
        error("unknown-field", "4:1"),
        ["looks like a conda file"],
    ),
    Case(
        "wrong-type: number instead of a string",
        "name: e\ndescription: 3\nimage: i:1\n",
        "name: e\ndescription: '3'\nimage: i:1\n",
        error("wrong-type", "2:14"),
        ["`description` must be a string", 'in quotes: `"3"`'],
    ),
    Case(
        "wrong-type: no value",
        BASE + "tags:\n",
        BASE,
        error("wrong-type", "4:1"),
        ["`tags` has no value", "remove the line"],
    ),
    Case(
        "wrong-type: os_type",
        BASE + "os_type: macos\n",
        BASE + "os_type: LINUX\n",
        error("wrong-type", "4:10"),
        ["`linux` or `windows`"],
    ),
    Case(
        "wrong-type: routes",
        BASE
        + "inference_config:\n  liveness_route: {path: /, port: 80}\n"
        + "  readiness_route: {path: /, port: many}\n",
        BASE
        + "inference_config:\n  liveness_route: {path: /, port: 80}\n"
        + "  readiness_route: {path: /, port: 80}\n  scoring_route: {path: /score, port: 80}\n",
        error("wrong-type", "4:1") + error("wrong-type", "6:36"),
        ["`inference_config` has no `scoring_route`", "must be an integer"],
    ),
    Case(
        "missing-name",
        "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"
        "description: d\nimage: i:1\n",
        "name: e\ndescription: d\nimage: i:1\n",
        error("missing-name", "1:1"),
        ["has no name", "Add a `name:` line"],
    ),
    Case(
        "missing-name: empty",
        "name: ''\ndescription: d\nimage: i:1\n",
        BASE,
        error("missing-name", "1:7"),
        ["The name is empty"],
    ),
    Case(
        "missing-version",
        BASE,
        BASE + "version: '1'\n",
        error("missing-version", "1:1"),
        ["`versions: explicit`", "Add a `version:` line"],
        versions="explicit",
    ),
    Case(
        "mixed-versions",
        {"a.yml": BASE + "version: '1'\n", "b.yml": BASE},
        {"a.yml": BASE + "version: '1'\n", "b.yml": BASE + "version: '2'\n"},
        error("mixed-versions", "1:1", "b.yml"),
        ["without a version", "environments/a.yml:1 declares it with a version"],
    ),
    Case(
        "invalid-name",
        "name: a b\ndescription: d\nimage: i:1\n",
        "name: a.b\ndescription: d\nimage: i:1\n",
        error("invalid-name", "1:7"),
        ["`a b`", "255 letters"],
    ),
    Case(
        "invalid-version",
        BASE + "version: 1-<V>\n",
        BASE + "version: 1-V\n",
        error("invalid-version", "4:10"),
        ["`1-<V>`"],
    ),
    Case(
        "invalid-version: latest",
        BASE + "version: latest\n",
        BASE + "version: Latest\n",
        error("invalid-version", "4:10"),
        ["`latest` is a label"],
    ),
    Case(
        "reserved-name",
        "name: azureML-x\ndescription: d\nimage: i:1\n",
        "name: my-azureML-x\ndescription: d\nimage: i:1\n",
        error("reserved-name", "1:7"),
        ["reserved for Microsoft"],
    ),
    *(
        Case(
            f"ambiguous-version: {text}",
            BASE + f"version: {text}\n",
            BASE + f'version: "{text}"\n',
            error("ambiguous-version", "4:10"),
            [f"`{text}`", says, f'version: "{text}"'],
        )
        for text, says in (
            ("1.10", "as `1.1`"),
            ("01", "as `1`"),
            ("010", "as `8`"),
            ("1_000", "as `1000`"),
            ("true", "as `True`"),
            ("2024-01-01", "as a date"),
            ("1e3", "a number in YAML 1.2"),
            ("0x1F", "as `31`"),
        )
    ),
    Case(
        "ambiguous-version: sexagesimal, not valid in quotes either",
        BASE + "version: 1:30\n",
        BASE + "version: '1.30'\n",
        error("ambiguous-version", "4:10"),
        ["as `90`", "255 letters"],
    ),
    Case(
        "duplicate-environment",
        {"a.yml": BASE + "version: 2\n", "b.yml": OTHER + "version: '2'\n"},
        {"a.yml": BASE + "version: 2\n", "b.yml": OTHER + "version: '3'\n"},
        error("duplicate-environment", "4:1", "b.yml"),
        ["`e:2` is already declared in environments/a.yml:1"],
    ),
    Case(
        "duplicate-environment: without versions",
        {"a.yml": BASE, "b.yml": OTHER},
        {"a.yml": BASE, "b.yml": OTHER.replace("name: e", "name: E")},
        error("duplicate-environment", "1:1", "b.yml"),
        ["`e` is already declared in environments/a.yml:1"],
    ),
    Case(
        "duplicate-environment: only the description differs",
        {"a.yml": BASE + "version: 2\n", "b.yml": BASE.replace(": d", ": D") + "version: 2\n"},
        {"a.yml": BASE + "version: 2\n"},
        error("duplicate-environment", "4:1", "b.yml"),
        ["`e:2` is already declared in environments/a.yml:1"],
    ),
    Case(
        "duplicate-file",
        {"a.yml": BASE + "version: 2\n", "b.yml": "version: '2'\n" + BASE},
        {"a.yml": BASE + "version: 2\n"},
        warning("duplicate-file", "1:1", "b.yml"),
        ["`e:2` is declared with the same content in environments/a.yml:1"],
    ),
    Case(
        "duplicate-file: without versions",
        {"a.yml": BASE, "b.yml": BASE, "c.yml": BASE},
        {"a.yml": BASE},
        warning("duplicate-file", "1:1", "b.yml") + warning("duplicate-file", "1:1", "c.yml"),
        ["`e` is declared with the same content in environments/a.yml:1"],
    ),
    Case(
        "duplicate-file: conda files with the same content",
        {"a.yml": CONDA, "b.yml": CONDA.replace("conda.yml", "other.yml")},
        {"a.yml": CONDA},
        warning("duplicate-file", "1:1", "b.yml"),
        ["`e` is declared with the same content in environments/a.yml:1"],
        {
            "conda.yml": "dependencies: [python=3.12]\nname: x\n",
            "other.yml": "name: x\ndependencies:\n- python=3.12\n",
        },
    ),
    Case(
        "image-or-build: both",
        BASE + "build:\n  path: ctx\n",
        BASE,
        error("image-or-build", "4:1"),
        ["both `image` and `build`"],
        CTX,
    ),
    Case(
        "image-or-build: neither",
        "$schema: http://azuremlschemas.azureedge.net/latest/environment.schema.json\n"
        "name: e\ndescription: d\n",
        BASE,
        error("image-or-build", "2:1"),
        ["neither `image` nor `build`"],
    ),
    Case(
        "image-or-build: build without a path",
        "name: e\ndescription: d\nbuild:\n  dockerfile_path: Dockerfile\n",
        BUILD,
        error("image-or-build", "3:1"),
        ["`build` has no `path`"],
        CTX,
    ),
    Case(
        "conda-with-build",
        BUILD + "conda_file: {dependencies: [python=3.12]}\n",
        BUILD + "conda_file: ''\n",
        error("conda-with-build", "5:1"),
        ["cannot be combined with `build`"],
        CTX,
    ),
    Case(
        "missing-file: conda file",
        BASE + "conda_file: conda.yaml\n",
        BASE + "conda_file: conda.yml\n",
        error("missing-file", "4:13"),
        ["conda file `conda.yaml` does not exist", "Did you mean `conda.yml`?"],
        {"conda.yml": "dependencies: [python=3.12]\n"},
    ),
    Case(
        "missing-file: prefix",
        BASE + "conda_file: file:conda.yml\n",
        BASE + "conda_file: conda.yml\n",
        error("missing-file", "4:13"),
        ["`conda_file: conda.yml`"],
        {"conda.yml": "dependencies: [python=3.12]\n"},
    ),
    Case(
        "missing-file: directory as a conda file",
        BASE + "conda_file: ctx\n",
        BASE + "conda_file: ./conda.yml\n",
        error("missing-file", "4:13"),
        ["`ctx` is a directory"],
        {"conda.yml": "dependencies: [python=3.12]\n", **CTX},
    ),
    Case(
        "missing-file: build context",
        BUILD.replace("ctx", "context"),
        BUILD,
        error("missing-file", "4:9"),
        ["build context `context` does not exist"],
        CTX,
    ),
    Case(
        "missing-file: file as a build context",
        BUILD.replace("ctx", "ctx/Dockerfile"),
        BUILD,
        error("missing-file", "4:9"),
        ["is a file", "Write the path of the directory"],
        CTX,
    ),
    Case(
        "missing-file: git URL that azure-ai-ml does not support",
        BUILD.replace("ctx", "git@github.com:owner/repository.git"),
        BUILD.replace("ctx", "https://github.com/owner/repository.git#main:docker"),
        error("missing-file", "4:9"),
        ["https://"],
    ),
    Case(
        "missing-file: default Dockerfile",
        BUILD,
        BUILD + "  dockerfile_path: ./docker/gpu.dockerfile\n",
        error("missing-file", "4:9"),
        ["no Dockerfile `Dockerfile`", "dockerfile_path"],
        {"ctx/docker/gpu.dockerfile": "FROM scratch\n"},
    ),
    Case(
        "missing-file: named Dockerfile",
        BUILD + "  dockerfile_path: dockerfile\n",
        BUILD + "  dockerfile_path: Dockerfile\n",
        error("missing-file", "5:20"),
        ["no Dockerfile `dockerfile`", "`dockerfile_path: Dockerfile`?"],
        CTX,
    ),
    Case(
        "missing-file: Dockerfile outside of its context",
        BUILD + "  dockerfile_path: ../Dockerfile\n",
        BUILD,
        error("missing-file", "5:20"),
        ["not in the build context"],
        {"Dockerfile": "FROM scratch\n", **CTX},
    ),
    Case(
        "missing-file: ignored Dockerfile",
        {"e.yml": BUILD, "ctx/.amlignore": "Dockerfile\n"},
        {"e.yml": BUILD, "ctx/.amlignore": "*.md\n"},
        error("missing-file", "4:9"),
        ["An ignore file excludes the Dockerfile"],
        CTX,
    ),
    Case(
        "path-escape: conda file",
        BASE + "conda_file: ../../conda.yml\n",
        BASE + "conda_file: ../conda.yml\n",
        error("path-escape", "4:13"),
        ["leads out of the project"],
        {"../conda.yml": "dependencies: [python=3.12]\n"},
    ),
    Case(
        "path-escape: build context",
        BUILD.replace("ctx", "/"),
        BUILD,
        error("path-escape", "4:9"),
        ["`/` leads out of the project"],
        CTX,
    ),
    Case(
        "invalid-conda: invalid YAML",
        {"e.yml": CONDA, "conda.yml": "dependencies: [python=3.12\n"},
        {"e.yml": CONDA, "conda.yml": "dependencies: [python=3.12]\n"},
        error("invalid-conda", "2:1", "conda.yml"),
        ["not valid YAML"],
    ),
    Case(
        "invalid-conda: empty",
        {"e.yml": CONDA, "conda.yml": "# later\n"},
        {"e.yml": CONDA, "conda.yml": "dependencies: [python=3.12]\n"},
        error("invalid-conda", "1:1", "conda.yml"),
        ["is empty"],
    ),
    Case(
        "invalid-conda: not a mapping",
        {"e.yml": CONDA, "conda.yml": "- python=3.12\n"},
        {"e.yml": CONDA, "conda.yml": "dependencies:\n- python=3.12\n"},
        error("invalid-conda", "1:1", "conda.yml"),
        ["must be a mapping"],
    ),
    Case(
        "invalid-conda: not a list",
        BASE + "conda_file:\n  dependencies: python=3.12\n",
        BASE + "conda_file:\n  dependencies: [python=3.12]\n",
        error("invalid-conda", "5:17"),
        ["`dependencies` must be a list"],
    ),
    Case(
        "invalid-conda: entries that are not packages",
        BASE + "conda_file:\n  dependencies:\n  - 3.12\n  - python: 3.12\n  - pip: a==1\n  - [a]\n",
        BASE + "conda_file:\n  dependencies:\n  - python=3.12\n  - pip: [a==1]\n",
        error("invalid-conda", "6:5")
        + error("invalid-conda", "7:5")
        + error("invalid-conda", "8:10")
        + error("invalid-conda", "9:5"),
        ["names a package", "not `python:`", "`pip` must be a list"],
    ),
    Case(
        "invalid-conda: values that JSON cannot represent",
        BASE
        + "conda_file:\n  name: 2024-01-01\n  dependencies: [a=1]\n"
        + "  variables:\n    a: .nan\n    1: a\n",
        BASE
        + "conda_file:\n  name: '2024-01-01'\n  dependencies: [a=1]\n"
        + "  variables:\n    a: '.nan'\n    '1': a\n",
        error("invalid-conda", "5:9")
        + error("invalid-conda", "8:8")
        + error("invalid-conda", "9:5"),
        ["JSON cannot represent", "Put it in quotes"],
    ),
    Case(
        "invalid-conda: no dependencies",
        {
            f"{name}.yml": f"name: {name}\ndescription: d\nimage: i:1\nconda_file: {conda}\n"
            for name, conda in {
                "a": "{}",
                "b": "{name: x}",
                "c": "{dependencies: }",
                "d": "{dependencies: []}",
                "e": "{dependencies: [{pip: []}]}",
            }.items()
        },
        BASE + "conda_file: {dependencies: [pip=24]}\n",
        [*(item for name in "abcde" for item in error("invalid-conda", "4:13", f"{name}.yml"))],
        ["has no dependencies", "remove `conda_file`"],
    ),
    Case(
        "invalid-conda: channels and variables",
        BASE + "conda_file:\n  channels: conda-forge\n  variables: [A=1]\n  dependencies: [a=1]\n",
        BASE
        + "conda_file:\n  channels: [conda-forge]\n  variables: {A: '1'}\n"
        + "  dependencies: [a=1]\n",
        error("invalid-conda", "5:13") + error("invalid-conda", "6:14"),
        ["`channels` must be a list", "`variables` must be a mapping"],
    ),
    Case(
        "invalid-conda: items without a value",
        BASE + "conda_file:\n  channels: [~]\n  dependencies:\n  - a=1\n  -\n  - pip:\n    -\n",
        BASE + "conda_file:\n  channels:\n  dependencies:\n  - a=1\n  - pip:\n    - b==1\n",
        error("invalid-conda", "5:14")
        + error("invalid-conda", "8:4")
        + error("invalid-conda", "10:6"),
        ["A channel must be a string", "an item without a value"],
    ),
    Case(
        "invalid-conda: lists that YAML folds into a string",
        BASE + "conda_file:\n  dependencies:\n  - a=1\n  - pip\n    - b==1\n    - c==1\n",
        BASE + "conda_file:\n  dependencies:\n  - a=1\n  - pip:\n    - b==1\n    - c==1\n",
        error("invalid-conda", "7:5"),
        ["as one string: `pip - b==1 - c==1`", "Write `- pip:` with a colon"],
    ),
    Case(
        "invalid-conda: a list that YAML folds into a requirement",
        BASE + "conda_file:\n  dependencies:\n  - pip:\n    - b==1\n      - c==1\n",
        BASE + "conda_file:\n  dependencies:\n  - pip:\n    - b==1\n    - c==1\n",
        error("invalid-conda", "7:7"),
        ["as one string: `b==1 - c==1`", "the same indentation"],
    ),
    Case(
        "invalid-conda: several packages in one string",
        BASE + "conda_file:\n  dependencies: [a=1 bcd=2, 'abc, bcd', {pip: [a==1 b==2]}]\n",
        BASE + "conda_file:\n  dependencies: [a=1, bcd=2, 'e >=1, <2', {pip: [a==1, b==2]}]\n",
        error("invalid-conda", "5:18")
        + error("invalid-conda", "5:29")
        + error("invalid-conda", "5:48"),
        ["`a=1 bcd=2` names more than one package", "on its own line"],
    ),
    Case(
        "invalid-conda: an address that is not a URL",
        BASE
        + "conda_file:\n  dependencies:\n  - pip:\n    - git+git@github.com:x/y.git\n"
        + "    - y @ git+git@github.com:x/y.git\n    - -e git@github.com:x/y.git#egg=y\n",
        BASE
        + "conda_file:\n  dependencies:\n  - pip:\n"
        + "    - git+ssh://git@github.com/x/y.git@v1\n"
        + "    - y @ git+https://github.com/x/y.git@v1\n",
        [item for line in range(7, 10) for item in error("invalid-conda", f"{line}:7")],
        [
            "pip cannot read the address in `git+git@github.com:x/y.git`, because it is not a URL",
            "Write the address as `git+ssh://git@github.com/x/y.git#egg=y`.",
        ],
    ),
    Case(
        "unknown-field: in a conda file",
        {
            "e.yml": CONDA,
            "conda.yml": "channel: [a]\ndependecies: [a=1]\ndependencies: [b=1]\n"
            "pip: [c==1]\npython: 3.12\nimage: i:1\n",
        },
        {
            "e.yml": CONDA,
            "conda.yml": "channels: [a]\ndependencies: [a=1, b=1, python=3.12, {pip: [c==1]}]\n"
            "prefix: /x\nplatforms: [linux-64]\n_base: 1\n",
        },
        [
            item
            for line in (1, 2, 4, 5, 6)
            for item in error("unknown-field", f"{line}:1", "conda.yml")
        ],
        [
            "no key `dependecies`, so conda ignores it",
            "Did you mean `dependencies`?",
            "Did you mean `channels`?",
            "Write the list below an item `- pip:`",
            "Write `python=VERSION`",
            "looks like an environment file",
        ],
    ),
    Case(
        "unknown-field: in place of `dependencies`",
        BASE + "conda_file: {dependecies: [a=1]}\n",
        BASE + "conda_file: {dependencies: [a=1]}\n",
        error("unknown-field", "4:14"),
        ["Did you mean `dependencies`?"],
    ),
    Case(
        "conda-local-file: pip",
        BASE
        + "conda_file:\n  dependencies:\n  - pip:\n    - -r requirements.txt\n"
        + "    - -e ./package\n    - wheels/a.whl\n    - b @ file:///opt/b.whl\n",
        BASE
        + "conda_file:\n  dependencies:\n  - pip:\n    - a==1\n"
        + "    - -e git+https://example.com/b@v1\n    - https://example.com/c.whl\n",
        [item for line in range(7, 11) for item in error("conda-local-file", f"{line}:7")],
        [
            "`-r requirements.txt` names a local file",
            "use `build` with a Dockerfile",
            "If the image contains the file",
        ],
    ),
    Case(
        "conda-local-file: after other options of pip",
        BASE
        + "conda_file:\n  dependencies:\n  - pip:\n"
        + "    - --extra-index-url https://example.com -r requirements.txt\n"
        + "    - b==1 --requirement r.txt\n    - --no-index --find-links=wheels\n",
        BASE
        + "conda_file:\n  dependencies:\n  - pip:\n"
        + "    - --extra-index-url https://example.com --pre\n"
        + "    - b==1+cu118 -f https://example.com/b.html\n",
        [item for line in range(7, 10) for item in error("conda-local-file", f"{line}:7")],
        ["`b==1 --requirement r.txt` names a local file"],
    ),
    Case(
        "conda-local-file: conda",
        BASE
        + "conda_file:\n  channels: [./channel]\n"
        + "  dependencies: [./a.conda, 'file:///c::a', -e .]\n",
        BASE
        + "conda_file:\n  channels: ['https://example.com/channel']\n"
        + "  dependencies: ['https://example.com/a.conda', 'c::a=1']\n",
        error("conda-local-file", "5:14")
        + error("conda-local-file", "6:18")
        + error("conda-local-file", "6:29")
        + error("conda-local-file", "6:45"),
        ["The channel `./channel` is a local directory", "`./a.conda` names a local file"],
    ),
    Case(
        "invalid-image",
        {
            "a.yml": BASE.replace("name: e", "name: a").replace("i:1", "https://example.com/i:1"),
            "b.yml": BASE.replace("name: e", "name: b").replace("i:1", "example.com/I:1"),
            "c.yml": BASE.replace("name: e", "name: c").replace("i:1", "'i:1 '"),
        },
        BASE.replace("i:1", "example.com/i:1"),
        [item for name in "abc" for item in error("invalid-image", "3:8", f"{name}.yml")],
        ["starts with `https://`", "upper-case letters", "white space"],
    ),
    Case(
        "invalid-image: a placeholder",
        BASE.replace("i:1", "${ACR}.azurecr.io/i:${TAG}"),
        BASE.replace("i:1", "contoso.azurecr.io/i:1"),
        error("invalid-image", "3:8"),
        ["the placeholder `${ACR}`", "only in the targets of `envsync.yaml`"],
    ),
    Case(
        "lfs-pointer: in a build context",
        {"e.yml": BUILD, "ctx/model.bin": LFS, "ctx/data/x": LFS.replace("\n", "\r\n")},
        {"e.yml": BUILD, "ctx/model.bin": "content", "ctx/data/x": "version 1\n"},
        error("lfs-pointer", "4:9") + warning("unstable-context", "4:9"),
        ["`data/x`, `model.bin`", "git lfs pull", "`lfs: true`"],
        CTX,
    ),
    Case(
        "lfs-pointer: as a Dockerfile",
        {"e.yml": BUILD, "ctx/Dockerfile": LFS},
        {"e.yml": BUILD, "ctx/Dockerfile": "FROM scratch\n"},
        error("lfs-pointer", "4:9"),
        ["`Dockerfile`"],
    ),
    Case(
        "lfs-pointer: as a conda file",
        {"e.yml": CONDA, "conda.yml": LFS},
        {"e.yml": CONDA, "conda.yml": "dependencies: [a=1]\n"},
        error("lfs-pointer", "1:1", "conda.yml"),
        ["The conda file is a Git LFS pointer", "git lfs pull"],
    ),
    Case(
        "self-context",
        {"e.yml": BUILD.replace("ctx", "."), "Dockerfile": "FROM scratch\n"},
        {"e.yml": BUILD.replace("ctx", "."), "Dockerfile": "", ".amlignore": "/e.yml\n"},
        warning("self-context", "4:9"),
        ["contains a file that envsync reads: `e.yml`", "Add `/e.yml` to `.amlignore`"],
    ),
    Case(
        "self-context: with a `.gitignore`",
        {
            "e.yml": BUILD.replace("ctx", "."),
            "Dockerfile": "FROM scratch\n",
            ".gitignore": "*.log\n",
        },
        {
            "e.yml": BUILD.replace("ctx", "."),
            "Dockerfile": "FROM scratch\n",
            ".gitignore": "*.log\n",
            ".amlignore": "*.log\n/e.yml\n",
        },
        warning("self-context", "4:9"),
        ["Copy `.gitignore` of the context to `.amlignore`, and add `/e.yml` to the copy."],
    ),
    Case(
        "self-context: in a context above the file",
        {"deep/e.yml": BUILD.replace("ctx", ".."), "Dockerfile": "FROM scratch\n"},
        {
            "deep/e.yml": BUILD.replace("ctx", ".."),
            "Dockerfile": "",
            ".amlignore": "/deep/e.yml\n",
        },
        warning("self-context", "4:9", "deep/e.yml"),
        ["`deep/e.yml`", "Add `/deep/e.yml`"],
    ),
    Case(
        "invalid-tag",
        BASE + "tags:\n  a:\n  b: [c]\n  d: {e: f}\n  1: g\n",
        BASE + "tags:\n  a: ''\n  b: c\n  d: 1.10\n  '1': true\n",
        [
            *error("invalid-tag", "5:5"),
            *error("invalid-tag", "6:6"),
            *error("invalid-tag", "7:6"),
            *error("invalid-tag", "8:3"),
        ],
        ["`a` has no value", "`b` is not a string", "key `1` is not a string"],
    ),
    Case(
        "reserved-tag",
        BASE + "tags:\n  envsync.owner: me\n",
        BASE + "tags:\n  envsync-owner: me\n",
        error("reserved-tag", "5:3"),
        ["reserved for envsync"],
    ),
    *(
        Case(
            f"unpinned-image: {image}",
            BASE.replace("i:1", image),
            BASE.replace("i:1", fixed),
            warning("unpinned-image", "3:8"),
            [f"`{image}`", "digest"],
        )
        for image, fixed in (
            ("ubuntu", "ubuntu:24.04"),
            ("pytorch/pytorch:latest", "pytorch/pytorch:2.4"),
            ("mcr.microsoft.com:443/base", f"mcr.microsoft.com:443/base@sha256:{'0' * 64}"),
        )
    ),
    Case(
        "unrecognised-environment",
        "name: e\nimgae: i:1\n",
        BASE,
        warning("unrecognised-environment", "2:1"),
        ["`imgae`, which is not a field", "Did you mean `image`?", "`exclude`"],
    ),
    Case(
        "lfs-pointer",
        LFS,
        BASE,
        error("lfs-pointer", "1:1"),
        ["Git LFS pointer", "git lfs pull", "lfs: true"],
    ),
    Case(
        "unpinned-dependency",
        BASE + "conda_file:\n  dependencies:\n  - numpy\n  - scipy\n  - pip: [a, b, c==1]\n",
        BASE
        + "conda_file:\n  dependencies:\n  - numpy=2\n  - scipy>=1\n  - pip: [a==1, b~=1, c==1]\n",
        warning("unpinned-dependency", "6:5")
        + warning("unpinned-dependency", "7:5")
        + warning("unpinned-dependency", "8:11"),
        ["`numpy` has no version", "`a==1.2.3`"],
    ),
    Case(
        "unpinned-dependency: with options of pip",
        BASE + "conda_file:\n  dependencies:\n  - pip:\n    - a -f https://example.com/a.html\n",
        BASE + "conda_file:\n  dependencies:\n  - pip:\n    - a==1 -f https://example.com/a\n",
        warning("unpinned-dependency", "7:7"),
        ["`a -f https://example.com/a.html` has no version", "such as `a==1.2.3`"],
    ),
    Case(
        "missing-description",
        "name: e\nimage: i:1\n",
        BASE,
        warning("missing-description", "1:1"),
        ["has no description"],
    ),
    Case(
        "unstable-context",
        {
            "e.yml": BUILD,
            "ctx/a.txt": "a\r\nb\r\n",
            "ctx/__pycache__/a.pyc": "",
            "ctx/.dockerignore": "*.md\n",
            "ctx/b.md": "",
        },
        {"e.yml": BUILD, "ctx/a.txt": "a\nb\n", "ctx/.dockerignore": "*.md\n"},
        warning("unstable-context", "4:9") * 3,
        ["CRLF", "`a.txt`", "`__pycache__/`", "`b.md`", ".amlignore"],
        CTX,
    ),
    # The limit is 2,000 files. With the Dockerfile, this context has 2,001 files.
    Case(
        "large-context",
        {"e.yml": BUILD, **{f"ctx/{number}": "" for number in range(2000)}},
        {"e.yml": BUILD, **{f"ctx/{number}": "" for number in range(1999)}},
        warning("large-context", "4:9"),
        ["2,001 files"],
        CTX,
    ),
    Case(
        "secret-in-file",
        BASE.replace("description: d", f"description: see {URL}"),
        BASE.replace("description: d", "description: see https://pypi.example/simple"),
        error("secret-in-file", "2:32"),
        ["contains a password in a URL", "revoke it"],
    ),
    Case(
        "secret-in-file: in a comment",
        f"{BASE}# token: ghp_{'a1' * 18}\n",
        f"{BASE}# token: ghp_...\n",
        error("secret-in-file", "4:10"),
        ["contains a GitHub token"],
    ),
    Case(
        "secret-in-file: in a conda file",
        {"e.yml": CONDA, "conda.yml": f"dependencies:\n- pip=1\n- pip: [--index-url {URL}]\n"},
        {"e.yml": CONDA, "conda.yml": "dependencies:\n- pip=1\n- pip: [a==1]\n"},
        error("secret-in-file", "3:35", "conda.yml"),
        ["contains a password in a URL"],
    ),
    Case(
        "secret-in-file: in a Dockerfile",
        {"e.yml": BUILD, "ctx/Dockerfile": f"FROM scratch\nRUN pip install -i {URL} a\n"},
        {"e.yml": BUILD, "ctx/Dockerfile": "FROM scratch\nRUN pip install -i $INDEX a\n"},
        error("secret-in-file", "4:9"),
        ["`Dockerfile` contains a password in a URL in line 2"],
    ),
    Case(
        "secret-in-context",
        {"e.yml": BUILD, "ctx/pip.conf": f"[global]\nindex-url = {URL}\n", "ctx/k": PRIVATE_KEY},
        {"e.yml": BUILD, "ctx/pip.conf": "[global]\nindex-url = https://a.example/simple\n"},
        warning("secret-in-context", "4:9"),
        [
            "`k` contains a private key in line 1",
            "`pip.conf` contains a password in a URL in line 2",
            "`.amlignore`",
        ],
        CTX,
    ),
    Case(
        "secret-in-tag",
        f"{BASE}tags:\n  a: b\n  index: {URL}\n",
        f"{BASE}tags:\n  a: b\n  index: https://pypi.example/simple\n",
        warning("secret-in-tag", "6:10"),
        ["The tag contains a password in a URL"],
    ),
    Case(
        "end-of-life-python",
        {"e.yml": CONDA, "conda.yml": "dependencies:\n- python=3.8\n"},
        {"e.yml": CONDA, "conda.yml": "dependencies:\n- python=3.12\n"},
        warning("end-of-life-python", "2:3", "conda.yml"),
        ["Python 3.8", "2024-10-07"],
    ),
    Case(
        "end-of-life-python: an image",
        BASE.replace("i:1", "nvidia/cuda:11.8.0-base-ubuntu20.04"),
        BASE.replace("i:1", "nvidia/cuda:12.4.1-base-ubuntu22.04"),
        warning("end-of-life-python", "3:8"),
        ["Ubuntu 20.04 (ended 2025-05-31) and CUDA 11 (ended 2025-08-31)", "supported software"],
    ),
    Case(
        "end-of-life-python: a Dockerfile",
        {"e.yml": BUILD, "ctx/Dockerfile": "ARG U=18.04\nFROM ubuntu:$U AS a\nFROM a\n"},
        {"e.yml": BUILD, "ctx/Dockerfile": "ARG U=24.04\nFROM ubuntu:$U AS a\nFROM a\n"},
        warning("end-of-life-python", "2:6", "ctx/Dockerfile"),
        ["`ubuntu:18.04` contains", "Ubuntu 18.04 (ended 2023-05-31)"],
    ),
    Case(
        "unpinned-image: a Dockerfile",
        {"e.yml": BUILD, "ctx/Dockerfile": "FROM --platform=linux/amd64 python\nFROM b:latest\n"},
        {
            "e.yml": BUILD,
            "ctx/Dockerfile": "# envsync: ignore[unpinned-image]\nFROM python\nFROM b:1\n",
        },
        warning("unpinned-image", "1:29", "ctx/Dockerfile")
        + warning("unpinned-image", "2:6", "ctx/Dockerfile"),
        ["The image `python` has no fixed tag", "The image `b:latest`"],
    ),
    Case(
        "invalid-image: a Dockerfile",
        {"e.yml": BUILD, "ctx/Dockerfile": "FROM Python:3\n"},
        {"e.yml": BUILD, "ctx/Dockerfile": "FROM python:3\n"},
        error("invalid-image", "1:6", "ctx/Dockerfile"),
        ["Write `python:3`"],
    ),
    Case(
        "deprecated-base-image",
        BASE.replace("i:1", f"{RETIRED}:20221101.v1  # envsync: ignore[end-of-life-python]"),
        BASE.replace("i:1", "mcr.microsoft.com/azureml/openmpi5.0-cuda12.4-ubuntu22.04:1"),
        warning("deprecated-base-image", "3:8"),
        [
            "Microsoft has retired the base image",
            "Use `mcr.microsoft.com/azureml/openmpi5.0-cuda12.4-ubuntu22.04`",
        ],
    ),
    Case(
        "deprecated-base-image: by a digest",
        BASE.replace("i:1", f"mcr.microsoft.com/azureml/base@sha256:{'0' * 64}"),
        BASE.replace("i:1", f"contoso.azurecr.io/azureml/base@sha256:{'0' * 64}"),
        warning("deprecated-base-image", "3:8"),
        ["Use `mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04`"],
    ),
    Case(
        "large-dockerfile",
        {"e.yml": BUILD, "ctx/Dockerfile": "FROM scratch\n" + "# 3456789\n" * 10_000},
        {"e.yml": BUILD, "ctx/Dockerfile": "FROM scratch\n" + "# 3456789\n" * 9_998},
        warning("large-dockerfile", "1:1", "ctx/Dockerfile"),
        ["100,013 bytes", "at most 100 KB"],
    ),
    Case(
        "licensed-channel",
        {
            "e.yml": CONDA,
            "conda.yml": (
                "channels:\n- main\n- https://repo.anaconda.com/pkgs/r\n"
                "- https://conda.anaconda.org/anaconda/linux-64\n- nodefaults\n"
                "dependencies:\n- python=3.12\n- defaults::numpy=2\n"
            ),
        },
        {
            "e.yml": CONDA,
            "conda.yml": (
                "channels:\n- https://conda.anaconda.org/conda-forge\n- main-channel\n"
                "- https://conda.contoso.com/main\n- nodefaults\n"
                "dependencies:\n- python=3.12\n- conda-forge::numpy=2\n"
            ),
        },
        warning("licensed-channel", "2:3", "conda.yml")
        + warning("licensed-channel", "3:3", "conda.yml")
        + warning("licensed-channel", "4:3", "conda.yml")
        + warning("licensed-channel", "8:3", "conda.yml"),
        ["The channel `main` belongs to Anaconda", "Use `conda-forge`"],
        rules={},
    ),
    Case(
        "implicit-defaults: no channels",
        {"e.yml": CONDA, "conda.yml": "name: c\ndependencies: [python=3.12]\n"},
        {"e.yml": CONDA, "conda.yml": COMPLETE},
        warning("implicit-defaults", "1:1", "conda.yml"),
        ["has no channels, so conda uses `defaults`", "Add `conda-forge` and `nodefaults`"],
        rules={},
    ),
    Case(
        "implicit-defaults: no nodefaults",
        {"e.yml": CONDA, "conda.yml": COMPLETE.replace(", nodefaults", "")},
        {"e.yml": CONDA, "conda.yml": COMPLETE},
        warning("implicit-defaults", "1:1", "conda.yml"),
        ["so conda also uses `defaults`", "Add `nodefaults`"],
        rules={},
    ),
    Case(
        "unpinned-pip",
        {"e.yml": CONDA, "conda.yml": COMPLETE.replace("pip=24", "pip")},
        {"e.yml": CONDA, "conda.yml": COMPLETE.replace("pip=24", "pip>=24")},
        warning("unpinned-pip", "2:29", "conda.yml"),
        ["pip has no version", "pip=24.3.1"],
        rules={},
    ),
    Case(
        "missing-pip",
        {"e.yml": CONDA, "conda.yml": COMPLETE.replace(" pip=24,", "")},
        {"e.yml": CONDA, "conda.yml": COMPLETE.replace("pip=24", "conda-forge::pip=24")},
        warning("missing-pip", "2:30", "conda.yml"),
        ["lists pip packages, but not pip itself"],
        rules={},
    ),
    Case(
        "missing-python",
        {"e.yml": CONDA, "conda.yml": COMPLETE.replace("python=3.12", "python-dateutil=2")},
        {"e.yml": CONDA, "conda.yml": COMPLETE.replace("python=3.12", "python>=3.11")},
        warning("missing-python", "2:1", "conda.yml"),
        ["does not name Python"],
        rules={},
    ),
    Case(
        "policy",
        {
            "e.yml": (
                "name: E1\ndescription: d\nimage: j:1  # envsync: ignore[policy-images]\n"
                "conda_file:\n  channels: [conda-forge, bioconda]\n  dependencies: [pytorch::a=1]\n"
            ),
        },
        {
            "e.yml": (
                "name: e-cpu\ndescription: d\nimage: i:2\ntags: {owner: o}\n"
                "conda_file:\n  channels: [https://conda.anaconda.org/conda-forge/, nodefaults]\n"
                "  dependencies: [contoso-x::a=1]\n"
            ),
        },
        error("policy-tags", "1:1")
        + error("policy-names", "1:7")
        + error("policy-images", "3:8")
        + warning("useless-ignore", "3:13")
        + error("policy-channels", "5:27")
        + error("policy-channels", "6:18"),
        [
            "`policy.images` (envsync.yaml:2)",
            "`policy.channels` (envsync.yaml:3)",
            "`policy.require_tags` (envsync.yaml:4) requires tags that the file does not",
            "The name `E1` does not match `policy.names` (envsync.yaml:5)",
        ],
        policy=POLICY,
    ),
    Case(
        "policy-images: a Dockerfile",
        {"e.yml": f"{BUILD}tags: {{owner: o}}\n", "ctx/Dockerfile": "FROM j:1\nFROM scratch\n"},
        {"e.yml": f"{BUILD}tags: {{owner: o}}\n", "ctx/Dockerfile": "FROM a.azurecr.io/b/c:1\n"},
        error("policy-images", "1:6", "ctx/Dockerfile"),
        ["Use an image that matches `i:*` or `*.azurecr.io/*`."],
        policy=POLICY,
    ),
    Case(
        "policy-images: a Dockerfile whose image only the build knows",
        {
            "e.yml": f"{BUILD}tags: {{owner: o}}\n",
            "ctx/Dockerfile": "ARG I=vj:1\nFROM ${I#v}\nARG A\nFROM $B\n",
        },
        {
            "e.yml": f"{BUILD}tags: {{owner: o}}\n",
            "ctx/Dockerfile": "ARG I=i:1\nFROM ${I}\nFROM i:1 AS j\nFROM j\n",
        },
        error("policy-images", "2:6", "ctx/Dockerfile")
        + error("policy-images", "4:6", "ctx/Dockerfile"),
        ["`${I#v}` cannot be compared with `policy.images`", "`ARG B` has no default"],
        policy=POLICY,
    ),
    Case(
        "policy-images: a Dockerfile that is too large to be read",
        {
            "e.yml": f"{BUILD}tags: {{owner: o}}\n",
            "ctx/Dockerfile": "FROM j:1\n" * 12_000,
        },
        {"e.yml": f"{BUILD}tags: {{owner: o}}\n", "ctx/Dockerfile": "FROM i:1\n"},
        warning("large-dockerfile", "1:1", "ctx/Dockerfile")
        + error("policy-images", "1:1", "ctx/Dockerfile"),
        ["with more than 100,000 bytes"],
        policy=POLICY,
    ),
    Case(
        "policy-channels: a package",
        {
            "e.yml": (
                "name: e\ndescription: d\nimage: i:1\ntags: {owner: o}\n"
                "conda_file:\n  channels: [conda-forge, nodefaults]\n  dependencies:\n"
                "    - contoso-x::a[version=1, channel=bioconda]\n"
                "    - b[version='1', channel='bioconda']\n"
                "    - https://conda.contoso.com/x/linux-64/c-1-0.conda\n"
            ),
        },
        {
            "e.yml": (
                "name: e\ndescription: d\nimage: i:1\ntags: {owner: o}\n"
                "conda_file:\n  channels: [conda-forge, nodefaults]\n  dependencies:\n"
                "    - b[version='1', channel='conda-forge/linux-64']\n"
                "    - https://conda.anaconda.org/conda-forge/linux-64/c-1-0.conda\n"
            ),
        },
        error("policy-channels", "8:7")
        + error("policy-channels", "9:7")
        + error("policy-channels", "10:7"),
        ["The channel `bioconda` matches", "`https://conda.contoso.com/x/linux-64` matches"],
        policy=POLICY,
    ),
    Case(
        "useless-ignore: unknown rule",
        BASE + "tags: {}  # envsync: ignore[invalid-tags]\n",
        BASE + "tags: {}  # envsync: ignore[duplicate-key]\n",
        warning("useless-ignore", "4:11"),
        ["rule `invalid-tags` does not exist", "Did you mean `invalid-tag`?"],
    ),
    Case(
        "useless-ignore: a rule that is always an error",
        BASE + "tags: []  # envsync: ignore[wrong-type]\n",
        BASE + "tags: {}\n",
        error("wrong-type", "4:7") + warning("useless-ignore", "4:11"),
        ["`wrong-type` cannot be turned off"],
    ),
]


def in_environments(files: str | dict[str, str], others: dict[str, str]) -> dict[str, str | bytes]:
    named = {"e.yml": files} if isinstance(files, str) else files
    return {f"environments/{name}": content for name, content in {**others, **named}.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_violation_of_a_rule_is_reported_at_its_position(case: Case, tmp_path: Path) -> None:
    files = in_environments(case.bad, case.others)
    loaded = load_files(
        tmp_path, files, versions=case.versions, rules=case.rules, policy=case.policy
    )

    assert found(loaded) == case.where
    said = " ".join(f"{problem.message} {problem.fix}" for problem in loaded.problems)
    assert [words for words in case.says if words not in said] == []
    broken = {problem.file for problem in loaded.problems if problem.severity == "error"}
    assert broken.isdisjoint(declaration.source.file for declaration in loaded.declarations)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_corrected_file_has_no_problem(case: Case, tmp_path: Path) -> None:
    files = in_environments(case.good, case.others)
    loaded = load_files(
        tmp_path, files, versions=case.versions, rules=case.rules, policy=case.policy
    )

    assert found(loaded) == []
    assert len(loaded.declarations) == loaded.files > 0


def test_cases_contain_every_rule() -> None:
    tested = {line.split(" ")[2] for case in CASES for line in case.where}
    not_about_environment_files = {
        "invalid-config",
        "missing-project",
        "not-checked-out",
        "unreachable-channel",
        "unreadable-directory",
        "unset-variable",
        "unsolvable-conda",
        "useless-pattern",
        *REFERENCES,
        *IMAGES,
    }

    assert set(RULES) - tested - not_about_environment_files == set()


def test_all_problems_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    files = {
        "environments/a.yml": "name: a b\nimage: x\nversion: 1.10\n",
        "environments/b.yml": "name: b\nimage: i:1\nconda_file: conda.yml\n",
        "environments/c.yml": "image: i:1\nname: [\n",
        # This file is broken, but nothing in it shows that it is an environment file.
        "environments/no-environment.yml": "name: [\n",
        "environments/conda.yml": "dependencies: {}\n",
    }

    assert found(load_files(tmp_path, files)) == [
        "a.yml:1:1 warning missing-description",
        "a.yml:1:7 error invalid-name",
        "a.yml:2:8 warning unpinned-image",
        "a.yml:3:10 error ambiguous-version",
        "b.yml:1:1 warning missing-description",
        "c.yml:3:1 error yaml-syntax",
        "conda.yml:1:15 error invalid-conda",
    ]


def test_the_settings_change_the_severity_of_a_rule(tmp_path: Path) -> None:
    files = {"environments/e.yml": "name: a b\nimage: x\n"}
    loaded = load_files(
        tmp_path,
        files,
        rules={"invalid-name": "warning", "unpinned-image": "error", "missing-description": "off"},
    )

    assert found(loaded) == ["e.yml:1:7 warning invalid-name", "e.yml:2:8 error unpinned-image"]


def test_the_settings_cannot_disable_a_rule_that_is_always_an_error(tmp_path: Path) -> None:
    files = {"environments/e.yml": BASE + "tags: []\n"}
    loaded = load_files(tmp_path, files, rules={"wrong-type": "off"})

    assert found(loaded) == ["e.yml:4:7 error wrong-type"]
    assert loaded.declarations == ()


def test_a_declaration_has_the_values_that_yaml_reads_if_rules_are_off(
    tmp_path: Path,
) -> None:
    # YAML keeps the last value of a repeated key, and reads 1.10 as the number 1.1.
    text = "name: e\nname: f\ndescription: d\nimage: i:1\nversion: 1.10\nfoo: 1\n"
    loaded = load_files(
        tmp_path,
        {"environments/e.yml": text},
        rules={"ambiguous-version": "off", "duplicate-key": "off", "unknown-field": "off"},
    )

    assert found(loaded) == []
    assert [(d.name, d.version) for d in loaded.declarations] == [("f", "1.1")]


@pytest.mark.parametrize("comment", ["", "  # envsync: ignore[path-escape]"])
def test_no_setting_and_no_comment_lets_a_path_lead_out_of_the_project(
    tmp_path: Path, comment: str
) -> None:
    root = tmp_path / "project"
    files = {
        "environments/e.yml": BASE + f"conda_file: ../../conda.yml{comment}\n",
        "../conda.yml": "dependencies: [secret=1]\n",
    }

    for level in ("error", "warning", "off"):
        loaded = load_files(root, files, rules={"path-escape": level})

        assert loaded.declarations == ()
        assert "e.yml:4:13 error path-escape" in found(loaded)
        assert "secret" not in str(loaded.problems)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("image: x  # envsync: ignore[unpinned-image]", []),
        ("image: x  #envsync:ignore[ unpinned-image ]", []),
        ("image: x  # envsync: ignore[unpinned-image", ["unpinned-image"]),
        # missing-file is always an error, so it cannot be ignored.
        ("image: x  # why # envsync: ignore[missing-file, unpinned-image]", ["useless-ignore"]),
        # The comment contains `missing-description`, but the line breaks `unpinned-image`.
        ("image: x  # envsync: ignore[missing-description]", ["unpinned-image"]),
        # In the next two lines, the text is part of a value, not a comment.
        ("image: x#envsync:ignore[invalid-image]/y", ["invalid-image"]),
        ("image: 'x # envsync: ignore[invalid-image]/y'", ["invalid-image"]),
        ("# envsync: ignore[unpinned-image]\nimage: x", ["unpinned-image"]),
        ("image: >-  # envsync: ignore[unpinned-image]\n  x", []),
        ("image: i:1\ntags:\n  a: |\n    # envsync: ignore[no-rule]", []),
    ],
)
def test_a_comment_turns_a_rule_off_on_its_line(
    line: str, expected: list[str], tmp_path: Path
) -> None:
    files = {"environments/e.yml": f"name: e\ndescription: d\n{line}\n"}

    assert [problem.rule for problem in load_files(tmp_path, files).problems] == expected


def test_ignore_comments_work_in_conda_files(tmp_path: Path) -> None:
    files = {
        "environments/e.yml": CONDA,
        "environments/conda.yml": (
            "dependencies:\n- python=3.8  # envsync: ignore[end-of-life-python]\n"
        ),
    }
    assert found(load_files(tmp_path, files, rules=MINIMAL)) == []


def test_a_conda_file_that_is_a_pointer_is_an_error_even_if_the_rule_is_off(tmp_path: Path) -> None:
    files = {"environments/e.yml": CONDA, "environments/conda.yml": LFS}
    loaded = load_files(tmp_path, files, rules={"lfs-pointer": "off"})

    assert found(loaded) == ["conda.yml:1:1 error invalid-conda"]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("-r /opt/r.txt", True),
        ("--extra-index-url https://example.com -r/opt/r.txt", True),
        ("a @ file:/opt/a.whl", True),
        ("-r r.txt", False),
        ("--extra-index-url https://example.com -r r.txt", False),
        ("https://example.com/a.whl -c ./c.txt", False),
    ],
)
def test_the_fix_mentions_files_of_the_image_only_for_an_absolute_path(
    item: str, expected: bool, tmp_path: Path
) -> None:
    text = BASE + f"conda_file:\n  dependencies:\n  - pip:\n    - {item}\n"

    (problem,) = load_files(tmp_path, {"environments/e.yml": text}, rules=MINIMAL).problems

    assert problem.rule == "conda-local-file"
    assert ("If the image contains the file" in (problem.fix or "")) == expected


def test_an_ignore_comment_allows_a_local_file_that_is_in_the_image(tmp_path: Path) -> None:
    conda = "dependencies:\n- pip:\n  - /opt/a.whl  # envsync: ignore[conda-local-file]\n"
    files = {"environments/e.yml": CONDA, "environments/conda.yml": conda}
    loaded = load_files(tmp_path, files, rules=MINIMAL)

    assert found(loaded) == []
    assert loaded.declarations[0].spec.conda_file == '{"dependencies":[{"pip":["/opt/a.whl"]}]}'


def test_a_context_that_contains_environment_files_and_settings_is_reported(
    tmp_path: Path,
) -> None:
    files = {
        "environments/e.yml": BUILD.replace("ctx", ".."),
        "environments/f.yml": BASE.replace("name: e", "name: f"),
        "environments/g/h.yml": BASE.replace("name: e", "name: h"),
        "envsync.yaml": "project: p\n",
        "Dockerfile": "FROM scratch\n",
    }
    paths = [tmp_path / name for name in files if name.endswith(".yml")]
    loaded = load_files(tmp_path, files, paths=paths)

    assert found(loaded) == ["e.yml:4:9 warning self-context"]
    (problem,) = loaded.problems
    assert "`environments/e.yml`, `environments/f.yml`, `environments/g/h.yml` and 1 more" in (
        problem.message
    )
    assert problem.fix.startswith(
        "Add `/environments/e.yml`, `/environments/f.yml`, `/environments/g/h.yml` and "
        "`/envsync.yaml` to `.amlignore` in the context"
    )
    write(tmp_path, {".amlignore": "environments/\n/envsync.yaml\n"})
    assert found(load_files(tmp_path, {}, paths=paths)) == []


@pytest.mark.parametrize("count", [2, 30, 150])
def test_the_fix_of_a_context_lists_every_file_that_envsync_reads(
    count: int, tmp_path: Path
) -> None:
    others = [f"f{index:03}" for index in range(1, count)]
    files = {
        "environments/e.yml": BUILD.replace("ctx", "."),
        **{f"environments/{name}.yml": BASE.replace("name: e", f"name: {name}") for name in others},
        "environments/.gitignore": "x\n",
        "environments/Dockerfile": "FROM scratch\n",
    }
    problems = [
        item for item in load_files(tmp_path, files).problems if item.rule == "self-context"
    ]
    lines = [f"`/{name}.yml`" for name in ["e", *others]]
    listed = ", ".join(lines[:-1]) + " and " + lines[-1]

    assert [problem.fix for problem in problems] == [
        f"Copy `.gitignore` of the context to `.amlignore`, and add {listed} to the copy."
    ]


def test_the_fix_suggests_a_directory_if_there_are_too_many_files_to_list(tmp_path: Path) -> None:
    files = {
        f"environments/{'x' * 100}-{index}.yml": BASE.replace("name: e", f"name: e{index}")
        for index in range(40)
    }
    files["environments/a.yml"] = BUILD.replace("ctx", ".")
    files["environments/Dockerfile"] = "FROM scratch\n"
    problems = [
        item for item in load_files(tmp_path, files).problems if item.rule == "self-context"
    ]

    assert [item.fix for item in problems] == ["Give the context a directory of its own."]


def test_a_linked_context_that_contains_its_environment_file_is_reported(tmp_path: Path) -> None:
    files = {
        "environments/real/e.yml": BUILD.replace("ctx", "../link"),
        "environments/real/Dockerfile": "FROM scratch\n",
    }
    write(tmp_path, files)
    (tmp_path / "environments/link").symlink_to("real")

    assert "e.yml:4:9 warning self-context" in [
        line.removeprefix("real/") for line in found(load_files(tmp_path, {}))
    ]


def test_a_conda_file_that_several_environments_share_is_reported_once(tmp_path: Path) -> None:
    files = {
        "environments/a.yml": CONDA,
        "environments/b.yml": CONDA.replace("name: e", "name: f"),
        "environments/conda.yml": "dependencies: {}\n",
    }
    loaded = load_files(tmp_path, files)

    assert found(loaded) == ["conda.yml:1:15 error invalid-conda"]
    assert loaded.declarations == ()


def test_messages_never_contain_control_characters_of_a_file(tmp_path: Path) -> None:
    files = {"environments/e.yml": BASE.replace("name: e", 'name: "\\e[31m\\n"')}

    assert all(p.message.isprintable() for p in load_files(tmp_path, files).problems)
