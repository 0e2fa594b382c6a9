"""The fields of changes as they are shown: lists by item, and conda files by key."""

from __future__ import annotations

import pytest

from envsync.model.canonical import JSON
from envsync.plan.change import FieldChange
from envsync.render.field_text import field_lines, label_width
from envsync.render.field_view import REORDERED, FieldView, ItemLine, field_views
from envsync.render.paint import painter

DEPENDENCIES = "conda_file.dependencies"


def shown(*fields: FieldChange, listed: bool = False, width: int = 80, full: bool = False) -> str:
    """Returns the fields as text, without a margin."""
    views = field_views(fields, listed=listed)
    column = label_width(views, width)
    return "\n".join(
        line
        for view in views
        for line in field_lines(view, column, painter(False), indent=0, width=width, full=full)
    )


@pytest.mark.parametrize(
    ("path", "before", "after", "line"),
    [
        (f"{DEPENDENCIES}[3]", None, "lightgbm=4.5.0", "+ lightgbm=4.5.0"),
        (f"{DEPENDENCIES}[0]", "x", None, "- x"),
        (f"{DEPENDENCIES}[1]", "numpy=1.24", "numpy=1.26", "~ numpy=1.24 → numpy=1.26"),
        (f"{DEPENDENCIES}[12]", 1, True, "~ 1 → true"),
    ],
)
def test_an_item_of_a_list_is_one_line(path: str, before: JSON, after: JSON, line: str) -> None:
    assert shown(FieldChange(path, before, after)) == f"{DEPENDENCIES}  {line}"


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("conda_file.channels[0]", "conda_file.channels"),
        ("conda_file.dependencies[4].pip[2]", "conda_file.dependencies.pip"),
        ('conda_file["odd key[7]"].x[2]', 'conda_file["odd key[7]"].x'),
    ],
)
def test_the_label_of_an_item_is_the_path_of_its_list(path: str, label: str) -> None:
    assert shown(FieldChange(path, None, "a")) == f"{label}  + a"


@pytest.mark.parametrize("path", ['tags["a[3]"]', 'conda_file["x"]', "conda_file.x[1].y"])
def test_a_path_that_ends_with_a_key_is_not_an_item(path: str) -> None:
    assert [view.path for view in field_views([FieldChange(path, "a", "b")])] == [path]


def test_items_of_one_list_share_a_label_and_keep_their_order() -> None:
    assert shown(
        FieldChange("image", "a:1", "a:2"),
        FieldChange(f"{DEPENDENCIES}[0]", "python=3.10", "python=3.11"),
        FieldChange(f"{DEPENDENCIES}[2].pip[0]", "mlflow==1", None),
        FieldChange(f"{DEPENDENCIES}[3]", None, "lightgbm=4.5.0"),
    ) == (
        'image                        "a:1" → "a:2"\n'
        "conda_file.dependencies      ~ python=3.10 → python=3.11\n"
        "                             + lightgbm=4.5.0\n"
        "conda_file.dependencies.pip  - mlflow==1"
    )


def test_an_added_pip_section_has_one_line_for_each_package() -> None:
    assert shown(FieldChange(f"{DEPENDENCIES}[2]", None, {"pip": ["a==1", "b==2"]})) == (
        "conda_file.dependencies  + pip:\n"
        "                         +   a==1\n"
        "                         +   b==2"
    )


def test_a_removed_list_has_one_line_for_each_item() -> None:
    assert shown(FieldChange("conda_file.channels", ["a", "b"], None)) == (
        "conda_file.channels  - a\n                     - b"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["a", "b"], ["b", "a"]),
        (["a", "a", {"pip": ["x"]}], [{"pip": ["x"]}, "a", "a"]),
        ([1, True, "1"], ["1", 1, True]),
    ],
)
def test_a_list_in_another_order_is_called_reordered(before: list[JSON], after: list[JSON]) -> None:
    assert shown(FieldChange(DEPENDENCIES, before, after)) == f"{DEPENDENCIES}  {REORDERED}"


def test_the_new_order_of_a_list_is_shown_in_full() -> None:
    field = FieldChange("conda_file.channels", ["a", "b"], ["b", "a"])

    assert shown(field, full=True) == (
        "conda_file.channels  reordered\n                     b\n                     a"
    )


PIP = f"{DEPENDENCIES}[1].pip"
PIP_ORDER = FieldChange(PIP, ["a==1", "b==2"], ["b==2", "a==1"])


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ([PIP_ORDER], f"{DEPENDENCIES}.pip  reordered"),
        (
            [PIP_ORDER, FieldChange(f"{PIP}[0]", "b==1", "b==2")],
            f"{DEPENDENCIES}.pip  reordered\n                             ~ b==1 → b==2",
        ),
        # A removed item has its index in the old list, so its field can come before the field of
        # the order.
        (
            [FieldChange(f"{DEPENDENCIES}[0].pip[2]", "c==3", None), PIP_ORDER],
            f"{DEPENDENCIES}.pip  reordered\n                             - c==3",
        ),
        (
            [
                FieldChange("conda_file.channels[0]", None, "nvidia"),
                FieldChange("conda_file.channels", ["b", "a"], ["a", "b"]),
                FieldChange("conda_file.channels[2]", "c", None),
            ],
            "conda_file.channels  reordered\n"
            "                     + nvidia\n"
            "                     - c",
        ),
    ],
)
def test_the_new_order_and_the_changed_items_of_a_list_share_a_label(
    fields: list[FieldChange], text: str
) -> None:
    assert shown(*fields) == text


def test_the_new_order_is_shown_after_the_items_that_differ_if_full_is_set() -> None:
    order = FieldChange("conda_file.channels", ["a", "b"], ["b", "a"])
    added = FieldChange("conda_file.channels[0]", None, "c")

    assert shown(order, added, full=True) == (
        "conda_file.channels  reordered\n"
        "                     + c\n"
        "                       b\n"
        "                       a"
    )


GIT = "git+https://github.com/example-organisation/models.git@0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            [FieldChange("channels", None, [f"https://conda.example.com/{'x' * 30}/main", "b"])],
            "channels  https://conda.example.com/\n"
            "            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/main\n"
            "          b",
        ),
        (
            [FieldChange("dependencies", None, [{"pip": [GIT, "b==2"]}])],
            "dependencies  pip:\n"
            "                git+https://github.com/\n"
            "                  example-organisation/models.git@\n"
            "                  0123456789abcdef0123456789abcdef\n"
            "                b==2",
        ),
    ],
)
def test_later_lines_of_a_long_item_are_indented(fields: list[FieldChange], text: str) -> None:
    assert shown(*fields, listed=True, width=50) == text


def test_later_lines_of_a_long_item_that_differs_are_indented() -> None:
    fields = (
        FieldChange("pip[0]", None, GIT),
        FieldChange("pip[1]", GIT, GIT.replace("models", "model")),
    )

    assert shown(*fields, width=60) == (
        "pip  + git+https://github.com/example-organisation/\n"
        "         models.git@0123456789abcdef0123456789abcdef\n"
        "     - git+https://github.com/example-organisation/\n"
        "         models.git@0123456789abcdef0123456789abcdef\n"
        "     + git+https://github.com/example-organisation/\n"
        "         model.git@0123456789abcdef0123456789abcdef"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [(["a"], ["b"]), (["a", "a", "b"], ["a", "b", "b"]), ([1], [True])],
)
def test_a_list_with_other_items_is_not_called_reordered(
    before: list[JSON], after: list[JSON]
) -> None:
    assert REORDERED not in shown(FieldChange("x", before, after))


def test_the_conda_file_of_a_first_version_has_one_line_for_each_package() -> None:
    conda: JSON = {
        "channels": ["conda-forge", "nodefaults"],
        "dependencies": ["python=3.11", "pip", {"pip": ["numpy==1.26.4", "pandas==2.2.3"]}],
        "name": "tabular",
        "variables": {"A": "1"},
    }

    assert shown(FieldChange("conda_file", None, conda), listed=True) == (
        "conda_file.name          tabular\n"
        "conda_file.channels      conda-forge\n"
        "                         nodefaults\n"
        "conda_file.dependencies  python=3.11\n"
        "                         pip\n"
        "                         pip:\n"
        "                           numpy==1.26.4\n"
        "                           pandas==2.2.3\n"
        "conda_file.variables     A: 1"
    )


def test_an_added_conda_file_is_marked_as_added() -> None:
    field = FieldChange("conda_file", None, {"dependencies": ["python=3.11"]})

    assert shown(field) == "conda_file.dependencies  + python=3.11"


def test_a_removed_conda_file_is_marked_as_removed() -> None:
    field = FieldChange("conda_file", {"dependencies": ["python=3.11"]}, None)

    assert shown(field) == "conda_file.dependencies  - python=3.11"


def test_a_conda_file_that_is_not_a_mapping_is_shown() -> None:
    assert shown(FieldChange("conda_file", None, ["x", "y"]), listed=True) == (
        "conda_file  x\n            y"
    )
    assert shown(FieldChange("conda_file", None, {}), listed=True) == "conda_file  {}"


def test_a_changed_build_context_is_shown_by_its_files_instead_of_its_digests() -> None:
    digests = ("sha256:" + "1" * 64, "sha256:" + "2" * 64)
    files = {"Dockerfile": "modified", "new.txt": "added", "old.txt": "removed"}
    field = FieldChange("build.context", *digests, files)

    assert shown(field) == (
        "build.context  ~ Dockerfile\n               + new.txt\n               - old.txt"
    )
    assert shown(field, full=True).startswith(
        "build.context  sha256:111111111111… → sha256:222222222222…\n"
    )
    assert shown(FieldChange("build.context", *digests)) == (
        "build.context  sha256:111111111111… → sha256:222222222222…"
    )


def test_the_view_of_a_build_context_has_one_item_for_each_file() -> None:
    (view,) = field_views([FieldChange("build.context", "a", "b", {"x": "removed"})])

    assert view == FieldView("build.context", '"a"', '"b"', (ItemLine("-", "x", None),))


def test_long_lists_are_cut_unless_full_is_set() -> None:
    field = FieldChange("conda_file.channels", None, [f"c{n}" for n in range(50)])

    assert shown(field, listed=True).splitlines()[-2:] == [
        "                     c39",
        "                     … and 10 more, shown with -v",
    ]
    assert shown(field, listed=True, full=True).splitlines()[-1].split() == ["c49"]


def test_a_long_value_and_a_long_name_wrap_inside_their_columns() -> None:
    field = FieldChange(
        "inference_config.readiness_route.path",
        "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20241215.v1",
        "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20250601.v1",
    )

    assert shown(field, width=70) == (
        'inference_config.         - "mcr.microsoft.com/azureml/\n'
        'readiness_route.path        openmpi4.1.0-ubuntu22.04:20241215.v1"\n'
        '                          + "mcr.microsoft.com/azureml/\n'
        '                            openmpi4.1.0-ubuntu22.04:20250601.v1"'
    )


@pytest.mark.parametrize("path", ["build.path", "conda_file.channels[0]"])
def test_a_value_that_differs_only_in_a_credential_has_a_note(path: str) -> None:
    field = FieldChange(path, "https://u:one@h.example/a", "https://u:two@h.example/a")
    (view,) = field_views([field])

    shown = view.items[0].after if view.items else view.after
    assert shown is not None
    assert "https://***@h.example/a" in shown
    assert shown.endswith("(another credential)")


def test_an_added_item_that_differs_from_a_removed_item_only_in_a_credential_has_a_note() -> None:
    before, after = (f"--index-url https://u:{word}@h.example" for word in ("one", "two"))
    (view,) = field_views([FieldChange("c[0]", before, None), FieldChange("c[0]", None, after)])

    assert [(item.sign, item.before, item.after) for item in view.items] == [
        ("-", "--index-url https://***@h.example", None),
        ("+", None, "--index-url https://***@h.example (another credential)"),
    ]
