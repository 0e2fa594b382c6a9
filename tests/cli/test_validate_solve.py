"""`envsync validate --solve` reports what the solver finds on the lines of the dependencies."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rattler", reason="py-rattler is not installed")

from envsync.solving import solver
from envsync.solving.request import Request
from tests.cli.conftest import Run, declare
from tests.solving.channel import package, write_channel
from tests.test_docs import REFERENCE, blocks, code_sections, completed

CPU = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:1"
GPU = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda12.4-cudnn9-ubuntu22.04:1"
GOOD = ("python=3.12", "numpy=1.26")


@pytest.fixture(autouse=True)
def no_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONDA_OVERRIDE_GLIBC", "CONDA_OVERRIDE_CUDA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def channel(tmp_path: Path) -> str:
    return write_channel(tmp_path / "channel")


def write(
    project: Path, *dependencies: str, channels: str = "nodefaults", image: str = CPU
) -> None:
    """Declares one environment with a conda file. The first dependency is on line 3."""
    lines = [f"channels: [{channels}]", "dependencies:", *(f"  - {item}" for item in dependencies)]
    (project / "environments" / "conda.yml").write_text("\n".join(lines) + "\n")
    declare(project, "e", image=image, conda_file="conda.yml")


def solves(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Returns a list to which the number of dependencies of each further solve is appended."""
    counted: list[int] = []
    original = solver.Solver._faults

    async def counting(self: solver.Solver, request: Request) -> object:
        counted.append(len(request.dependencies))
        return await original(self, request)

    monkeypatch.setattr(solver.Solver, "_faults", counting)
    return counted


def test_files_whose_dependencies_can_be_installed_are_valid(
    run: Run, project: Path, channel: str
) -> None:
    write(project, *GOOD)
    result = run("validate", "--solve", "--channel", channel)

    assert (result.code, result.out) == (0, "Valid. 1 environment file, no problems.\n")
    assert result.err == "Conda specifications for linux-64: 1 solved.\n"


def test_each_problem_is_on_the_line_of_its_dependency(
    run: Run, project: Path, channel: str
) -> None:
    write(project, "python=3.12", "numpyy=1.26", "pandas=3", "numpy=1.20", "gpu-tools=1.0")
    result = run("validate", "--solve", "--channel", channel)

    where = "environments/conda.yml"
    rule = "error[unsolvable-conda]"
    assert result.out.splitlines() == [
        f"{where}:4:5: {rule} There is no package for `numpyy=1.26` in the channels (`{channel}`). "
        "Did you mean `numpy`?",
        f"{where}:5:5: {rule} No version of the package matches `pandas=3`. The nearest version is "
        "`2.2.0`.",
        f"{where}:6:5: {rule} `numpy=1.20` cannot be installed together with `python=3.12` (line "
        "3): numpy 1.20.3 requires python >=3.7,<3.10, which is not available. Change one of these "
        "dependencies.",
        f"{where}:7:5: {rule} `gpu-tools=1.0` cannot be installed: gpu-tools 1.0 requires __cuda "
        f">=12, which is not available. envsync assumes glibc 2.35 and no CUDA for the image "
        f"`{CPU}`. Use another image or version.",
        "1 environment file: 4 errors.",
    ]
    assert result.code == 1


def test_validate_solves_nothing_without_the_option(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "numpyy=1.26")
    # None in `sys.modules` makes an import fail.
    monkeypatch.setitem(sys.modules, "envsync.solving.solver", None)
    result = run("validate")

    assert (result.code, result.err) == (0, "")
    assert not (project / ".envsync").exists()


def test_validate_does_not_import_the_solver_without_the_option(project: Path) -> None:
    write(project, *GOOD)
    code = (
        "import sys; from envsync.cli import main\n"
        "sys.argv = ['envsync', 'validate']\n"
        "try: main.main()\n"
        "finally: print([name for name in sys.modules if 'rattler' in name or 'solving' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.splitlines() == ["Valid. 1 environment file, no problems.", "[]"]


def test_the_error_about_a_missing_package_names_the_extra(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, *GOOD)
    monkeypatch.delitem(sys.modules, "envsync.solving.solver")
    monkeypatch.setitem(sys.modules, "rattler", None)
    result = run("validate", "--solve")

    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "Error: --solve needs the package py-rattler: pip install 'envsync-azureml[solve]'\n"
    )


def test_the_option_channel_is_refused_without_solve(run: Run, project: Path) -> None:
    write(project, *GOOD)
    result = run("validate", "--channel", "conda-forge")

    assert (result.code, result.err) == (64, "Error: --channel can only be used with --solve.\n")


def test_an_empty_channel_is_wrong_usage(run: Run, project: Path) -> None:
    write(project, *GOOD)
    result = run("validate", "--solve", "--channel", " ")

    assert result.code == 64
    assert result.err == "Error: --channel: expected the name or the address of a channel.\n"


def test_a_specification_in_the_environment_file_is_solved(
    run: Run, project: Path, channel: str
) -> None:
    (project / "environments" / "e.yml").write_text(
        f"name: e\ndescription: About\nimage: {CPU}\nconda_file:\n"
        "  channels: [nodefaults]\n  dependencies:\n"
        "    - python=3.12\n    - numpy=1.20\n    - pip=24\n    - pip: [absent==1]\n"
    )
    result = run("validate", "--solve", "--channel", channel, "--json")

    assert [
        (problem["file"], problem["line"], problem["column"]) for problem in result.data["problems"]
    ] == [("environments/e.yml", 8, 7), ("environments/e.yml", 9, 7)]


def test_the_channels_of_the_file_are_used(run: Run, project: Path, channel: str) -> None:
    # A channel on this machine is an error of its own, unless a comment turns the error off.
    write(project, *GOOD, channels=f"{channel}, nodefaults")
    conda = project / "environments" / "conda.yml"
    lines = conda.read_text().splitlines()
    conda.write_text("\n".join([f"{lines[0]}  # envsync: ignore[conda-local-file]", *lines[1:]]))
    result = run("validate", "--solve")

    assert (result.code, result.err) == (0, "Conda specifications for linux-64: 1 solved.\n")


def test_several_channels_can_be_passed_and_replace_those_of_the_file(
    run: Run, project: Path, tmp_path: Path, channel: str
) -> None:
    write_channel(tmp_path / "other", [], [package("tool 1.0", "numpy")])
    write(project, *GOOD, "elsewhere::tool=1.0", channels="https://nowhere.invalid/channel")
    # A path is relative to the working directory.
    result = run("validate", "--solve", "--channel", channel, "--channel", "../other")

    assert (result.code, result.err) == (0, "Conda specifications for linux-64: 1 solved.\n")


def test_a_comment_or_a_setting_changes_the_severity_of_a_solve_problem(
    run: Run, project: Path, channel: str
) -> None:
    write(project, "python=3.12", "numpyy=1.26  # envsync: ignore[unsolvable-conda]", "pandass=2")
    (project / "envsync.yaml").write_text("rules: {unsolvable-conda: warning}\n")
    result = run("validate", "--solve", "--channel", channel, "--json")

    problems = result.data["problems"]
    assert [(problem["line"], problem["severity"]) for problem in problems] == [(5, "warning")]
    assert result.code == 0
    assert run("validate", "--solve", "--channel", channel, "--strict").code == 1


def test_the_findings_have_the_format_of_other_problems(
    run: Run, project: Path, channel: str
) -> None:
    write(project, "python=3.12", "numpyy=1.26")
    options = ("validate", "--solve", "--channel", channel, "--format")

    github = run(*options, "github").out
    assert github.startswith("::error file=environments/conda.yml,line=4,")
    sarif = json.loads(run(*options, "sarif").out)
    (found,) = sarif["runs"][0]["results"]
    assert (found["ruleId"], found["level"]) == ("unsolvable-conda", "error")
    document = run(*options, "json").data
    assert [problem["rule"] for problem in document["problems"]] == ["unsolvable-conda"]


def test_an_unreachable_channel_of_several_files_is_reported_once(
    run: Run, project: Path, tmp_path: Path
) -> None:
    missing = (tmp_path / "nothing").as_uri()
    write(project, *GOOD)
    (project / "environments" / "other.yml").write_text(
        "channels: [nodefaults]\ndependencies: [python=3.11]\n"
    )
    declare(project, "f", image=CPU, conda_file="other.yml")
    result = run("validate", "--solve", "--channel", missing)

    first, summary = result.out.splitlines()
    assert first.startswith(
        f"environments/conda.yml:1:1: error[unreachable-channel] The channel `{missing}` cannot be "
        "read: failed to open file "
    )
    assert summary == "2 environment files: 1 error."
    assert (result.code, result.err) == (1, "Conda specifications for linux-64: 2 not solved.\n")


def test_an_unreachable_channel_of_a_file_is_on_its_line(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solver, "RETRIES", 0)
    token = "https://user:hunter22@127.0.0.1:9/t/tk-0123456789abcdef-0123/private"
    write(project, *GOOD, channels=f"nodefaults, '{token}'")
    # The credential is an error as well. This test is about the message of the solver.
    (project / "envsync.yaml").write_text("rules: {secret-in-file: off}\n")
    result = run("validate", "--solve")

    assert result.out.startswith("environments/conda.yml:1:24: error[unreachable-channel] ")
    assert "hunter22" not in result.out + result.err
    assert "tk-0123456789abcdef" not in result.out + result.err
    assert (result.code, "Traceback" in result.err) == (1, False)


def test_a_shared_conda_file_is_solved_for_each_image(
    run: Run, project: Path, channel: str
) -> None:
    write(project, "python=3.12", "gpu-tools=1.0")
    declare(project, "gpu", image=GPU, conda_file="conda.yml")
    result = run("validate", "--solve", "--channel", channel)

    (problem, _) = result.out.splitlines()
    assert f"no CUDA for the image `{CPU}`" in problem
    assert result.err == "Conda specifications for linux-64: 2 solved.\n"


def test_equal_requests_of_two_images_are_solved_once(
    run: Run, project: Path, channel: str
) -> None:
    write(project, *GOOD)
    declare(project, "f", image=f"{CPU}0", conda_file="conda.yml")
    result = run("validate", "--solve", "--channel", channel)

    assert result.err == "Conda specifications for linux-64: 1 solved.\n"


def test_the_variable_conda_override_cuda_overrides_the_image(
    run: Run, project: Path, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "gpu-tools=1.0")
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "12.6")
    assert run("validate", "--solve", "--channel", channel).code == 0

    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "latest")
    result = run("validate", "--solve", "--channel", channel)
    assert result.err == (
        "Error: CONDA_OVERRIDE_CUDA is `latest`, which is not a version. Set it to a version, "
        "such as 12.4.\n"
    )
    assert result.code == 1


def test_a_windows_environment_is_not_solved(run: Run, project: Path, channel: str) -> None:
    (project / "environments" / "conda.yml").write_text("dependencies: [numpyy=1]\n")
    declare(project, "w", image=CPU, conda_file="conda.yml", os_type="Windows")
    result = run("validate", "--solve", "--channel", channel)

    assert (result.code, result.err) == (0, "Conda specifications for linux-64: none.\n")


def test_a_conda_file_in_a_build_context_is_not_solved(
    run: Run, project: Path, channel: str
) -> None:
    context = project / "environments" / "context"
    context.mkdir()
    (context / "conda.yml").write_text("dependencies: [numpyy=1]\n")
    (context / "Dockerfile").write_text(f"FROM {CPU}\nCOPY conda.yml .\n")
    (project / "environments" / "b.yml").write_text(
        "name: b\ndescription: b\nversion: 1\nbuild: {path: context}\n"
    )
    result = run("validate", "--solve", "--channel", channel)

    assert (result.code, result.err) == (0, "Conda specifications for linux-64: none.\n")


@pytest.mark.parametrize(
    "dependency",
    [
        "{server}/linux-64/tool-1.0-0.conda",
        "numpy[url={server}/linux-64/numpy-1.0-0.conda]",
        "elsewhere::numpy[url={server}/linux-64/numpy-1.0-0.conda]",
        "{server}/channel::numpy=1.26",
        "numpy[channel={server}/channel]",
    ],
)
def test_option_channel_prevents_requests_to_addresses_in_the_file(
    dependency: str, run: Run, project: Path, channel: str
) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = f"http://127.0.0.1:{listening.getsockname()[1]}"
        write(project, *GOOD, f"'{dependency.format(server=server)}'", channels=f"{server}/other")
        result = run("validate", "--solve", "--channel", channel)

        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert (result.code, result.err) == (0, "Conda specifications for linux-64: 1 solved.\n")


def test_files_with_errors_are_not_solved(run: Run, project: Path, channel: str) -> None:
    write(project, "numpyy=1")
    (project / "environments" / "e-1.yml").write_text("name: e\nimage: i:1\nimagee: 1\n")
    result = run("validate", "--solve", "--channel", channel, "--json")

    assert "unsolvable-conda" not in {problem["rule"] for problem in result.data["problems"]}
    assert result.code == 1


@pytest.mark.parametrize(("kind", "lines"), [("bad", [9, 10]), ("good", [])], ids=["bad", "good"])
def test_validate_reports_what_the_docs_show(
    kind: str, lines: list[int], run: Run, project: Path, channel: str
) -> None:
    examples = blocks(code_sections(REFERENCE / "rules.md")["unsolvable-conda"])
    (text,) = [block.text for block in examples if block.info == f"yaml {kind} solve"]
    (project / "environments" / "e.yml").write_text(completed(text))
    result = run("validate", "--solve", "--channel", channel, "--json")

    problems = result.data["problems"]
    assert {problem["rule"] for problem in problems} == ({"unsolvable-conda"} if lines else set())
    assert [problem["line"] for problem in problems] == lines


# The results of earlier runs


def test_a_second_run_solves_nothing_and_prints_the_same_output(
    run: Run, project: Path, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "python=3.12", "numpy=1.20")
    first = run("validate", "--solve", "--channel", channel)
    counted = solves(monkeypatch)
    second = run("validate", "--solve", "--channel", channel)

    assert (second.code, second.out, counted) == (1, first.out, [])
    assert second.err == "Conda specifications for linux-64: 1 solved in an earlier run.\n"


def test_moved_lines_need_no_new_solve(
    run: Run, project: Path, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, "python=3.12", "numpy=1.20")
    run("validate", "--solve", "--channel", channel)
    conda = project / "environments" / "conda.yml"
    conda.write_text(f"# About this file.\n\n{conda.read_text()}")
    counted = solves(monkeypatch)
    result = run("validate", "--solve", "--channel", channel)

    assert result.out.startswith("environments/conda.yml:6:5: error[unsolvable-conda]")
    assert "`python=3.12` (line 5)" in result.out
    assert counted == []


def test_a_new_package_in_the_channel_is_seen(
    run: Run, project: Path, tmp_path: Path, channel: str
) -> None:
    write(project, "tool=1.0")
    assert run("validate", "--solve", "--channel", channel).code == 1

    write_channel(tmp_path / "channel", [package("tool 1.0")])
    assert run("validate", "--solve", "--channel", channel).code == 0


def test_a_damaged_result_is_solved_again(run: Run, project: Path, channel: str) -> None:
    write(project, *GOOD)
    run("validate", "--solve", "--channel", channel)
    (kept,) = (project / ".envsync" / "solved").iterdir()
    kept.write_bytes(b"\xff")
    result = run("validate", "--solve", "--channel", channel)

    assert (result.code, result.err) == (0, "Conda specifications for linux-64: 1 solved.\n")


def test_quiet_prints_no_summary(run: Run, project: Path, channel: str) -> None:
    write(project, *GOOD)
    result = run("validate", "--solve", "--channel", channel, "-q")

    assert (result.code, result.out, result.err) == (0, "", "")


def test_hostile_text_is_escaped_in_problems(run: Run, project: Path, channel: str) -> None:
    write(project, '"a\\e[31m##vso[task.complete]\\u202e"', "'::error::x=1'")
    result = run("validate", "--solve", "--channel", channel)

    assert result.code == 1
    assert not {"\x1b", "\u202e"} & set(result.out)
    assert "##vso[" not in result.out
