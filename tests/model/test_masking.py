"""Credentials are hidden in text, and other text stays as it is."""

from __future__ import annotations

import pytest

from envsync.model.masking import masked, masked_json

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq1aaaaaaaaaaaaaaaaaaaaaaaa\n-----END"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:s3cret@pkgs.example/simple", "https://***@pkgs.example/simple"),
        ("git+https://s3cret@github.com/a/b.git#main", "git+https://***@github.com/a/b.git#main"),
        ("https://user:p@s3cret@host/", "https://***@host/"),
        ("ssh://git:s3cret@host/a", "ssh://***@host/a"),
        ("two: http://a:b@c and http://d:e@f", "two: http://***@c and http://***@f"),
        (
            "https://conda.anaconda.org/t/ab-s3cret/ml/noarch",
            "https://conda.anaconda.org/t/***/ml/noarch",
        ),
        (
            "https://a.blob.core.windows.net/c?sv=1&sig=s3cret%3D&se=2",
            "https://a.blob.core.windows.net/c?sv=1&sig=***&se=2",
        ),
        ("AccountName=a;AccountKey=s3cret==;Suffix=b", "AccountName=a;AccountKey=***;Suffix=b"),
        ("Endpoint=sb://a/;SharedAccessKey=s3cret=", "Endpoint=sb://a/;SharedAccessKey=***"),
        ("https://h/f?code=s3cret&x=1", "https://h/f?code=***&x=1"),
        ("https://h/f?x=1&access_token=s3cret", "https://h/f?x=1&access_token=***"),
        (f"a ghp_{'a1' * 18} b", "a *** b"),
        (f"https://x:hf_{'aB' * 17}@h", "https://***@h"),
        (
            f"{KEY} RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
        ),
    ],
)
def test_credentials_are_hidden(text: str, expected: str) -> None:
    assert masked(text) == expected
    assert masked(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://pkgs.example/simple?page=2&sort=name#top",
        "ssh://git@github.com/contoso/models.git",
        "https://git@github.com/contoso/models.git",
        "git@github.com:contoso/models.git",
        "https://${USER}:${TOKEN}@pkgs.example/simple",
        "https://$(TOKEN)@pkgs.example/simple",
        "https://forum.example/t/how-to-install-conda/123",
        "https://conda.example/t/${TOKEN}/ml",
        "contoso.azurecr.io/base@sha256:" + "a" * 64,
        "key=value; monkey=1, keyboard",
        "mail a@b.example about https://b.example",
        "A file starts with -----BEGIN PRIVATE KEY----- and a line break.",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert masked(text) == text


def test_credentials_in_json_are_hidden_at_every_depth() -> None:
    url = "https://a:b@c"

    assert masked_json({"a": [url, 1, None, {url: True}]}) == {
        "a": ["https://***@c", 1, None, {"https://***@c": True}]
    }
