"""`image_problem` checks the grammar of image references."""

from __future__ import annotations

import pytest

from envsync.project.environment.image import image_problem

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    "image",
    [
        "ubuntu",
        "ubuntu:22.04",
        "pytorch/pytorch:latest",
        "nvcr.io/nvidia/tritonserver:24.08-py3",
        "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20241215.v1",
        f"mcr.microsoft.com:443/base@{DIGEST}",
        "docker.io/library/python:3.12-slim",
        "contoso.azurecr.io/a/b_c/d__e/f--g.h:T_1.-x",
        # A host and a tag can contain upper-case letters.
        "Contoso.azurecr.io/x:Tag",
        "localhost/x",
        "localhost:5000/x:1",
        "[::1]:5000/x",
        f"x:1@{DIGEST}",
        "repository/x@md5+b:" + "a" * 32,
        "x:__a__",
        "x:v1__RC__2",
        # This is a host and a port, not a reference to an environment.
        "azureml:5000/x",
        "azureml/x:1",
    ],
)
def test_a_valid_reference_is_accepted(image: str) -> None:
    assert image_problem(image) is None


@pytest.mark.parametrize(
    ("image", "placeholder"),
    [
        ("${ACR}.azurecr.io/x:${TAG}", "${ACR}"),
        ("{{ acr }}/x", "{{ acr }}"),
        ("#{ACR}#/x", "#{ACR}#"),
        ("<acr>/x", "<acr>"),
        ("$(acr)/x", "$(acr)"),
        ("${{ variables.acr }}/x:1", "${{ variables.acr }}"),
        ("{% acr %}/x", "{% acr %}"),
        ("%ACR%/x", "%ACR%"),
        ("__ACR__/x:1", "__ACR__"),
        ("$ACR/x", "$ACR"),
        ("{acr}/x:1", "{acr}"),
        ("@@ACR@@/x", "@@ACR@@"),
        ("x:$TAG", "$TAG"),
        ("x:{{tag}}", "{{tag}}"),
        ("x:<tag>", "<tag>"),
        ("x:__TAG__", "__TAG__"),
    ],
)
def test_the_message_contains_the_placeholder_that_is_not_replaced(
    image: str, placeholder: str
) -> None:
    problem = image_problem(image)

    assert problem is not None
    message, fix = problem
    assert f"the placeholder `{placeholder}`" in message
    assert "`${NAME}` only in the targets of `envsync.yaml`" in message
    assert "Write the whole image here" in fix


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("https://mcr.microsoft.com/x:1", "starts with `https://`"),
        ("docker://x", "starts with `docker://`"),
        ("azureml://registries/r/models/m", "starts with `azureml://`"),
        ("X:1", "`X` contains upper-case letters"),
        ("contoso.azurecr.io/MyRepo:1", "`MyRepo` contains upper-case letters"),
        ("MyOrg/repository:1", "`MyOrg` contains upper-case letters"),
        ("x:1 ", "starts or ends with white space"),
        (" x", "starts or ends with white space"),
        ("x\n", "starts or ends with white space"),
        ("x y:1", "contains white space"),
        ("x:", "its tag is empty"),
        (f"x/y:@{DIGEST}", "its tag is empty"),
        (":1", "it has no path"),
        (":", "it has no path"),
        ("x:1:2", "`1:2` is not a tag"),
        ("x:.1", "`.1` is not a tag"),
        ("x:\u00fc", "`\u00fc` is not a tag"),
        ("x:" + "a" * 129, "is not a tag"),
        ("x@", "its digest is empty"),
        ("x:1@", "its digest is empty"),
        ("x@a@b", "`a@b` is not a digest"),
        ("x@sha256:0", "`sha256:0` is not a digest"),
        ("x@sha256:" + "A" * 64, "is not a digest"),
        ("/x", "a part of its path is empty"),
        ("x/", "a part of its path is empty"),
        ("a//b", "a part of its path is empty"),
        ("-x", "`-x` is not valid in a path"),
        ("x..y", "`x..y` is not valid in a path"),
        ("x___y", "`x___y` is not valid in a path"),
        ("\u00e9/x", "`\u00e9` is not valid in a path"),
        ("my_host.io/x", "`my_host.io` is not a host"),
        ("a" * 256, "more than 255 characters"),
        ("a/" * 5000, "it has more than 1000 characters"),
        ("X@a" * 5000, "it has more than 1000 characters"),
    ],
)
def test_an_invalid_reference_is_reported_with_the_reason(image: str, reason: str) -> None:
    problem = image_problem(image)

    assert problem is not None
    assert reason in problem[0]


@pytest.mark.parametrize(
    ("image", "corrected"),
    [
        ("https://mcr.microsoft.com/x:1", "mcr.microsoft.com/x:1"),
        ("HTTPS://mcr.microsoft.com/Azure/x:1", "mcr.microsoft.com/azure/x:1"),
        ("x:1 ", "x:1"),
        (" MyOrg/x:Tag", "myorg/x:Tag"),
        ("a.io/My/Repo:1", "a.io/my/repo:1"),
        ("mcr.microsoft.com/Azure/x:1", "mcr.microsoft.com/azure/x:1"),
        ("Contoso.io:443/X:T", "Contoso.io:443/x:T"),
        (f"MyOrg/x:1@{DIGEST}", f"myorg/x:1@{DIGEST}"),
        (f"x@{DIGEST.upper()}", f"x@{DIGEST}"),
        ("x@latest", "x:latest"),
        ("a.io/X@1.0", "a.io/x:1.0"),
    ],
)
def test_the_fix_is_the_whole_corrected_reference(image: str, corrected: str) -> None:
    problem = image_problem(image)

    assert problem is not None
    assert problem[1] == f"Write `{corrected}`."
    assert image_problem(corrected) is None


@pytest.mark.parametrize(
    ("image", "fix"),
    [
        ("https://", "Write `[host[:port]/]path"),
        ("https://x/", "Write `[host[:port]/]path"),
        ("https://x y", "Write `[host[:port]/]path"),
        (" x..y", "Write `[host[:port]/]path"),
        ("MyOrg/-x:1", "Write the path in lower-case letters."),
        ("X@a@b", "Write `@sha256:` and 64"),
        ("x:1@latest", "Write `@sha256:` and 64"),
        ("x@latest/y", "Write `@sha256:` and 64"),
    ],
)
def test_the_fix_is_general_if_the_correction_is_not_known(image: str, fix: str) -> None:
    problem = image_problem(image)

    assert problem is not None
    assert problem[1].startswith(fix)


@pytest.mark.parametrize(
    "image",
    [
        "azureml:foo@latest",
        "azureml:foo:1",
        "azureml:foo",
        " AzureML:foo:1",
        "azureml://registries/azureml/environments/foo/versions/1",
        "azureml:/subscriptions/s/resourceGroups/g/providers/p/workspaces/w/environments/foo/versions/1",
        "/subscriptions/s/resourceGroups/g/providers/p/workspaces/w/environments/foo/versions/1",
    ],
)
def test_a_reference_to_an_environment_is_reported(image: str) -> None:
    problem = image_problem(image)

    assert problem is not None
    assert "it refers to an environment, not to an image" in problem[0]
    assert "Write the image itself" in problem[1]


@pytest.mark.parametrize(
    ("image", "fix"),
    [
        ("x:", "Write a tag after `x:`, such as `x:1`."),
        ("a.io:443/x:", "Write a tag after `a.io:443/x:`, such as `a.io:443/x:1`."),
        ("x@", "Write `@sha256:` and 64 hexadecimal digits in lower case."),
        ("x@sha256:0", "Write `@sha256:` and 64 hexadecimal digits in lower case."),
    ],
)
def test_the_fix_of_an_invalid_tag_or_digest_says_what_to_write(image: str, fix: str) -> None:
    problem = image_problem(image)

    assert problem is not None
    assert problem[1] == fix
