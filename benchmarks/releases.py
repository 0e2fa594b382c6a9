"""Plans and applies real releases of Azure ML's curated environments, to one local target.

The releases are the 1,380 commits of the branch `release` in a git bundle. The rejections of each
plan are compared with git: a version must be rejected if and only if its files differ from its
files in the first release that contains the version.

    python -m benchmarks.releases [--commits N]
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from envsync.model.declaration import Declaration
from envsync.model.environment import BuildContext
from envsync.model.policy import Policy
from envsync.model.target import TargetIdentity
from envsync.plan.apply import apply
from envsync.plan.plan import Plan
from envsync.plan.planner import make_plan
from envsync.project.disk import read_regular_file
from envsync.project.files import Files
from envsync.project.load import Loaded, load
from envsync.project.memo import Memo
from envsync.project.rules import RULES, Level
from envsync.targets.local.target import LocalTarget

DATA = Path(os.environ.get("ENVSYNC_TEST_DATA", Path(__file__).parents[2] / "shared"))
BUNDLE = DATA / "corpus" / "azureml-assets-release-2022-2024.bundle"
POLICY = Policy("releases", superseded="keep", allow_mass_archive=True)
ERRORS_ONLY: dict[str, Level] = {
    rule: level if level == "error" else "off" for rule, level in RULES.items()
}


def git(repository: Path, *arguments: str) -> str:
    """Returns the standard output of a git command."""
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def blobs(repository: Path) -> dict[str, str]:
    """Returns the blob id of each file in the current commit, by path."""
    lines = git(repository, "ls-tree", "-r", "-z", "HEAD").split("\0")[:-1]
    return {path: meta.split()[2] for meta, path in (line.split("\t") for line in lines)}


def content(tree: dict[str, str], root: Path, declaration: Declaration) -> tuple[object, ...]:
    """Returns the content of a version. The files of a build context are represented by blob ids.

    The other fields come from the declaration. If the build context contains an ignore file, the
    list of files also comes from the declaration.
    """
    spec, build = declaration.spec, declaration.spec.build
    files: tuple[object, ...] = ()
    if build is not None and isinstance(build.context, BuildContext):
        directory = os.path.relpath(str(build.context.directory), root)
        inside = {
            path.removeprefix(directory + "/"): blob
            for path, blob in tree.items()
            if path.startswith(directory + "/")
        }
        if inside.keys() & {".amlignore", ".gitignore"}:
            inside = {path: inside[path] for path in build.context.files or ()}
        files = tuple(sorted(inside.items()))
    elif build is not None:
        files = (build.context,)
    dockerfile = build.dockerfile_path if build else None
    return (spec.image, spec.conda_file, spec.os_type, spec.inference_config, dockerfile, *files)


def read_files(repository: Path) -> None:
    """Lists every directory and reads every file of the current commit, as each load must."""
    for directory, directories, files in os.walk(repository):
        if ".git" in directories:
            directories.remove(".git")
        for file in files:
            read_regular_file(f"{directory}/{file}")


def left_out(repository: Path, loaded: Loaded, names: dict[str, str]) -> set[str]:
    """Returns the names of the environments whose files have errors in this commit."""
    refused = {problem.file for problem in loaded.problems if problem.severity == "error"}
    found = set()
    # A file with errors has no declaration, so read the name from an earlier commit or the text.
    for file in refused:
        directory = file.split("/")[0]
        found.add(names.get(directory, directory))
        for line in (repository / file).read_text("utf-8", "replace").splitlines():
            if line.startswith("name:"):
                found.add(line.partition(":")[2].strip().strip("'\""))
    return found


class Spent:
    """The time that the parts of the benchmark take.

    Attributes:
        wall: seconds, by part.
        cpu: seconds of CPU of this process, by part.
    """

    def __init__(self) -> None:
        self.wall: defaultdict[str, float] = defaultdict(float)
        self.cpu: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Adds the time of the block to a part."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.wall[part] += time.perf_counter() - wall
            self.cpu[part] += time.process_time() - cpu


def main() -> int:
    """Prints counts and times. Returns 1 if a result is wrong, otherwise 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--commits", type=int, help="number of commits to apply; all by default")
    wanted = parser.parse_args().commits
    if not BUNDLE.exists():
        print(f"skipped: {BUNDLE} does not exist")
        return 0

    gc.disable()  # the command line also disables garbage collection
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    spent, floor = Spent(), Spent()
    with tempfile.TemporaryDirectory() as scratch:
        repository = Path(scratch) / "releases"
        subprocess.run(
            ["git", "clone", "-q", "-b", "release", str(BUNDLE), str(repository)], check=True
        )
        commits = git(repository, "rev-list", "--reverse", "release").split()[:wanted]
        first: dict[tuple[str, str], tuple[object, ...]] = {}
        names: dict[str, str] = {}
        memo = Memo()
        identity = TargetIdentity("local", "local", "releases.db")
        with closing(LocalTarget(Path(scratch) / "releases.db", identity)) as target:
            for commit in commits:
                git(repository, "checkout", "-q", commit)
                with spent.on("load"):
                    loaded = load(
                        repository,
                        [repository],
                        rules=ERRORS_ONLY,
                        versions="auto",
                        files=Files.below(repository, memo),
                    )
                with floor.on("files alone"):
                    read_files(repository)
                refused = left_out(repository, loaded, names)
                desired = [item for item in loaded.declarations if item.name not in refused]
                names |= {item.source.file.split("/")[0]: item.name for item in desired}

                def plan_now(
                    desired: list[Declaration] = desired, refused: set[str] = refused
                ) -> Plan:
                    actual = target.read({item.name for item in desired}, POLICY.project)
                    actual = {name: held for name, held in actual.items() if name not in refused}
                    return make_plan(desired, actual, POLICY, identity)

                with spent.on("plan"):
                    plan = plan_now()
                with spent.on("apply"):
                    outcomes = list(apply(plan, target, parallel=1, skip_rejected=True))
                with spent.on("plan again"):
                    after = plan_now()

                counts["commits"] += 1
                counts["files refused"] += len(
                    {item.file for item in loaded.problems if item.severity == "error"}
                )
                counts["rejections"] += len(plan.rejections)
                counts.update(f"{item.change.action}s" for item in outcomes)
                wrong += [
                    f"{commit[:10]} {item.change.address}: {item.status}: {item.error}"
                    for item in outcomes
                    if item.status != "done"
                ]
                if after.applicable or len(after.rejections) != len(plan.rejections):
                    wrong.append(f"{commit[:10]} the next plan is not empty: {after.summary}")

                rejected = {(item.name, item.version): item for item in plan.rejections}
                expected = set()
                tree = blobs(repository)
                for item in desired:
                    key = (item.name, str(item.version))
                    now = content(tree, repository, item)
                    if first.setdefault(key, now) != now:
                        expected.add(key)
                for name, version in expected ^ rejected.keys():
                    wrong.append(
                        f"{commit[:10]} {name}:{version}: rejected by only one of envsync and git"
                    )
                wrong += [
                    f"{commit[:10]} {item.address}: the rejection {item.code} names no field"
                    for item in rejected.values()
                    if item.code != "immutable" or not item.fields
                ]
    for name, count in counts.items():
        print(f"{name:<14} {count:>7,}")
    for part, seconds in spent.wall.items():
        print(f"{part:<14} {seconds:>7.1f} s {spent.cpu[part]:>7.1f} s of CPU")
    everything = sum(spent.wall.values()), sum(spent.cpu.values())
    print(f"{'all':<14} {everything[0]:>7.1f} s {everything[1]:>7.1f} s of CPU")
    for part, seconds in floor.wall.items():
        print(f"{part:<14} {seconds:>7.1f} s {floor.cpu[part]:>7.1f} s of CPU, not in all")
    print(f"wrong          {len(wrong):>7,}")
    for line in wrong[:20]:
        print("  " + line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
