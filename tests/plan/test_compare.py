"""Differences between specs and between metadata."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from envsync.model.canonical import JSON, canonical_json
from envsync.model.environment import (
    Build,
    BuildContext,
    EnvironmentSpec,
    InferenceConfig,
    Metadata,
    Route,
)
from envsync.plan.change import FieldChange
from envsync.plan.compare import (
    field_names,
    is_contradicted,
    match_spec,
    merge_ignored,
    metadata_fields,
    spec_fields,
)
from tests.builders import built, conda, image, registered, unknown_build, upload_hashes


def routes(port: int) -> EnvironmentSpec:
    route = Route("/live", port)
    return EnvironmentSpec(image="x", inference_config=InferenceConfig(route, route, Route("/", 1)))


# Columns: spec before, spec after, differences.
SPECS: dict[str, tuple[EnvironmentSpec, EnvironmentSpec, tuple[FieldChange, ...]]] = {
    "same": (image(), image(), ()),
    "image": (
        EnvironmentSpec(image="x"),
        EnvironmentSpec(image="y"),
        (FieldChange("image", "x", "y"),),
    ),
    "os_type": (
        EnvironmentSpec(image="x"),
        EnvironmentSpec(image="x", os_type="Windows"),
        (FieldChange("os_type", "Linux", "Windows"),),
    ),
    "a dependency changed": (
        conda("python=3.11", "pip", "numpy=1.24"),
        conda("python=3.11", "pip", "numpy=1.26"),
        (FieldChange("conda_file.dependencies[2]", "numpy=1.24", "numpy=1.26"),),
    ),
    "a dependency added in the middle": (
        conda("a", "c"),
        conda("a", "b", "c"),
        (FieldChange("conda_file.dependencies[1]", None, "b"),),
    ),
    "a dependency removed": (
        conda("a", "b", "c"),
        conda("b", "c"),
        (FieldChange("conda_file.dependencies[0]", "a", None),),
    ),
    "inside pip": (
        conda("python", {"pip": ["x==1", "y==1"]}),
        conda("python", {"pip": ["x==1", "y==2"]}),
        (FieldChange("conda_file.dependencies[1].pip[1]", "y==1", "y==2"),),
    ),
    # Python compares 1, True and 1.0 as equal, but their JSON differs.
    "values that are equal in Python": (
        conda(1, True, 1.0, "1"),
        conda(True, 1, 1, "1"),
        (
            FieldChange("conda_file.dependencies", [1, True, "1"], [True, 1, "1"]),
            FieldChange("conda_file.dependencies[2]", 1.0, None),
            FieldChange("conda_file.dependencies[2]", None, 1),
        ),
    ),
    "a dependency that is inserted": (
        conda("python=3.12", "numpy=1.26", {"pip": ["x==1"]}),
        conda("python=3.12", "lightgbm=4.5.0", "numpy=1.26", {"pip": ["x==1"]}),
        (FieldChange("conda_file.dependencies[1]", None, "lightgbm=4.5.0"),),
    ),
    "a dependency that is removed": (
        conda("python=3.12", "lightgbm=4.5.0", "numpy=1.26"),
        conda("python=3.12", "numpy=1.26"),
        (FieldChange("conda_file.dependencies[1]", "lightgbm=4.5.0", None),),
    ),
    "a dependency with another version, after an inserted one": (
        conda("python=3.12", "numpy=1.24"),
        conda("lightgbm=4.5.0", "python=3.12", "numpy=1.26"),
        (
            FieldChange("conda_file.dependencies[0]", None, "lightgbm=4.5.0"),
            FieldChange("conda_file.dependencies[2]", "numpy=1.24", "numpy=1.26"),
        ),
    ),
    "requirements of pip that are inserted, removed and changed": (
        conda({"pip": ["a==1", "b==1", "c==1"]}),
        conda({"pip": ["z==1", "a==2", "c==1"]}),
        (
            FieldChange("conda_file.dependencies[0].pip[0]", None, "z==1"),
            FieldChange("conda_file.dependencies[0].pip[1]", "b==1", None),
            FieldChange("conda_file.dependencies[0].pip[1]", "a==1", "a==2"),
        ),
    ),
    "another order only": (
        conda("python=3.12", "numpy=1.26"),
        conda("numpy=1.26", "python=3.12"),
        (
            FieldChange(
                "conda_file.dependencies",
                ["python=3.12", "numpy=1.26"],
                ["numpy=1.26", "python=3.12"],
            ),
        ),
    ),
    # Both sides contain the new items, so that a changed item is reported only once.
    "another order, and another version": (
        conda("pandas=2.2", "numpy=1.26", "scipy=1"),
        conda("numpy=1.26", "pandas=2.3", "scipy=1"),
        (
            FieldChange(
                "conda_file.dependencies",
                ["pandas=2.3", "numpy=1.26", "scipy=1"],
                ["numpy=1.26", "pandas=2.3", "scipy=1"],
            ),
            FieldChange("conda_file.dependencies[1]", "pandas=2.2", "pandas=2.3"),
        ),
    ),
    "another order, and another pip requirement": (
        conda("numpy=1", {"pip": ["x==1"]}),
        conda({"pip": ["x==2"]}, "numpy=1"),
        (
            FieldChange(
                "conda_file.dependencies",
                ["numpy=1", {"pip": ["x==2"]}],
                [{"pip": ["x==2"]}, "numpy=1"],
            ),
            FieldChange("conda_file.dependencies[0].pip[0]", "x==1", "x==2"),
        ),
    ),
    "another order of channels": (
        EnvironmentSpec(conda_file=canonical_json({"channels": ["defaults", "conda-forge"]})),
        EnvironmentSpec(conda_file=canonical_json({"channels": ["conda-forge", "defaults"]})),
        (
            FieldChange(
                "conda_file.channels", ["defaults", "conda-forge"], ["conda-forge", "defaults"]
            ),
        ),
    ),
    "one package in several notations": (
        conda("conda-forge::numpy>=1", {"pip": ["Flask_Login[x]==2", "a @ https://x.org/1.zip"]}),
        conda("numpy=1", {"pip": ["flask-login==3", "a @ https://x.org/2.zip"]}),
        (
            FieldChange("conda_file.dependencies[0]", "conda-forge::numpy>=1", "numpy=1"),
            FieldChange("conda_file.dependencies[1].pip[0]", "Flask_Login[x]==2", "flask-login==3"),
            FieldChange(
                "conda_file.dependencies[1].pip[1]",
                "a @ https://x.org/1.zip",
                "a @ https://x.org/2.zip",
            ),
        ),
    ),
    "another revision of one repository": (
        conda({"pip": ["git+https://user@x.org/a.git@1", "git+https://x.org/b@1#egg=b"]}),
        conda({"pip": ["git+https://user@x.org/a.git@2", "git+https://x.org/b@2#egg=b"]}),
        (
            FieldChange(
                "conda_file.dependencies[0].pip[0]",
                "git+https://user@x.org/a.git@1",
                "git+https://user@x.org/a.git@2",
            ),
            FieldChange(
                "conda_file.dependencies[0].pip[1]",
                "git+https://x.org/b@1#egg=b",
                "git+https://x.org/b@2#egg=b",
            ),
        ),
    ),
    # The names of the items are not unique, so no item is shown as changed.
    "a package that is listed twice": (
        conda("numpy>=1", "numpy<2", "numpy<2"),
        conda("numpy<2", "numpy<3"),
        (
            FieldChange("conda_file.dependencies[0]", "numpy>=1", None),
            FieldChange("conda_file.dependencies[1]", None, "numpy<3"),
            FieldChange("conda_file.dependencies[2]", "numpy<2", None),
        ),
    ),
    "a package that is listed twice before": (
        conda("numpy>=1", "numpy<2"),
        conda("numpy<2"),
        (FieldChange("conda_file.dependencies[0]", "numpy>=1", None),),
    ),
    "a conda file that is new": (
        image(),
        conda("python"),
        (FieldChange("conda_file", None, {"dependencies": ["python"]}),),
    ),
    "a conda file that is removed": (
        conda("python"),
        image(),
        (FieldChange("conda_file", {"dependencies": ["python"]}, None),),
    ),
    "a conda file that was empty": (
        EnvironmentSpec(conda_file="{}"),
        EnvironmentSpec(conda_file=canonical_json({"dependencies": ["python"]})),
        (FieldChange("conda_file", {}, {"dependencies": ["python"]}),),
    ),
    "a conda file that is now empty": (
        EnvironmentSpec(conda_file=canonical_json({"dependencies": ["python"]})),
        EnvironmentSpec(conda_file="{}"),
        (FieldChange("conda_file", {"dependencies": ["python"]}, {}),),
    ),
    "a pip section that is new": (
        conda("python"),
        conda("python", {"pip": ["x==1", "y==1"]}),
        (FieldChange("conda_file.dependencies[1]", None, {"pip": ["x==1", "y==1"]}),),
    ),
    "a list instead of a string": (
        EnvironmentSpec(conda_file=canonical_json({"channels": "conda-forge"})),
        EnvironmentSpec(conda_file=canonical_json({"channels": ["conda-forge"]})),
        (FieldChange("conda_file.channels", "conda-forge", ["conda-forge"]),),
    ),
    "keys of a conda file that are removed and new": (
        EnvironmentSpec(conda_file=canonical_json({"channels": ["defaults"]})),
        EnvironmentSpec(conda_file=canonical_json({"dependencies": ["python"]})),
        (
            FieldChange("conda_file.channels", ["defaults"], None),
            FieldChange("conda_file.dependencies", None, ["python"]),
        ),
    ),
    "a list instead of a mapping": (
        EnvironmentSpec(conda_file=canonical_json({"channels": {"a": "1"}})),
        EnvironmentSpec(conda_file=canonical_json({"channels": ["a"]})),
        (FieldChange("conda_file.channels", {"a": "1"}, ["a"]),),
    ),
    "a mapping instead of a list": (
        EnvironmentSpec(conda_file=canonical_json({"channels": ["a"]})),
        EnvironmentSpec(conda_file=canonical_json({"channels": {"a": "1"}})),
        (FieldChange("conda_file.channels", ["a"], {"a": "1"}),),
    ),
    "a key that needs quotes": (
        EnvironmentSpec(conda_file=canonical_json({"a.b": "1"})),
        EnvironmentSpec(conda_file=canonical_json({"a.b": "2"})),
        (FieldChange('conda_file["a.b"]', "1", "2"),),
    ),
    "a URL context": (
        EnvironmentSpec(build=Build("https://example.org/a.git")),
        EnvironmentSpec(build=Build("https://example.org/b.git")),
        (FieldChange("build.path", "https://example.org/a.git", "https://example.org/b.git"),),
    ),
    "a Dockerfile": (
        built("Dockerfile", a="1"),
        built("gpu.Dockerfile", a="1"),
        (FieldChange("build.dockerfile_path", "Dockerfile", "gpu.Dockerfile"),),
    ),
    "an image instead of a build": (
        EnvironmentSpec(build=Build("https://example.org/a.git")),
        EnvironmentSpec(image="x"),
        (
            FieldChange("build.dockerfile_path", "Dockerfile", None),
            FieldChange("build.path", "https://example.org/a.git", None),
            FieldChange("image", None, "x"),
        ),
    ),
    "a port": (
        routes(1),
        routes(2),
        (
            FieldChange("inference_config.liveness_route.port", 1, 2),
            FieldChange("inference_config.readiness_route.port", 1, 2),
        ),
    ),
}


@pytest.mark.parametrize(("before", "after", "fields"), SPECS.values(), ids=SPECS.keys())
def test_every_field_that_differs_between_two_specs_is_found(
    before: EnvironmentSpec, after: EnvironmentSpec, fields: tuple[FieldChange, ...]
) -> None:
    assert spec_fields(before, after) == fields


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["conda_file.dependencies[0]", "conda_file.channels", "image"], "conda_file and image"),
        (['conda_file["a.b"]'], "conda_file"),
        # Only the tag `envsync.digest` differs.
        ([], "spec"),
    ],
)
def test_changed_fields_are_named_by_their_top_level_names(paths: list[str], names: str) -> None:
    assert field_names([FieldChange(path, "1", "2") for path in paths]) == names


def test_an_inserted_dependency_is_one_difference() -> None:
    # A comparison by index would report every dependency after the new one.
    before = [f"package{number}=1" for number in range(50)]
    after = [*before[:10], "new=1", *before[10:]]

    assert spec_fields(conda(*before), conda(*after)) == (
        FieldChange("conda_file.dependencies[10]", None, "new=1"),
    )


def test_fields_are_in_natural_order() -> None:
    before, after = [f"a{n}=1" for n in range(12)], [f"a{n}=2" for n in range(12)]
    paths = [field.path for field in spec_fields(conda(*before), conda(*after))]

    # In alphabetical order, [10] would come before [2].
    assert paths == [f"conda_file.dependencies[{number}]" for number in range(12)]


def test_a_tag_key_with_a_dot_is_quoted() -> None:
    fields = metadata_fields(Metadata(None, {"a.b": "1"}), Metadata(None, {"c d": "1"}))

    assert [field.path for field in fields] == ['tags["a.b"]', 'tags["c d"]']


def test_differing_files_are_listed_only_if_the_files_of_both_contexts_are_known() -> None:
    known, other = built(a="1", b="1"), built(a="2", c="1")

    (field,) = spec_fields(known, other)
    assert field.files == {"a": "modified", "b": "removed", "c": "added"}
    (field,) = spec_fields(unknown_build(), other)
    assert field.files == {}
    (field,) = spec_fields(known, unknown_build())
    assert field.files == {}


UNKNOWN_CONTEXTS: dict[str, tuple[EnvironmentSpec, EnvironmentSpec, list[str]]] = {
    "nothing else differs": (unknown_build(), built(a="1"), ["build.context"]),
    "the Dockerfile differs, and nothing is known of the content": (
        unknown_build(),
        built("gpu.Dockerfile", a="1"),
        ["build.dockerfile_path"],
    ),
    "the Dockerfile differs, and the upload hash as well": (
        unknown_build("0" * 64),
        EnvironmentSpec(
            build=Build(
                replace(BuildContext.of_files({"a": "1"}), uploads=upload_hashes("1" * 64)),
                "gpu.Dockerfile",
            )
        ),
        ["build.context", "build.dockerfile_path"],
    ),
    "the Dockerfile differs, and the upload hash is equal": (
        unknown_build("0" * 64),
        EnvironmentSpec(
            build=Build(
                replace(BuildContext.of_files({"a": "1"}), uploads=upload_hashes("0" * 64)),
                "gpu.Dockerfile",
            )
        ),
        ["build.dockerfile_path"],
    ),
    "nothing else differs, and the upload hash is equal": (
        unknown_build("0" * 64),
        EnvironmentSpec(
            build=Build(replace(BuildContext.of_files({"a": "1"}), uploads=upload_hashes("0" * 64)))
        ),
        [],
    ),
    "an image replaces the build": (
        unknown_build(),
        image(),
        ["build.context", "build.dockerfile_path", "image"],
    ),
}


@pytest.mark.parametrize(
    ("before", "after", "paths"), UNKNOWN_CONTEXTS.values(), ids=UNKNOWN_CONTEXTS.keys()
)
def test_a_context_with_unknown_content_is_not_shown_as_absent(
    before: EnvironmentSpec, after: EnvironmentSpec, paths: list[str]
) -> None:
    fields = spec_fields(before, after)

    assert [field.path for field in fields] == paths
    assert {field.before for field in fields if field.path == "build.context"} <= {"unknown"}


def test_only_the_context_field_lists_files() -> None:
    before, after = built("Dockerfile", a="1"), built("gpu.Dockerfile", a="2")

    assert spec_fields(before, after) == (
        FieldChange(
            "build.context",
            BuildContext.of_files({"a": "1"}).digest,
            BuildContext.of_files({"a": "2"}).digest,
            {"a": "modified"},
        ),
        FieldChange("build.dockerfile_path", "Dockerfile", "gpu.Dockerfile"),
    )


# There are few values, so that both sides often have equal parts.
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.0, 1.0, 1.5])
    | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("ab.", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text("ab", min_size=1, max_size=2), values, min_size=1, max_size=3),
    st.dictionaries(st.text("ab", min_size=1, max_size=2), values, min_size=1, max_size=3),
)
def test_fields_differ_exactly_if_the_specs_are_unequal(
    before: dict[str, JSON], after: dict[str, JSON]
) -> None:
    old = EnvironmentSpec(conda_file=canonical_json(before))
    new = EnvironmentSpec(conda_file=canonical_json(after))

    assert bool(spec_fields(old, new)) == (old != new)


@given(
    st.lists(st.sampled_from([f"{name}={version}" for name in "abcd" for version in "12"])),
    st.lists(st.sampled_from([f"{name}={version}" for name in "abcd" for version in "12"])),
)
def test_differences_of_a_list_turn_the_old_list_into_the_new_one(
    before: list[JSON], after: list[JSON]
) -> None:
    changes = spec_fields(conda(*before), conda(*after))
    order = [item for item in changes if not item.path.endswith("]")]
    items = [item for item in changes if item.path.endswith("]")]
    kept = list(before)
    for item in items:
        if item.before is not None:
            kept.remove(item.before)
    built = kept + [item.after for item in items if item.after is not None]

    # Ignore the order here, because a different order is a separate difference.
    assert sorted(map(str, built)) == sorted(map(str, after))
    assert len(order) <= 1
    if before != after and sorted(map(str, before)) == sorted(map(str, after)):
        assert [change.path for change in changes] == ["conda_file.dependencies"]


def test_the_directory_of_a_context_is_not_compared() -> None:
    spec = built(a="1")
    assert spec.build is not None
    assert isinstance(spec.build.context, BuildContext)
    moved = replace(spec, build=Build(replace(spec.build.context, directory="elsewhere")))

    assert match_spec(moved, registered("x", "1", spec)) == "same"


@pytest.mark.parametrize(
    ("declared", "held"),
    [
        (image(), built(a="1")),
        (built(a="1"), image()),
        (built(a="1"), EnvironmentSpec(build=Build("https://example.org/x.git"))),
        (EnvironmentSpec(build=Build("https://example.org/x.git")), unknown_build("a" * 64)),
        (EnvironmentSpec(build=Build("https://example.org/x.git")), unknown_build()),
        (image(), unknown_build("a" * 64)),
        # The order of dependencies is part of the spec.
        (conda("a", "b"), conda("b", "a")),
    ],
)
def test_specs_with_different_kinds_of_content_are_never_the_same(
    declared: EnvironmentSpec, held: EnvironmentSpec
) -> None:
    assert match_spec(declared, registered("x", "1", held)) == "other"


DIGEST = "sha256:" + "0" * 64
URL = "https://account.blob.core.windows.net/registry-1/context/"


@pytest.mark.parametrize(
    ("declared", "match"),
    [
        (Build(URL), "same"),
        (Build(URL, "docker/Dockerfile"), "other"),
        (Build(URL + "x/"), "other"),
    ],
)
def test_a_declared_upload_address_matches_only_the_build_of_that_upload(
    declared: Build, match: str
) -> None:
    item = replace(registered("x", "1", unknown_build(), digest=DIGEST), context_uri=URL)

    assert match_spec(EnvironmentSpec(build=declared), item) == match
    with_image = EnvironmentSpec(image="x", build=declared)
    assert match_spec(with_image, item) == "other"


SHA, MD5 = "a" * 64, "b" * 32


@pytest.mark.parametrize(
    ("ours", "theirs", "match"),
    [
        ([SHA, MD5], SHA, "same"),
        ([SHA, MD5], MD5, "same"),
        ([SHA, MD5], "c" * 64, "other"),
        ([SHA, MD5], "c" * 32, "other"),
        ([SHA], MD5, "unknown"),  # an MD5 cannot be compared with a SHA-256
        ([MD5], SHA, "unknown"),
        ([], SHA, "unknown"),  # a context that azure-ai-ml cannot upload
    ],
)
def test_upload_hashes_are_compared_only_with_hashes_of_the_same_kind(
    ours: list[str], theirs: str, match: str
) -> None:
    context = BuildContext.of_files({"Dockerfile": "1"}, uploads=upload_hashes(*ours))
    held = registered("x", "1", unknown_build(theirs))

    assert match_spec(EnvironmentSpec(build=Build(context)), held) == match


@pytest.mark.parametrize(
    ("theirs", "match"),
    [(SHA, "same"), (MD5, "same"), ("c" * 64, "unknown"), ("c" * 32, "unknown")],
)
def test_the_digest_tag_is_not_believed_if_the_upload_hash_differs(theirs: str, match: str) -> None:
    context = BuildContext.of_files({"Dockerfile": "1"}, uploads=upload_hashes(SHA, MD5))
    spec = EnvironmentSpec(build=Build(context))
    held = registered("x", "1", unknown_build(theirs), digest=spec.digest)

    assert match_spec(spec, held) == match
    assert is_contradicted(spec, held) is (match == "unknown")


@pytest.mark.parametrize("theirs", [SHA, "c" * 64, MD5])
def test_a_different_digest_tag_means_a_different_spec_whatever_the_upload_hash_is(
    theirs: str,
) -> None:
    context = BuildContext.of_files({"Dockerfile": "1"}, uploads=upload_hashes(SHA))
    held = registered("x", "1", unknown_build(theirs), digest=f"sha256:{'0' * 64}")

    assert match_spec(EnvironmentSpec(build=Build(context)), held) == "other"


def test_ignored_tags_keep_their_values_in_the_target() -> None:
    before = Metadata("old", {"cost": "1", "x": "1"})
    declared = Metadata("new", {"cost": "2", "y": "1"})

    assert merge_ignored(before, declared, ["co*"]) == Metadata("new", {"cost": "1", "y": "1"})
    assert merge_ignored(before, declared, []) == declared
    assert merge_ignored(before, declared, ["CO*"]) == declared


def test_an_ignored_tag_that_the_target_lacks_is_not_written() -> None:
    declared = Metadata(None, {"cost": "2", "y": "1"})

    assert merge_ignored(Metadata(), declared, ["co*"]) == Metadata(None, {"y": "1"})


class TestNamesThatTheServiceChooses:
    """In 2022 the service replaced the `name` of each conda file."""

    # The form of the recorded names: `azureml_` and 32 hexadecimal digits.
    CHOSEN = f"azureml_{'8f1d' * 8}"

    @pytest.mark.parametrize("name", ["example", None])
    def test_a_conda_name_that_the_service_chose_is_not_a_difference(
        self, name: str | None
    ) -> None:
        dependencies: JSON = ["python=3.12"]
        ours: dict[str, JSON] = {"dependencies": dependencies}
        theirs = {**ours, "name": self.CHOSEN}
        if name is not None:
            ours["name"] = name
        before, after = self.spec(theirs), self.spec(ours)

        assert match_spec(after, registered("a", "1", before)) == "same"
        assert spec_fields(before, after) == ()

    def test_a_conda_file_that_the_service_renamed_can_be_removed(self) -> None:
        registered_conda: JSON = {"dependencies": ["python=3.12"], "name": self.CHOSEN}

        assert spec_fields(self.spec(registered_conda), EnvironmentSpec(image="a:1")) == (
            FieldChange("conda_file", registered_conda, None),
        )

    def test_other_differences_are_listed_without_the_conda_name(self) -> None:
        before = self.spec({"dependencies": ["python=3.11"], "name": self.CHOSEN})
        after = self.spec({"dependencies": ["python=3.12"], "name": "example"})

        assert match_spec(after, registered("a", "1", before)) == "other"
        assert [field.path for field in spec_fields(before, after)] == [
            "conda_file.dependencies[0]"
        ]

    @pytest.mark.parametrize("name", ["azureml_short", "azureml_" + "8f1d" * 9, "mine"])
    def test_a_conda_name_that_the_service_did_not_choose_is_a_difference(self, name: str) -> None:
        before = self.spec({"dependencies": ["python=3.12"], "name": name})
        after = self.spec({"dependencies": ["python=3.12"], "name": "example"})

        assert match_spec(after, registered("a", "1", before)) == "other"

    def test_a_conda_file_that_is_not_a_mapping_has_no_name(self) -> None:
        items, mapping = self.spec([self.CHOSEN]), self.spec({"name": self.CHOSEN})

        assert match_spec(mapping, registered("a", "1", items)) == "other"
        assert match_spec(items, registered("a", "1", mapping)) == "other"

    def test_equal_specs_match_even_if_the_service_could_have_chosen_their_conda_name(
        self,
    ) -> None:
        spec = self.spec({"dependencies": ["python=3.12"], "name": self.CHOSEN})

        assert match_spec(spec, registered("a", "1", spec)) == "same"

    def test_a_package_that_looks_like_a_conda_name_of_the_service_hides_no_difference(
        self,
    ) -> None:
        before = self.spec({"dependencies": [self.CHOSEN], "name": "other"})
        after = self.spec({"dependencies": [self.CHOSEN], "name": "example"})

        assert match_spec(after, registered("a", "1", before)) == "other"

    @staticmethod
    def spec(conda_file: JSON) -> EnvironmentSpec:
        return EnvironmentSpec(image="a:1", conda_file=canonical_json(conda_file))
