"""Text that looks like credentials, and Dockerfiles."""

from __future__ import annotations

from functools import partial
from typing import Final

from tests.hostile import BUILD, HostileInput, filled, project
from tests.hostile_inputs import BASE, lines_of

_KEY: Final = "-----BEGIN PRIVATE KEY-----"
_SECRETS: Final = {
    "web tokens": "eyJaaaaaaaaaa-",
    "web tokens with dots": "eyJaaaaaaaaaa.",
    "web tokens with two parts": "eyJaaaaaaaaaa.eyJaaaaaaaaaa-",
    "private keys": _KEY + "\n",
    "private keys in one line": _KEY + " ",
    "private keys with headers": _KEY + "a: ",
    "URLs": "://",
    "URLs with users": "://a:b@",
    "URLs with topics": "://a/t/a",
    "topics": "/t/a",
    "client secrets": "aaa1Q~aaaa",
    "storage keys": "AccountKey=",
    "AWS keys": "AKIA",
    "AWS secrets": "secret_access_key=",
    "registry keys": "+ACR",
    "DevOps tokens": "AZDO",
    "signatures": "sig=%2B",
    "connection strings": "server=a;pwd=",
    "connection strings without passwords": "host=;",
    "GitHub tokens": "ghp_",
    "GitLab tokens": "glpat-",
    "PyPI tokens": "pypi-AgEIcHlwaS5vcmc",
    "parameters": "?token",
    "question marks": "?",
    "shared keys": "SharedAccessKey=",
    "base64": "A+/a",
    "names with dashes": "a-",
}


def _secrets(title: str, text: str) -> dict[str, HostileInput]:
    known = "eyJ Q~ sig= AccountKey= AKIA "
    context = {
        "environments/e.yml": BUILD,
        "environments/c/Dockerfile": f"FROM a:1\n# {known}\n# {text}",
    }
    quoted = text.replace("\n", " ")
    tag = {"environments/e.yml": BASE + f'tags: {{a: "{known} {quoted}"}}\n'}
    return {
        f"credentials: {title} in a Dockerfile": HostileInput(
            partial(project, context), (("validate",),)
        ),
        f"credentials: {title} in a tag": HostileInput(partial(project, tag), (("plan", "-v"),)),
    }


def _credentials() -> dict[str, HostileInput]:
    found = {
        name: item
        for title, part in _SECRETS.items()
        for name, item in _secrets(title, filled(part)).items()
    }
    found.update(
        _secrets("a header in one line", _KEY + "\n" + filled("a: "))
        | _secrets("a header in many lines", _KEY + "\n" + filled("a: b\n"))
        | _secrets(
            "tokens after many lines", filled("\n", 850_000) + ("ghp_" + "a" * 36 + " ") * 50
        )
        | _secrets("tokens in one line", filled("ghp_" + "a" * 36 + " "))
    )
    return found


def _dockerfiles() -> dict[str, str]:
    return {
        "continued lines": "RUN a" + filled(" \\\n"),
        "continued lines with comments": "RUN a \\\n" + filled("# b\n \\\n"),
        "arguments": "ARG a=b\n" + lines_of("ARG {0}=b"),
        "arguments of arguments": "ARG a0=a\n"
        + "".join(f"ARG a{n + 1}=${{a{n}}}${{a{n}}}\n" for n in range(20_000))
        + "FROM ${a20000}\n",
        "arguments in each other": "FROM " + filled("${a:-") + "\n",
        "images": lines_of("FROM {0}"),
        "stages": lines_of("FROM {0} AS {0}"),
        "copies": "FROM a:1\n" + lines_of("COPY --from={0} a b"),
        "here-documents": "FROM a:1\nRUN " + filled("<<a ") + "\n",
        "a here-document without an end": "FROM a:1\nRUN <<a\n" + filled("b\n"),
        "quotes": "FROM " + filled('"') + "\n",
        "backslashes": "FROM " + filled("\\") + "\n",
        "blanks": "FROM" + filled(" ") + "\n",
        "blank lines": filled("\n"),
        "comments": filled("#\n"),
        "directives": filled("# escape=`\n"),
        "one long line": "RUN " + filled("a"),
        "null characters": "FROM a:1\n" + filled("\0"),
        "brackets": "FROM a:1\nRUN " + filled("["),
        "commands": "FROM a:1\n" + lines_of("RUN pip install {0} && apt-get install {0}"),
    }


def _dockerfile(text: str) -> HostileInput:
    files = {"environments/e.yml": BUILD, "environments/c/Dockerfile": text}
    return HostileInput(partial(project, files), (("validate",), ("plan",)))


def inputs() -> dict[str, HostileInput]:
    """Returns the inputs by title."""
    return {
        **_credentials(),
        **{f"Dockerfile: {title}": _dockerfile(text) for title, text in _dockerfiles().items()},
    }
