"""For each format, a text that contains a credential and a text that only looks like one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsync.model.secrets import MOST, find_secrets

# The values are put together here, because a scanner of GitHub would report them in this file.
BASE64 = "aB3+/" * 20
STORAGE = f"{BASE64[:76]}+ASt{BASE64[:6]}=="
AZURITE = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
KEY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"

GOOD = {
    "a GitHub token": [
        f"ghp_{'a1B2' * 9}",
        f"TOKEN=ghs_{'a1B2' * 9}\n",
        f"github_pat_{'a1' * 11}_{'b2C' * 19}d4",
        f"https://x-access-token:gho_{'a1B2' * 9}@github.com/a/b",
    ],
    "a GitLab token": [f"glpat-{'a1-B' * 5}"],
    "a PyPI token": [f"password = pypi-AgEIcHlwaS5vcmc{'a1_B-' * 12}"],
    "a Hugging Face token": [f"HF_TOKEN: hf_{'aB' * 17}"],
    "an AWS access key": [f"AKIA{'ABCD2345' * 2}", f"'ASIA{'ABCD2345' * 2}'"],
    "an AWS secret key": [
        f"aws_secret_access_key = {'aB3/' * 10}",
        f'"SecretAccessKey": "{"aB3+" * 10}"',
    ],
    "a client secret of Microsoft Entra": [f"abc8Q~{'aB3-_.~' * 4}aB3-_.", f"='aB~1Q~{'aB' * 16}'"],
    "an Azure Storage key": [
        STORAGE,
        f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={BASE64[:86]}==;",
        f"AZURE_STORAGE_KEY: {BASE64[:86]}==",
        f'account_key = "{BASE64[:86]}=="',
    ],
    "a shared access key of Azure": [
        f"Endpoint=sb://a.example/;SharedAccessKeyName=b;SharedAccessKey={BASE64[:43]}="
    ],
    "a key of an Azure container registry": [f"docker login -p {BASE64[:42]}+ACR{BASE64[:6]}"],
    "an Azure DevOps token": [f"{'aB3x' * 19}AZDOaB3x"],
    "a shared access signature": [
        f"https://a.example/c?sv=1&sig={'aB3' * 14}c%3D&se=2",
        f"?se=1&sig={'aB%2B' * 14}c%3d",
        f"sig={BASE64[:43]}=",
    ],
    "a connection string with a password": [
        "Server=tcp:a.example,1433;Initial Catalog=b;User ID=c;Password=hunter22;",
        "host=a.example;port=5432;user=b;password=hunter22",
    ],
    "a JSON web token": [
        f"Bearer eyJ{'hbGci' * 4}.eyJ{'zdWIi' * 4}.{'aB3_-' * 8}",
        f"eyJa-eyJ{'hbGci' * 4}.eyJ{'zdWIi' * 4}.{'aB3_-' * 8}",
    ],
    "a private key": [
        f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}",
        f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: A,B\n\n{KEY}",
        f"-----BEGIN RSA PRIVATE KEY----- Proc-Type: 4,ENCRYPTED DEK-Info: A,B {KEY}",
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\nComment: a b: c\n\n{KEY}",
        f"  -----BEGIN OPENSSH PRIVATE KEY-----\n  {KEY}",
        f'"-----BEGIN PRIVATE KEY-----\\n{KEY}"',
        f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{KEY}",
        f"# -----BEGIN RSA PRIVATE KEY-----\n# Proc-Type: 4,ENCRYPTED\n# A: b\n#\n# {KEY}",
        f"'-----BEGIN RSA PRIVATE KEY-----\\nProc-Type: 4,ENCRYPTED\\nA: b\\n\\n{KEY}'",
    ],
    "a password in a URL": [
        "https://user:hunter22@pypi.example/simple",
        "git+https://:hunter22@github.com/a/b.git",
        "postgresql://user:hunt@er22@host/db",
    ],
    "a token in a URL": [f"https://{'a1b2' * 13}@dev.azure.com/a/_git/b"],
    "a token in the URL of a channel": [
        "https://conda.anaconda.org/t/ab-12345678-1234-1234-1234-123456789abc/ml",
        "https://conda.contoso.com/t/hunter22/ml",
        f"https://packages.contoso.com/t/{'a1b2' * 8}/ml",
    ],
}

OTHER = [
    "ghp_short and github_pat_ and glpat-",
    "a ghp_" + "_" * 40,
    "pypi-AgEIcHlwaS5vcmc...",
    "hf_hub_download(repo_id='a/b', filename='c')",
    "hf_transfer==0.1.9",
    "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    f"AccountKey={AZURITE}",
    "AccountKey=${STORAGE_KEY};AccountName=a",
    "UseDevelopmentStorage=true",
    "?sv=1&sig=REDACTED",
    "sig=signature",
    "Server=a;Password=${PASSWORD};",
    "Server=a;Password=<password>;",
    "-----BEGIN PUBLIC KEY-----\n" + KEY,
    "starts with `-----BEGIN PRIVATE KEY-----`",
    "https://user:${TOKEN}@pypi.example/simple",
    "https://user:$TOKEN@pypi.example/simple",
    "https://user:$(TOKEN)@pypi.example/simple",
    "https://{user}:{token}@pypi.example/simple",
    "https://USER:TOKEN@pypi.example/simple",
    "https://<user>:<token>@pypi.example/simple",
    "https://user:***@pypi.example/simple",
    "https://contoso@dev.azure.com/contoso/_git/models",
    "ssh://git@github.com/a/b.git",
    "https://pypi.example:8080/simple?a=b:c@d",
    "https://forum.example/t/how-to-install-conda-on-windows-10/12345",
    "https://conda.anaconda.org/t/<TOKEN>/ml",
    "https://conda.anaconda.org/t/$TOKEN/ml",
    "sha256:" + "ab12" * 16,
    "image: contoso.azurecr.io/base@sha256:" + "ab12" * 16,
    "numpy=1.26.4=py311h64a7726_0",
    "--hash=sha256:" + "0f" * 32,
]


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in GOOD.items() for text in texts]
)
def test_a_credential_is_found(kind: str, text: str) -> None:
    assert [secret.kind for secret in find_secrets(f"a: {text}\n")] == [kind]


@pytest.mark.parametrize("text", OTHER)
def test_other_text_is_not_a_credential(text: str) -> None:
    assert find_secrets(f"a: {text}\n") == []


def test_the_position_covers_only_the_characters_of_the_credential() -> None:
    text = "x https://user:hunter22@a.example and sig=" + "aB3" * 14 + "c%3D."

    assert [text[item.start : item.end] for item in find_secrets(text)] == [
        "hunter22",
        "aB3" * 14 + "c%3D",
    ]


def test_the_shortest_credentials_are_found() -> None:
    connection = "host=a;pwd=secret"
    in_url = "x://a:b@"

    assert [item.start for item in find_secrets(connection)] == [connection.index("secret")]
    assert [item.start for item in find_secrets(in_url)] == [in_url.index("b@")]


def test_a_text_with_many_credentials_has_a_limited_number_of_reports() -> None:
    assert len(find_secrets("https://a:b1@c\n" * (MOST + 5))) == MOST


def _corpus() -> Iterator[Path]:
    for path in Path(os.environ.get("ENVSYNC_TEST_DATA", "/nonexistent"), "corpus").rglob("*"):
        if path.is_file():
            yield path


@pytest.mark.skipif("ENVSYNC_TEST_DATA" not in os.environ, reason="needs public data")
def test_public_files_contain_no_credential(tmp_path: Path) -> None:
    searched = 0
    for path in _corpus():
        if path.suffix == ".bundle":
            for content in _files_of(path, tmp_path / path.stem):
                searched += 1
                assert find_secrets(content) == []
        else:
            searched += 1
            assert find_secrets(path.read_bytes().decode("latin-1")) == [], path
    assert searched > 1000


def _files_of(bundle: Path, clone: Path) -> Iterator[str]:
    subprocess.run(["git", "clone", "-q", "--bare", bundle, clone], check=True, capture_output=True)
    listed = subprocess.run(
        ["git", "-C", clone, "cat-file", "--batch-all-objects", "--batch"],
        check=True,
        capture_output=True,
    ).stdout
    index = 0
    while index < len(listed):
        end = listed.index(b"\n", index)
        _, kind, size = listed[index:end].split()
        content = listed[end + 1 : end + 1 + int(size)]
        index = end + 2 + int(size)
        if kind == b"blob":
            yield content.decode("latin-1")
