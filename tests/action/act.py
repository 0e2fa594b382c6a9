"""Runs the documented workflows on this machine with `act`, without containers.

Stand-ins replace third-party actions: setup-python returns the Python of the tests, and cache
does nothing. `act` replaces the checkout with a copy of the repository. The action of envsync is
the real action. The action is installed before the tests, as if an earlier job on the same machine
had installed it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envsync.action import install
from tests.action.documented import ROOT, workflows
from tests.action.forge import REPOSITORY, TOKEN, Forge
from tests.forked import WORKER, python

_EXIT = re.compile(r"exit status (\d+)")
_USES = re.compile(r"uses: (\S+)@(\S+)")
FROM_WORKFLOW = {"AZURE_CLIENT_ID", "AZURE_TENANT_ID"}
"""Variables of the emulator that the `env` of the workflow sets to other values."""

VARIABLES = {
    "AZURE_CLIENT_ID": "a-writer",
    "AZURE_READER_CLIENT_ID": "a-reader",
    "AZURE_TENANT_ID": "contoso",
}
"""The variables of the repository, without the subscription."""

_INSTALLER = "envsync/action/install.py"

_STAND_INS = {
    "actions/setup-python": """
        inputs:
          python-version: {required: true}
          update-environment: {default: "true"}
        outputs:
          python-path: {value: "${{ steps.find.outputs.python }}"}
        runs:
          using: composite
          steps:
            - {id: find, shell: bash, run: 'echo "python=$TEST_PYTHON" >>"$GITHUB_OUTPUT"'}
    """,
    "actions/cache": """
        inputs:
          path: {required: true}
          key: {required: true}
        runs:
          using: composite
          steps: [{shell: bash, run: "true"}]
    """,
}


@dataclass(frozen=True)
class Ran:
    """The results of one workflow run.

    Attributes:
        jobs: the result of each job, by its name.
        outputs: the outputs of each step, by `job/step`.
        annotations: level, file, line and message of each annotation. If an annotation has no file,
            its file and line are empty.
        failures: exit codes of the steps that failed, in order.
        log: the whole log.
        summary: the summaries of the jobs.
    """

    jobs: Mapping[str, str]
    outputs: Mapping[str, Mapping[str, str]]
    annotations: list[tuple[str, str, str, str]]
    failures: list[int]
    log: str
    summary: str


@dataclass
class Runner:
    """A self-hosted runner.

    Attributes:
        home: the home directory of the runner, with the tool cache and the stand-ins.
        forge: the fake GitHub that the runner is registered with.
        variables: additional environment variables of every step.
    """

    home: Path
    forge: Forge
    variables: Mapping[str, str] = field(default_factory=dict)

    def prepare(self, *, installed: bool) -> None:
        """Writes the stand-ins, copies the action and, if `installed`, installs envsync.

        Each job of `act` copies the action again. An installed action needs only the files that
        find the installation, because the packages of the tests have the code.
        """
        self.home.mkdir()
        for name, text in _STAND_INS.items():
            (self._action(name)).mkdir(parents=True)
            lines = f"name: {name}\ndescription: A stand-in.\n" + _dedent(text)
            (self._action(name) / "action.yml").write_text(lines)
        own = self._action("envsync/envsync")
        own.mkdir(parents=True)
        for part in ("action.yml", "pyproject.toml", "README.md", "LICENSE"):
            (own / part).write_bytes((ROOT / part).read_bytes())
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listed += [_INSTALLER if installed else "envsync", "requirements"]
        for name in subprocess.check_output(listed, cwd=ROOT, text=True).splitlines():
            if (ROOT / name).exists():
                (own / name).parent.mkdir(parents=True, exist_ok=True)
                (own / name).write_bytes((ROOT / name).read_bytes())
        if installed:
            for command in ("validate", "plan"):
                self._install(own, command)

    def _action(self, name: str) -> Path:
        return self.home / "actions" / name

    def _install(self, source: Path, command: str) -> None:
        """Creates the virtual environment that the action looks for, with the packages of the
        tests."""
        found = self.home / f"{command}.outputs"
        variables = {
            "ENVSYNC_ACTION_PATH": str(source),
            "GITHUB_OUTPUT": str(found),
            "INPUT_COMMAND": command,
            "RUNNER_TOOL_CACHE": str(self.home / "cache" / "tool_cache"),
        }
        install.main("locate", variables)
        outputs = dict(line.split("=", 1) for line in found.read_text().splitlines())
        directory = Path(outputs["directory"])
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
        (packages,) = directory.glob("lib/python*/site-packages")
        own = Path(next(path for path in sys.path if path.endswith("site-packages")))
        # Python ignores PYTHONPATH in the action. The code beside these tests comes first.
        first = f"sys.path.insert(0, {str(ROOT)!r})"
        (packages / "tests.pth").write_text(
            f"import site, sys; {first}; site.addsitedir({str(own)!r})\n"
        )
        installed = install.executable(directory)
        installed.unlink()
        installed.symlink_to(python(*WORKER))
        (directory / "installed").touch()

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
        file = self.home / "event.json"
        file.write_text(json.dumps(payload))
        variables = {
            "GITHUB_API_URL": self.forge.url,
            "GITHUB_GRAPHQL_URL": f"{self.forge.url}/graphql",
            "GITHUB_REPOSITORY": REPOSITORY,
            "TEST_PYTHON": sys.executable,
            "NO_PROXY": "127.0.0.1",
            # act would use these values in place of the `env` of the workflow.
            **{name: self.variables[name] for name in self.variables if name not in FROM_WORKFLOW},
        }
        command = [
            "act",
            event,
            "--json",
            f"--workflows=.github/workflows/{workflow}",
            "--platform=ubuntu-latest=-self-hosted",
            "--container-daemon-socket=-",
            "--pull=false",
            "--no-cache-server",
            "--concurrent-jobs=1",
            # By default, act masks secrets in the log. A leaked token would stay unnoticed.
            "--insecure-secrets",
            f"--eventpath={file}",
            f"--action-cache-path={self.home / 'cache'}",
            "--secret=GITHUB_TOKEN",
            *(f"--var={name}={value}" for name, value in VARIABLES.items()),
            f"--var=AZURE_SUBSCRIPTION_ID={variables.get('AZURE_SUBSCRIPTION_ID', '')}",
            *(f"--env={name}={value}" for name, value in variables.items()),
            *self._local_actions(),
        ]
        bin_ = str(Path(sys.executable).parent)
        environment = {
            "PATH": os.pathsep.join((bin_, os.environ["PATH"])),
            "HOME": str(self.home),
            "GITHUB_TOKEN": token,
            **variables,
        }
        done = subprocess.run(
            command, cwd=repository, env=environment, capture_output=True, text=True, timeout=300
        )
        ran = _read(done.stdout)
        assert ran.jobs, done.stdout + done.stderr
        assert token not in ran.log
        sys.stdout.write(f"{ran.log}\n")  # pytest shows it if the test fails
        return ran

    def _local_actions(self) -> Iterator[str]:
        """Yields an option for each action in the workflows, so that `act` uses the stand-in."""
        texts = [(ROOT / "action.yml").read_text(), *workflows().values()]
        for name, reference in {used for text in texts for used in _USES.findall(text)}:
            if name != "actions/checkout":
                yield f"--local-repository={name}@{reference}={self._action(name)}"


def _dedent(text: str) -> str:
    import textwrap

    return textwrap.dedent(text).lstrip("\n")


def _read(output: str) -> Ran:
    jobs: dict[str, str] = {}
    outputs: dict[str, dict[str, str]] = {}
    annotations, failures, log, summary = [], [], [], []
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        entry = json.loads(line)
        if "jobResult" in entry:
            jobs[entry["jobID"]] = entry["jobResult"]
        if entry.get("command") == "set-output" and len(entry["stepID"]) == 1:
            step = outputs.setdefault(f"{entry['jobID']}/{entry['stepID'][0]}", {})
            step[entry["name"]] = entry["arg"]
        if entry.get("command") == "summary" and len(entry["stepID"]) == 1:
            summary.append(entry["content"])
        if entry.get("command") in {"error", "warning", "notice"}:
            place = entry["kvPairs"]
            annotations.append(
                (entry["command"], place.get("file", ""), place.get("line", ""), entry["arg"])
            )
        message = entry.get("msg", "").rstrip("\n")
        if len(entry.get("stepID", [])) == 1 and (found := _EXIT.fullmatch(message)):
            failures.append(int(found[1]))
        log.append(message)
    return Ran(
        jobs=jobs,
        outputs=outputs,
        annotations=annotations,
        failures=failures,
        log="\n".join(log),
        summary="\n".join(summary),
    )
