"""envsync reports in public files what an independent script counts in them."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.project.corpus_counts import Found, count, search
from tests.project.project import DATA, found, load_files

CORPUS = DATA / "corpus"
RULES = {
    *("unpinned-image", "deprecated-base-image", "end-of-life-python", "large-dockerfile"),
    *("licensed-channel", "implicit-defaults", "missing-python", "missing-pip", "unpinned-pip"),
}

if not CORPUS.is_dir():
    pytest.skip(
        f"there are no public files in {DATA} (set ENVSYNC_TEST_DATA)", allow_module_level=True
    )


def environments(public: Found) -> dict[str, str | bytes]:
    """Returns one environment file for each image, conda file and Dockerfile."""
    start = "name: e{}\ndescription: d\n"
    files: dict[str, str | bytes] = {}
    for number, image in enumerate(public.images):
        files[f"image-{number}.yml"] = f"{start.format(f'i{number}')}image: {image}\n"
    for number, path in enumerate(public.condas):
        text = f"{start.format(f'c{number}')}image: i:1\nconda_file: {number}/conda.yml\n"
        files[f"conda-{number}.yml"] = text
        files[f"{number}/conda.yml"] = path.read_bytes()
    for number, path in enumerate(public.dockerfiles):
        text = f"{start.format(f'b{number}')}build: {{path: ctx-{number}}}\n"
        files[f"build-{number}.yml"] = text
        files[f"ctx-{number}/Dockerfile"] = path.read_bytes()
    return {f"environments/{name}": content for name, content in files.items()}


@pytest.mark.parametrize("name", ["files", "release"])
def test_envsync_reports_what_an_independent_script_counts(name: str, tmp_path: Path) -> None:
    directory = CORPUS
    if name == "release":
        directory = tmp_path / "release"
        bundle = CORPUS / "azureml-assets-release-2022-2024.bundle"
        subprocess.run(["git", "clone", "-q", "-b", name, bundle, directory], check=True)
    public = search(directory)
    loaded = load_files(tmp_path / "project", environments(public))
    reported = Counter(item.rule for item in loaded.problems if item.rule in RULES)

    assert [line for line in found(loaded) if " error " in line] == []
    assert len(public.condas) > 10
    assert len(public.dockerfiles) > 10
    assert dict(reported) == dict(count(public))
