"""Files that use environments: Python code, notebooks and the YAML of jobs."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Final

from tests.hostile import HostileInput, filled, project
from tests.hostile_inputs import BASE, lines_of

_JOB: Final = "$schema: https://azuremlschemas.azureedge.net/latest/"
_IMPORT: Final = "import azureml\n"


def _python(title: str, text: str) -> tuple[str, HostileInput]:
    file = {"train.py": text}
    return f"Python: {title}", HostileInput(partial(project, file), (("refs",),))


def _notebook(title: str, cells: list[list[str]]) -> tuple[str, HostileInput]:
    content = [{"cell_type": "code", "source": lines} for lines in cells]
    text = json.dumps({"cells": content})
    return f"notebook: {title}", HostileInput(partial(project, {"n.ipynb": text}), (("refs",),))


def _job(title: str, text: str) -> tuple[str, HostileInput]:
    return f"job file: {title}", HostileInput(partial(project, {"job.yml": text}), (("refs",),))


def _references() -> dict[str, HostileInput]:
    return dict(
        (
            _python("references in one line", _IMPORT + filled("env='azureml:a:1';")),
            _python("references", _IMPORT + lines_of("env='azureml:{0}:1'")),
            _python("uses of one name", _IMPORT + filled("env=a\na='azureml:b:1'\n")),
            _python(
                "strings that double",
                _IMPORT
                + "a0='azureml:'\n"
                + "".join(f"a{n + 1}=a{n}+a{n}\n" for n in range(60))
                + "env=a60\n",
            ),
            _python(
                "long strings that are joined",
                _IMPORT + "a='" + "b" * 500_000 + "'\n" + filled("env=a+a\n", 400_000),
            ),
            _python(
                "names of names",
                _IMPORT
                + "".join(f"k{n + 1}=f'{{k{n}}}{{k{n}}}'\n" for n in range(30_000))
                + "env=k30000\n",
            ),
            _python("arguments", _IMPORT + "f(" + lines_of("{0}=1,") + ")\n"),
            _python("arguments with references", _IMPORT + filled("f(environment='a:1')\n")),
            _python("names", _IMPORT + filled("a\n")),
            _python("names in a list", _IMPORT + "[" + filled("a,") + "]\n"),
            _python("numbers", _IMPORT + "[" + filled("1,") + "]\n"),
            _python("brackets", _IMPORT + filled("[")),
            _python("additions", _IMPORT + "env=" + filled("'a'+") + "'b'\n"),
            _python("attributes", _IMPORT + "env=a" + filled(".a") + "\n"),
            _python("calls", _IMPORT + "env=a" + filled(".a()") + "\n"),
            _python("conditions", _IMPORT + "env=" + filled("'a' if b else ") + "'b'\n"),
            _python("not", _IMPORT + "env=" + filled("not ") + "a\n"),
            _python("minus", _IMPORT + "env=" + filled("-") + "a\n"),
            _python("blank lines", _IMPORT + filled("\n")),
            _python("an error at the end", _IMPORT + filled("a=1\n") + "=\n"),
            _python("no end of a string", _IMPORT + "'''" + filled("a\n")),
            _python("ignored lines", _IMPORT + filled("env='azureml:a:1' # envsync: ignore[b]\n")),
            _python("comments", _IMPORT + filled("# envsync: ignore[b]\n")),
            _python("code with one comment", _IMPORT + filled("a=b\n") + "# envsync:\n"),
            _python("placeholders", _IMPORT + "env='azureml:" + filled("${{") + "'\n"),
            _python("underscores", _IMPORT + "env='azureml:" + filled("__a") + "'\n"),
            _python("paths", _IMPORT + "env='azureml:" + filled("/environments/a/") + "'\n"),
            _python("registries", _IMPORT + "env='azureml:" + filled("//registries/") + "'\n"),
            _python(
                "subscriptions", _IMPORT + "env='/subscriptions/" + filled("/registries/") + "'"
            ),
            _python("formats", _IMPORT + "env='azureml:" + filled("%s") + "' % a\n"),
            _python("f-strings", _IMPORT + "env=f'azureml:" + filled("{a}", 600_000) + "'\n"),
            _python("names with digits", _IMPORT + lines_of("env_{0}='azureml:e:1'")),
            _python("null characters", _IMPORT + filled("\0")),
            _python("not azureml", filled("# azure.ai\n")),
            _notebook("blank lines", [["azureml\n", filled("\n", 400_000)]]),
            _notebook("blank lines with blanks", [["azureml\n", filled(" \n", 600_000)]]),
            _notebook("magic", [["azureml\n", filled("%a\n", 600_000)]]),
            _notebook("cells", [["env='azureml:a:1'\n"]] * 13_000),
            _notebook("cells with errors", [["azureml = =\n"]] * 13_000),
            _notebook("lines", [["env='azureml:a:1'\n"] * 34_000]),
            _notebook("lines in one string", [[filled("env='azureml:a:1'\n", 700_000)]]),
            _notebook("names", [["azureml\n", filled("a\n", 600_000)]]),
            _notebook("outputs", [["azureml\n"], ['"' + "A" * 800_000 + '"']]),
            _job(
                "many references",
                _JOB
                + "pipelineJob.schema.json\njobs:\n"
                + lines_of("  {0}: {{environment: 'azureml:{0}:1'}}"),
            ),
            _job(
                "one reference many times",
                _JOB
                + "pipelineJob.schema.json\njobs:\n"
                + lines_of("  {0}: {{environment: 'azureml:e:2'}}"),
            ),
            _job(
                "repeated environment",
                _JOB + "commandJob.schema.json\n" + filled("environment: azureml:a:1\n"),
            ),
            _job("not YAML", "a: {{ b }}: c: d\n" + filled("environment: azureml:a:1\n")),
            _job("expressions", "environment: " + filled("{{")),
            _job("statements", "environment: " + filled("{%")),
            _job("statements in lines", "environment: x\n" + filled("{%\n")),
            _job("expressions that end", "environment: " + filled("{{}}")),
            *(
                _job(
                    f"a reference of {part!r}",
                    _JOB + "commandJob.schema.json\nenvironment: 'azureml:" + filled(part) + "'\n",
                )
                for part in (
                    "${{",
                    "{{",
                    "${",
                    "$(",
                    "$[",
                    "#{",
                    "{",
                    "<",
                    "__",
                    "__a",
                    "%a",
                    "@@a",
                    "/environments/",
                    "//registries/",
                    "@",
                    ":",
                    "$a",
                )
            ),
            _job(
                "aliases of aliases",
                _JOB + "pipelineJob.schema.json\nx0: &x0 {environment: "
                "'azureml:a:1'}\n"
                + "".join(f"x{n + 1}: &x{n + 1} {{jobs: [*x{n}, *x{n}]}}\n" for n in range(60))
                + "jobs: {a: *x60}\n",
            ),
            _job(
                "aliases of one mapping",
                _JOB + "pipelineJob.schema.json\nx: &x {environment: "
                "'azureml:a:1'}\njobs:\n" + lines_of("  {0}: *x"),
            ),
            _job(
                "inline environments",
                _JOB
                + "pipelineJob.schema.json\njobs:\n"
                + lines_of("  {0}: {{environment: {{image: '{0}:1'}}}}"),
            ),
            _job(
                "inline contexts",
                _JOB
                + "pipelineJob.schema.json\njobs:\n"
                + lines_of("  {0}: {{environment: {{build: {{path: .}}}}}}", 400_000),
            ),
            _job(
                "inline conda files",
                _JOB
                + "pipelineJob.schema.json\njobs:\n"
                + lines_of("  {0}: {{environment: {{image: 'a:1', conda_file: {0}}}}}"),
            ),
            _job(
                "files",
                _JOB
                + "pipelineJob.schema.json\njobs:\n"
                + lines_of("  {0}: {{environment: 'file:{0}'}}"),
            ),
            _job(
                "one file",
                _JOB
                + "pipelineJob.schema.json\njobs:\n"
                + lines_of("  {0}: {{environment: 'file:environments/e.yml'}}"),
            ),
            _job(
                "parts in each other",
                _JOB
                + "commandJob.schema.json\n"
                + "".join(" " * n + "component:\n" for n in range(250))
                + " " * 250
                + "environment: azureml:a:1\n",
            ),
            _job("long schema", "$schema: " + filled("job") + ".json\nenvironment: azureml:a:1\n"),
            _job(
                "ignored lines",
                _JOB
                + "pipelineJob.schema.json\njobs:\n"
                + lines_of("  {0}: {{environment: 'azureml:a:1'}} # envsync: ignore[b]"),
            ),
        )
    )


def _many_names(root: Path) -> None:
    project(
        {
            "job.yml": _JOB
            + "pipelineJob.schema.json\njobs:\n"
            + lines_of("  {0}: {{environment: 'azureml:environment-{0}:1'}}", 900_000),
            **{
                f"environments/{n}.yml": BASE.replace(": e", f": environment-{n}", 1)
                for n in range(500)
            },
        },
        root,
    )


def inputs() -> dict[str, HostileInput]:
    """Returns the inputs by title."""
    return {
        **_references(),
        "job file: unknown names beside many declared": HostileInput(_many_names, (("refs",),)),
    }
