"""envsync and the installed azure-ai-ml accept the same files, except the files in `STRICTER`."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path
from typing import Any

import pytest

from envsync.project.load import load
from tests.project.project import write

pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is not installed")

BASE = "name: e\nimage: i:1\n"
ROUTE = "{path: /a, port: 80}"
ROUTES = f"liveness_route: {ROUTE}, readiness_route: {ROUTE}"
FILES = {
    "conda.yml": "name: x\ndependencies:\n- python=3.12\n- pip:\n  - a==1\n",
    "ctx/Dockerfile": "FROM scratch\n",
    "bad.yml": "a: [\n",
    "two.yml": "a: 1\n---\nb: 2\n",
    "nodeps.yml": "name: foo\n",
}

# Files that envsync and azure-ai-ml both accept, or both refuse.
SAME = [
    "",
    "- a\n",
    "text\n",
    "name: 123\nimage: i\n",
    "name:\nimage: i\n",
    "image: i\n",
    BASE,
    "\ufeff" + BASE,
    BASE.replace("\n", "\r\n"),
    "--- # start\n" + BASE + "...\n",
    "%YAML 1.1\n---\n" + BASE,
    BASE + "---\n" + BASE,
    BASE + "\tdescription: x\n",
    BASE + "description:\tx\n",
    BASE + "description: a\0b\n",
    BASE + "description: 😀\n",
    BASE + "description: =\n",
    BASE + "description: 3\n",
    BASE + "description:\n",
    BASE + "description: ''\n",
    BASE + "description: *x\n",
    BASE + "description: !foo x\n",
    BASE + "description: !!binary aGVsbG8=\n",
    BASE + "description: {a: b?c}\n",
    BASE + "version: 1\n",
    BASE + "version: 1.0\n",
    BASE + "version: 08\n",
    BASE + "version: '1.10'\n",
    BASE + "version: 1.2.3\n",
    BASE + "version:\n",
    BASE + "version: [1]\n",
    BASE + "tags: {}\n",
    BASE + "tags: {a: 1, b: 1.5, c: yes, d: 2024-01-01, e: f}\n",
    BASE + "tags:\n",
    BASE + "tags: [a]\n",
    BASE + "tags: {1: a}\n",
    BASE + "tags: &t {a: *t}\n",
    BASE + "tags: {<<: {a: b}, c: d}\n",
    BASE + "os_type: LINUX\n",
    BASE + "os_type: macos\n",
    BASE + "os_type: ''\n",
    BASE + "datastore: azureml:ds\n",
    BASE + "datastore: 1\n",
    BASE + "$schema: anything\n",
    BASE + "$schema:\n",
    BASE + "id: azureml:e:1\n",
    BASE + "id: 1\n",
    BASE + "creation_context: {a: b}\nlatest_version: 3\nintellectual_property: x\n",
    BASE + "creation_context:\n",
    BASE + "auto_delete_setting: {condition: createdGreaterThan, value: 30d}\n",
    BASE + "auto_delete_setting: {condition: CREATED_GREATER_THAN}\n",
    BASE + "auto_delete_setting: {condition: x}\n",
    BASE + "auto_delete_setting: {value: 3}\n",
    BASE + "auto_delete_setting: {foo: 3}\n",
    BASE + "auto_delete_setting: x\n",
    *(BASE + f"{key}: x\n" for key in ("properties", "stage", "type", "docker", "nmae", "1", "~")),
    BASE + "channels: [x]\n",
    "<<: {name: e, image: 'i:1'}\n",
    "<<: 1\n" + BASE,
    "'<<': {a: b}\n" + BASE,
    BASE + "inference_config:\n",
    BASE + "inference_config: {}\n",
    BASE + f"inference_config: {{{ROUTES}}}\n",
    *(
        BASE + f"inference_config: {{{ROUTES}, scoring_route: {{path: /s, port: {port}}}}}\n"
        for port in (
            "80",
            "'80'",
            "80.0",
            "-1",
            "' 80 '",
            "0x50",
            "1:20",
            "true",
            "''",
            "x",
            ".inf",
        )
    ),
    BASE + f"inference_config: {{{ROUTES}, scoring_route: {{path: 1, port: 1}}}}\n",
    BASE + f"inference_config: {{{ROUTES}, scoring_route: {{port: 1}}}}\n",
    BASE + "conda_file: conda.yml\n",
    BASE + "conda_file: ./ctx/../conda.yml\n",
    BASE + "conda_file: file:conda.yml\n",
    BASE + "conda_file: nope.yml\n",
    BASE + "conda_file: ctx\n",
    BASE + "conda_file: bad.yml\n",
    BASE + "conda_file: two.yml\n",
    BASE + "conda_file: {dependencies: [python=3.12]}\n",
    BASE + "conda_file: ''\n",
    BASE + "conda_file:\n",
    BASE + "conda_file: 1\n",
    BASE + "conda_file: [a]\n",
    "name: e\n",
    "name: e\nimage: 1\n",
    "name: e\nimage:\n",
    "name: e\nbuild: {path: ctx}\n",
    "name: e\nbuild: {path: ./ctx/, dockerfile_path: ./Dockerfile}\n",
    "name: e\nimage: ''\nbuild: {path: ctx}\n",
    BASE + "build: {path: ctx}\n",
    BASE + "build:\n",
    "name: e\nbuild: ctx\n",
    "name: e\nbuild: {path: nope}\n",
    "name: e\nbuild: {path: 1}\n",
    "name: e\nbuild: {path: ctx, local_path: x}\n",
    "name: e\nbuild: {path: ctx, dockerfile_path: 1}\n",
    *(
        f"name: e\nbuild: {{path: '{url}'}}\n"
        for url in (
            "https://github.com/a/b.git#main:dir",
            "HTTPS://USER:PASSWORD@github.com:443/a/b",
            "http://10.0.0.1/a",
            "https://[::1]/a",
            "https://localhost/a",
            "ftp://example.com/a",
            "https://host/a",
            "https://a_b.com/x",
            "https://example.com/a b",
            "https://",
            "https://example.com:x/",
            "git@github.com:a/b.git",
            "ssh://git@github.com/a/b",
            "git+https://github.com/a/b",
            "azureml://datastores/a/paths/b",
            "{{asset.repo.url}}#{{asset.repo.commit_hash}}:{{asset.repo.build_context.path}}",
        )
    ),
]

STRICTER = {
    # Azure would register another value than the file shows.
    **{
        BASE + f"version: {version}\n": "ambiguous-version"
        for version in ("1.10", "010", "1_000", "1:30", "true", "0x1F", "1e3", ".inf")
    },
    BASE + "tags: {a: }\n": "invalid-tag",
    BASE + "tags: {a: [1]}\n": "invalid-tag",
    BASE + "name: f\n": "duplicate-key",
    BASE + "conda_file: 0\n": "wrong-type",
    BASE
    + f"inference_config: {{{ROUTES}, scoring_route: {{path: /, port: 80.5}}}}\n": "wrong-type",
    # azure-ai-ml accepts these values, but the service or the image build would refuse them.
    BASE + "version: latest\n": "invalid-version",
    BASE + "version: -1\n": "invalid-version",
    BASE + "version: ''\n": "wrong-type",
    "name: ''\nimage: i\n": "missing-name",
    "name: a b\nimage: i\n": "invalid-name",
    "name: AzureML-x\nimage: i\n": "reserved-name",
    "name: e\nimage: ''\n": "image-or-build",
    "name: e\nbuild: {}\n": "image-or-build",
    "name: e\nbuild: {path: ''}\n": "missing-file",
    "name: e\nbuild: {path: conda.yml}\n": "missing-file",
    "name: e\nbuild: {path: ctx, dockerfile_path: nope}\n": "missing-file",
    "name: e\nbuild: {path: ctx}\nconda_file: conda.yml\n": "conda-with-build",
    BASE + "conda_file: {dependencies: x}\n": "invalid-conda",
    BASE + "conda_file: {dependencies: [a=1], name: 2024-01-01}\n": "invalid-conda",
    # Azure would register a conda file without packages, or no conda file.
    BASE + "conda_file: nodeps.yml\n": "invalid-conda",
    BASE + "conda_file: {}\n": "invalid-conda",
    BASE + "conda_file: {dependencies: }\n": "invalid-conda",
    BASE + "conda_file: {dependencies: []}\n": "invalid-conda",
    BASE + "conda_file: {dependencies: [{pip: []}]}\n": "invalid-conda",
    # conda ignores these keys, or reads several packages as one.
    BASE + "conda_file: {dependecies: [a=1]}\n": "unknown-field",
    BASE + "conda_file: {dependencies: [a=1], pip: [b==1]}\n": "unknown-field",
    BASE + "conda_file:\n  dependencies:\n  - pip\n    - a==1\n": "invalid-conda",
    # Azure does not receive the file `a.txt`, because only the text of the conda file is sent.
    BASE + "conda_file: {dependencies: [{pip: [-r a.txt]}]}\n": "conda-local-file",
    "name: e\nimage: ${ACR}/x:1\n": "invalid-image",
    "name: e\nimage: https://mcr.microsoft.com/x:1\n": "invalid-image",
    BASE + "tags: {envsync.owner: x}\n": "reserved-tag",
    BASE + 'description: "\\ud800"\n': "yaml-syntax",
}
"""Files that azure-ai-ml loads and envsync refuses on purpose, with the rule."""


@pytest.fixture(scope="module")
def load_environment() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from the import of azure-ai-ml's dependencies
        from azure.ai.ml import load_environment

    return load_environment


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("project"), FILES)


def sdk_accepts(load_environment: Any, path: Path) -> bool:
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            load_environment(path)._to_rest_object().as_dict()
    # azure-ai-ml refuses files with exceptions of many types.
    except Exception:  # noqa: BLE001
        return False
    finally:
        logging.disable(logging.NOTSET)
    return True


def errors(path: Path) -> set[str]:
    loaded = load(path.parent, [path.parent], rules={}, versions="auto", paths=[path])
    return {problem.rule for problem in loaded.problems if problem.severity == "error"}


@pytest.mark.parametrize("text", SAME)
def test_envsync_and_azure_ai_ml_accept_the_same_files(
    text: str, directory: Path, load_environment: Any
) -> None:
    path = directory / "env.yml"
    path.write_bytes(text.encode())

    assert (errors(path) == set()) == sdk_accepts(load_environment, path)


@pytest.mark.parametrize("text", STRICTER)
def test_envsync_refuses_some_files_that_azure_ai_ml_accepts(
    text: str, directory: Path, load_environment: Any
) -> None:
    path = directory / "env.yml"
    path.write_bytes(text.encode())

    assert errors(path) == {STRICTER[text]}
    assert sdk_accepts(load_environment, path)
