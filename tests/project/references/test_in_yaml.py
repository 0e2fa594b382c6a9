"""References in YAML are found where azure-ai-ml reads an environment, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.references.search import SCHEMAS, search, short

JOB = f"{SCHEMAS}commandJob.schema.json\n"
PIPELINE = f"{SCHEMAS}pipelineJob.schema.json\n"
ONLINE = f"{SCHEMAS}managedOnlineDeployment.schema.json\n"

# Columns: the file, its references.
FOUND: dict[str, tuple[str, list[str]]] = {
    "job": (JOB + "environment: azureml:a:1\n", ["2:14 version azureml:a:1"]),
    "quoted": (JOB + "environment: 'azureml:a:1'\n", ["2:14 version azureml:a:1"]),
    "component": (
        f"{SCHEMAS}commandComponent.schema.json\nenvironment: azureml:a@latest\n",
        ["2:14 label azureml:a@latest"],
    ),
    "jobs of a pipeline": (
        PIPELINE + "jobs:\n  x:\n    environment: azureml:a:1\n",
        ["4:18 version azureml:a:1"],
    ),
    "component of a job": (
        PIPELINE + "jobs:\n  x:\n    component:\n      environment: azureml:a:1\n",
        ["5:20 version azureml:a:1"],
    ),
    "pipeline in a pipeline": (
        PIPELINE + "jobs:\n  x:\n    component:\n      jobs:\n        y:\n"
        "          environment: azureml:a:1\n",
        ["7:24 version azureml:a:1"],
    ),
    "parallel task": (
        PIPELINE + "jobs:\n  x:\n    task:\n      environment: azureml:a:1\n",
        ["5:20 version azureml:a:1"],
    ),
    "parallel component": (
        f"{SCHEMAS}parallelComponent.schema.json\ntask:\n  environment: azureml:a:1\n",
        ["3:16 version azureml:a:1"],
    ),
    "sweep": (
        f"{SCHEMAS}sweepJob.schema.json\ntrial:\n  environment: azureml:a:1\n",
        ["3:16 version azureml:a:1"],
    ),
    "settings": (PIPELINE + "settings: {environment: azureml:a:1}\n", ["2:25 version azureml:a:1"]),
    "schedule": (
        f"{SCHEMAS}schedule.schema.json\ncreate_job:\n  jobs:\n    x:\n"
        "      environment: azureml:a:1\n",
        ["5:20 version azureml:a:1"],
    ),
    "online deployment": (
        ONLINE + "environment: azureml://registries/r/environments/a/labels/latest\n",
        ["2:14 registry-label azureml://registries/r/environments/a/labels/latest"],
    ),
    "batch deployment": (
        f"{SCHEMAS}modelBatchDeployment.schema.json\nenvironment: azureml:a:1\n",
        ["2:14 version azureml:a:1"],
    ),
    "deployment template": (
        f"{SCHEMAS}deploymentTemplate.schema.json\nenvironment: azureml:a:1\n",
        ["2:14 version azureml:a:1"],
    ),
    "several deployments": (
        "endpoint_name: e\ndeployments:\n- environment: azureml:a:1\n- environment: azureml:b:1\n",
        ["3:16 version azureml:a:1", "4:16 version azureml:b:1"],
    ),
    "named deployments": (
        "deployments:\n  blue:\n    environment: azureml:a:1\n",
        ["3:18 version azureml:a:1"],
    ),
    "no schema": ("command: x\nenvironment: azureml:a:1\n", ["2:14 version azureml:a:1"]),
    "local schema": (
        "$schema: ../schemas/commandJob.schema.json\nenvironment: a:1\n",
        ["2:14 invalid a:1"],
    ),
    "old schema": (
        "$schema: http://azureml/sdk-2-0/CommandComponent.json\nenvironment: azureml:a:1\n",
        ["2:14 version azureml:a:1"],
    ),
    "without the prefix": (JOB + "environment: a:1\n", ["2:14 invalid a:1"]),
    "number": (JOB + "environment: 5\n", ["2:14 invalid 5"]),
    "mapping without an image": (JOB + "environment: {name: a}\n", ["2:1 invalid a mapping"]),
    "inline": (
        JOB + "environment:\n  image: i:1\n  conda_file: conda.yml\n",
        ["2:1 inline image i:1, conda_file conda.yml"],
    ),
    "inline with a context": (
        ONLINE + "environment:\n  build: {path: ctx}\n",
        ["2:1 inline build ctx"],
    ),
    "inline without a schema": (
        "type: command\nenvironment: {image: i:1, conda_file: {dependencies: []}}\n",
        ["2:1 inline image i:1, conda_file (inline)"],
    ),
    "merged": (
        PIPELINE + "x: &x\n  environment: azureml:a:1\njobs:\n  y:\n    <<: *x\n  z: *x\n",
        ["3:16 version azureml:a:1"],
    ),
    "placeholder": (
        JOB + "environment: azureml:a:${{ inputs.v }}\n",
        ["2:14 version azureml:a:${{ inputs.v }}"],
    ),
    "not valid YAML": (
        "{% if gpu %}\nenvironment: azureml:a:1\n{% endif %}\n",
        ["2:14 version azureml:a:1"],
    ),
    "inline in a template": (
        ONLINE + "name: {{ name }}\nenvironment:\n  image: {{ registry }}/base:1\n",
        ["3:1 inline image {{…}}/base:1"],
    ),
    "template with statements": (
        JOB + "{% if gpu %}\nenvironment: azureml:a:{{ v }}\n{% endif %}\nx: {{ y }}\n",
        ["3:14 version azureml:a:{{…}}"],
    ),
    "tag in a template": (
        JOB + "compute: {{ c }}\ntags: {environment: 'azureml:a:1'}\nenvironment: azureml:b:1\n",
        ["4:14 version azureml:b:1"],
    ),
    "not even a template": (
        "x: [\nenvironment: azureml:a:1\n",
        ["2:14 version azureml:a:1"],
    ),
    "two documents": (
        "type: command\nenvironment: azureml:a:1\n---\nenvironment: azureml:b:1\n",
        ["2:14 version azureml:a:1", "4:14 version azureml:b:1"],
    ),
}

NOT_FOUND = {
    "tag": JOB + "tags: {environment: dev}\n",
    "tag with a prefix": JOB + "tags: {environment: 'azureml:a:1'}\n",
    "input": JOB + "inputs:\n  environment: azureml:a:1\n",
    "input of a step": PIPELINE + "jobs: {x: {inputs: {environment: 'azureml:a:1'}}}\n",
    "environment variables": JOB + "environment_variables: {environment: 'azureml:a:1'}\n",
    "prompt flow": (
        "$schema: https://azuremlschemas.azureedge.net/promptflow/latest/Flow.schema.json\n"
        "environment: {python_requirements_txt: requirements.txt}\n"
    ),
    "prompt flow with an image": (
        "$schema: https://azuremlschemas.azureedge.net/promptflow/latest/Flow.schema.json\n"
        "environment: {image: python:3.12}\n"
    ),
    "environment file": f"{SCHEMAS}environment.schema.json\nname: environment\nimage: i:1\n",
    "GitHub workflow": "on: push\njobs:\n  x:\n    environment: production\n",
    "GitHub workflow with a mapping": "jobs:\n  x:\n    environment: {name: dev, url: u}\n",
    "Docker Compose": "services:\n  x:\n    image: i\n    environment: [A=1]\n",
    "other tool": "environment: dev\n",
    "other tool with jobs": "jobs:\n  build:\n    environment:\n      image: ubuntu\n",
    "other tool with a type": "type: pipeline\nenvironment: dev\n",
    "reference to a model": JOB + "model: azureml:a:1\n",
    "comment": JOB + "# environment: azureml:a:1\n",
    "no value": JOB + "environment:\n",
    "list": "- environment: azureml:a:1\n",
    "not valid YAML, without a reference": "{% if x %}\nenvironment: dev\n",
}


@pytest.mark.parametrize(("text", "expected"), FOUND.values(), ids=list(FOUND))
def test_references_are_found_where_azure_ai_ml_reads_an_environment(
    text: str, expected: list[str], tmp_path: Path
) -> None:
    assert short(search(tmp_path, {"a.yml": text})) == expected


@pytest.mark.parametrize("text", NOT_FOUND.values(), ids=list(NOT_FOUND))
def test_other_keys_and_files_have_no_references(text: str, tmp_path: Path) -> None:
    assert search(tmp_path, {"a.yml": text}) == []


def test_a_reference_contains_its_field_and_the_kind_of_its_file(tmp_path: Path) -> None:
    files = {
        "job.yml": JOB + "environment: azureml:a:1\n",
        "pipeline.yml": PIPELINE + "jobs: {x: {task: {environment: 'azureml:a:1'}}}\n",
        "online.yml": ONLINE + "environment: azureml:a:1\n",
        "schedule.yml": "create_job: {environment: 'azureml:a:1'}\n",
        "component.yml": "command: x\nenvironment: azureml:a:1\n",
    }

    assert {item.file: (item.place, item.user) for item in search(tmp_path, files)} == {
        "job.yml": ("environment", "job"),
        "pipeline.yml": ("jobs.x.task.environment", "pipeline"),
        "online.yml": ("environment", "deployment"),
        "schedule.yml": ("create_job.environment", "schedule"),
        "component.yml": ("environment", "component"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("azureml:a:1", "exact"),
        ("azureml:a@latest", "exact"),
        ("azureml:a:$(VERSION)", "probable"),
        ("< name >", "probable"),
    ],
)
def test_a_reference_with_a_placeholder_is_probable(
    text: str, expected: str, tmp_path: Path
) -> None:
    (found,) = search(tmp_path, {"a.yml": JOB + f"environment: '{text}'\n"})

    assert found.certainty == expected


@pytest.mark.parametrize("start", ["{% x %}", "x: {{ y }}", "x: ["])
def test_a_reference_in_a_text_that_is_not_valid_yaml_is_probable(
    start: str, tmp_path: Path
) -> None:
    (found,) = search(tmp_path, {"a.yml": f"{start}\nenvironment: azureml:a:1\n"})

    assert found.certainty == "probable"


def test_the_environment_file_after_the_prefix_file_is_read(tmp_path: Path) -> None:
    files = {
        "jobs/a.yml": JOB + "environment: file:../env.yml\n",
        "jobs/b.yml": JOB + "environment: file:missing.yml\n",
        "env.yml": "name: e\nimage: i:1\n",
    }
    there, missing = search(tmp_path, files)

    assert (there.form, there.inline and there.inline.summary) == ("file", "image i:1")
    assert missing.form == "invalid"


def test_an_inline_environment_is_read_completely_on_request(tmp_path: Path) -> None:
    files = {
        "jobs/a.yml": JOB + "environment:\n  image: i:1\n  conda_file: ../conda.yml\n",
        "conda.yml": "dependencies: [python=3.12]\n",
    }
    (fast,) = search(tmp_path, files)
    (complete,) = search(tmp_path, files, with_specs=True)

    assert fast.inline is not None
    assert fast.inline.spec is None
    assert complete.inline is not None
    assert complete.inline.spec is not None
    assert complete.inline.spec.conda_file == '{"dependencies":["python=3.12"]}'


def test_an_ignore_comment_belongs_to_the_reference_on_its_line(tmp_path: Path) -> None:
    text = PIPELINE + (
        "jobs:\n"
        "  x: {environment: 'azureml:a:1'}  # envsync: ignore[broken-reference, in-use]\n"
        "  y: {environment: 'azureml:a:1'}\n"
    )

    assert [item.ignored for item in search(tmp_path, {"a.yml": text})] == [
        {"broken-reference", "in-use"},
        set(),
    ]


def test_only_files_of_the_repository_are_searched(tmp_path: Path) -> None:
    text = JOB + "environment: azureml:a:1\n"
    files = {
        "a.yml": text,
        "b.YAML": text,
        "c.json": text,
        ".hidden/d.yml": text,
        "venv/e.yml": text,
        "other/pyvenv.cfg": "",
        "other/f.yml": text,
    }
    found = search(tmp_path, files)
    (tmp_path / "link.yml").symlink_to("a.yml")

    assert [item.file for item in found] == ["a.yml", "b.YAML"]
    assert search(tmp_path, {}) == found


def test_a_file_that_cannot_be_decoded_has_no_references(tmp_path: Path) -> None:
    assert (
        search(tmp_path, {"a.yml": b"\xff\xfe\x00environment: x", "b.py": b"\x00environment"}) == []
    )
