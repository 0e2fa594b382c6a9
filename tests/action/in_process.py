"""Runs the documented workflows in this process, without `act`.

For one workflow, `act` starts about ten processes. `InProcess` reads the same workflows and the
same `action.yml`, evaluates their expressions, and calls the steps of envsync. `test_act.py` runs
each workflow with `act`. Other tests cover the decisions of the steps.
"""

from __future__ import annotations

import io
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from envsync.action.step import run_step
from tests.action.act import FROM_WORKFLOW, VARIABLES, Ran
from tests.action.documented import ROOT, workflows
from tests.action.forge import REPOSITORY, TOKEN, Forge
from tests.repository import git

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_PART = re.compile(r"'[^']*'|\.[A-Za-z][\w-]*|&&|\|\||!(?!=)")
_CONTEXTS = ("github", "inputs", "matrix", "needs", "steps", "vars")
_WORDS = {"&&": " and ", "||": " or ", "!": " not "}
_OUTPUT = re.compile(r"^([\w-]+)<<(\w+)\n(.*?)\n\2$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"::(error|warning|notice) (.*?)::(.*)")
_STOPPED = re.compile(r"^::stop-commands::(\w+)\n.*?^::\1::\n", re.MULTILINE | re.DOTALL)


class Context(dict[str, Any]):
    """An object of an expression. A missing property is an empty object, which is false."""

    def __missing__(self, _name: str) -> Context:
        return Context()


def context(value: Any) -> Any:
    """Returns JSON data with each object as a `Context`."""
    return json.loads(json.dumps(value), object_hook=Context)


@dataclass
class InProcess:
    """A runner for the steps of envsync.

    Attributes:
        directory: an existing directory for temporary files.
        forge: the fake GitHub of the steps.
        variables: additional environment variables of every step.
    """

    directory: Path
    forge: Forge
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        repository: Path,
        *,
        event: str,
        workflow: str,
        payload: Mapping[str, Any],
        token: str = TOKEN,
    ) -> Ran:
        """Runs a workflow of a repository for an event."""
        read = _parsed(workflows()[f".github/workflows/{workflow}"])
        branch = payload.get("ref", "refs/heads/main").removeprefix("refs/heads/")
        file = self.directory / "event.json"
        file.write_text(json.dumps(payload))
        variables = {
            "GITHUB_API_URL": self.forge.url,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(file),
            "GITHUB_GRAPHQL_URL": f"{self.forge.url}/graphql",
            "GITHUB_OUTPUT": str(self.directory / "output"),
            "GITHUB_REF_NAME": branch,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SHA": git(repository, "rev-parse", "HEAD"),
            "GITHUB_STEP_SUMMARY": str(self.directory / "summary"),
            "GITHUB_WORKSPACE": str(repository),
            "RUNNER_TEMP": str(self.directory),
        }
        github = {"event": payload, "event_name": event, "ref": f"refs/heads/{branch}"}
        given = {
            "github": {**github, "token": token},
            "inputs": _typed(read, payload.get("inputs", {})),
            "vars": {**VARIABLES, "AZURE_SUBSCRIPTION_ID": self.variables["AZURE_SUBSCRIPTION_ID"]},
        }
        running = _Running(context(given), variables)
        azure = {name: running.value(text) for name, text in read["env"].items()}
        azure |= {name: self.variables[name] for name in self.variables.keys() - FROM_WORKFLOW}
        with patch.dict(os.environ, azure), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # importing azure-ai-ml emits many warnings
            for name, job in read["jobs"].items():
                running.job(name, job)
        assert token not in "".join(running.log)
        return running.ran()


@cache
def _parsed(text: str) -> Any:
    """Returns the content of a YAML file. Parsing takes longer than the steps of a workflow."""
    return yaml.safe_load(text)


def _typed(workflow: Any, inputs: Mapping[str, str]) -> dict[str, str | bool]:
    """Returns the inputs of an event, with a boolean for each input of that type."""
    # YAML reads the key `on` as true.
    declared = (workflow[True].get("workflow_dispatch") or {}).get("inputs", {})
    return {
        name: text == "true" if declared[name].get("type") == "boolean" else text
        for name, text in inputs.items()
    }


class _Running:
    """One workflow run.

    Attributes:
        contexts: the contexts of expressions.
        variables: the environment variables of each step.
        log: what the steps wrote to the log.
    """

    def __init__(self, contexts: Context, variables: Mapping[str, str]) -> None:
        self.contexts = contexts
        self.variables = variables
        self.log: list[str] = []
        self._jobs: dict[str, str] = {}
        self._outputs: dict[str, dict[str, str]] = {}
        self._failures: list[int] = []
        self._summaries: list[str] = []
        self._action = _parsed((ROOT / "action.yml").read_text(encoding="utf-8"))

    def ran(self) -> Ran:
        """Returns the results."""
        log, summary = "".join(self.log), "".join(self._summaries)
        annotations = list(_annotations(log))
        return Ran(self._jobs, self._outputs, annotations, self._failures, log, summary)

    def value(self, template: Any) -> Any:
        """Evaluates the expressions in a value of a workflow."""
        if not isinstance(template, str):
            return template
        if (found := _EXPRESSION.fullmatch(template)) and template.count("${{") == 1:
            return self.expression(found[1])
        return _EXPRESSION.sub(lambda found: _text(self.expression(found[1])), template)

    def expression(self, text: str) -> Any:
        """Evaluates one expression, after a translation to Python."""

        def python(found: re.Match[str]) -> str:
            part = found[0]
            return f"[{part[1:]!r}]" if part.startswith(".") else _WORDS.get(part, part)

        known: dict[str, Any] = {
            "cancelled": lambda: False,
            "contains": lambda text, part: part in _text(text),
            "format": lambda text, *values: text.format(*map(_text, values)),
            "fromJSON": lambda text: json.loads(text, object_hook=Context),
            "toJSON": json.dumps,
            "true": True,
        }
        names = dict.fromkeys(_CONTEXTS, Context()) | self.contexts | known
        # The expressions are those of this repository.
        return eval(_PART.sub(python, text).strip(), names)  # noqa: S307

    def job(self, name: str, job: Mapping[str, Any]) -> None:
        """Runs a job once for each target of its matrix, unless its condition is false."""
        condition = _EXPRESSION.sub(r"\1", job.get("if", "true"))
        needed = [self._jobs.get(job["needs"])] if "needs" in job else []
        # Without a status function in `if`, a job runs only if the needed jobs succeeded.
        if "cancelled()" not in condition and needed not in ([], ["success"]):
            return
        if not self.expression(condition):
            return
        matrix = self.value(job.get("strategy", {}).get("matrix", {}))
        results = []
        for target in matrix.get("target", [""]):
            self.contexts |= {"matrix": Context(target=target), "steps": Context()}
            results.append(self._steps(name, job["steps"]))
        self._jobs[name] = "success" if all(results) else "failure"
        outputs = {key: self.value(text) for key, text in job.get("outputs", {}).items()}
        self.contexts["needs"] = Context({name: Context(outputs=Context(outputs))})

    def _steps(self, job: str, steps: list[Mapping[str, Any]]) -> bool:
        """Runs steps until one fails, and returns whether all succeeded."""
        for number, step in enumerate(steps):
            action = step["uses"].partition("@")[0]
            if action == "actions/checkout":
                continue
            assert action == "envsync/envsync"
            name = step.get("id", str(number))
            code, outputs = self._envsync(step["with"])
            self._outputs[f"{job}/{name}"] = outputs
            self.contexts["steps"][name] = Context(outputs=Context(outputs))
            if code:
                self._failures.append(code)
                return False
        return True

    def _envsync(self, inputs: dict[str, Any]) -> tuple[int, dict[str, str]]:
        """Runs a step of envsync, and returns its exit code and its outputs."""
        files = [Path(self.variables[name]) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")]
        for file in files:
            file.write_text("")
        defaults = {
            name: found.get("default", "") for name, found in self._action["inputs"].items()
        }
        used = {name: _text(self.value(text)) for name, text in {**defaults, **inputs}.items()}
        (step,) = [step for step in self._action["runs"]["steps"] if step.get("id") == "run"]
        inner = _Running(Context(inputs=used, steps=Context()), self.variables)
        environ = {name: inner.value(text) for name, text in step["env"].items()}
        log = io.StringIO()
        with redirect_stdout(log):
            code = run_step({**self.variables, **environ})
        found = {name: text for name, _, text in _OUTPUT.findall(files[0].read_text())}
        inner.contexts["steps"]["run"] = Context(outputs=Context(found))
        published = self._action["outputs"].items()
        outputs = {name: _text(inner.value(output["value"])) for name, output in published}
        self.log.append(log.getvalue())
        self._summaries.append(files[1].read_text())
        return code, outputs


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value in (None, {}) else str(value)


def _annotations(log: str) -> Iterator[tuple[str, str, str, str]]:
    for level, properties, message in _COMMAND.findall(_STOPPED.sub("", log)):
        found = dict(part.split("=", 1) for part in properties.split(","))
        place = [found.get(name, "") for name in ("file", "line")]
        yield level, place[0], place[1], _unescaped(message)


def _unescaped(text: str) -> str:
    return text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
