"""Finds credentials in text: a short list of formats that other text hardly ever has.

`find_secrets` is for the rules `secret-in-file`, `secret-in-context` and `secret-in-tag`, so it
reports only text that is almost certainly a credential. `masked` in masking.py also hides text that
is less certainly a credential.

Every search takes linear time: a regular expression runs only if its literal text is found, and
starts only where a word starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

MOST: Final = 20
"""Maximum number of secrets that are reported for one text."""

_WORD: Final = r"(?<![A-Za-z0-9_])"
_END: Final = r"(?![A-Za-z0-9_])"
_PART: Final = r"(?:(?!-eyJ)[A-Za-z0-9_-])"
_BASE64: Final = r"(?<![A-Za-z0-9+/])"


class Secret(Struct, frozen=True):
    """A credential in a text.

    Attributes:
        kind: what it is, with an article, such as `a GitHub token`.
        start: the index of its first character in the text.
        end: the index after its last character.
    """

    kind: str
    start: int
    end: int


class Format(Struct, frozen=True):
    """The format of a credential.

    Attributes:
        kind: the kind of credential, with an article, such as `a GitHub token`.
        literals: the format occurs only in a text that contains one of these strings.
        pattern: a regular expression that matches the credential. If the pattern has a group, the
            group is the credential.
        flags: the flags of the regular expression.
    """

    kind: str
    literals: tuple[str, ...]
    pattern: str
    flags: re.RegexFlag = re.NOFLAG

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yields the start and the end of each credential of this format."""
        # The pattern is not compiled earlier, because compiling all patterns takes longer than most
        # commands run.
        pattern = re.compile(self.pattern, self.flags)
        group = 1 if pattern.groups else 0
        for match in pattern.finditer(text):
            yield match.span(group)


def _format(kind: str, literals: str, pattern: str, flags: re.RegexFlag = re.NOFLAG) -> Format:
    return Format(kind, tuple(literals.split()), pattern, flags)


TOKENS: Final = (
    _format(
        "a GitHub token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        rf"{_WORD}(?:gh[pousr]_[A-Za-z0-9]{{36,255}}|github_pat_[A-Za-z0-9_]{{60,255}}){_END}",
    ),
    _format("a GitLab token", "glpat-", rf"{_WORD}glpat-[A-Za-z0-9_-]{{20,}}"),
    _format(
        "a PyPI token",
        "pypi-AgE",
        # The encoded text is the host name of PyPI or of its test instance.
        rf"{_WORD}pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{{50,}}",
    ),
    _format("a Hugging Face token", "hf_", rf"{_WORD}hf_[A-Za-z0-9]{{34,64}}{_END}"),
    _format(
        "an AWS access key",
        "AKIA ASIA",
        # AWS uses keys that end in EXAMPLE in its documentation.
        rf"{_WORD}A[KS]IA(?![A-Z2-7]*EXAMPLE)[A-Z2-7]{{16}}{_END}",
    ),
    _format(
        "an AWS secret key",
        "secret_access_key SECRET_ACCESS_KEY secretAccessKey SecretAccessKey",
        r"(?:secret_access_key|secretaccesskey)[\"']?[ \t]{0,9}[=:][ \t]{0,9}[\"']?"
        r"(?![A-Za-z0-9/+]*EXAMPLE)([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        re.IGNORECASE,
    ),
    # Microsoft marks the keys of its services with fixed characters at a fixed position, so that
    # scanners can find the keys.
    _format(
        "a client secret of Microsoft Entra",
        "Q~",
        r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])",
    ),
    _format(
        "an Azure Storage key", "+ASt", rf"{_BASE64}[A-Za-z0-9+/]{{76}}\+ASt[A-Za-z0-9+/]{{6}}=="
    ),
    _format(
        "an Azure Storage key",
        "ccount CCOUNT torage_ TORAGE_",
        # The key of the Azure Storage emulator is public, and the same everywhere.
        r"(?:account|storage)_?key[\"']?[ \t]{0,9}[=:][ \t]{0,9}[\"']?"
        r"(?!Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq)"
        r"([A-Za-z0-9+/]{86}==)",
        re.IGNORECASE,
    ),
    _format(
        "a shared access key of Azure",
        "SharedAccessKey",
        r"SharedAccessKey=([A-Za-z0-9+/]{43}=)",
    ),
    _format(
        "a key of an Azure container registry",
        "+ACR",
        rf"{_BASE64}[A-Za-z0-9+/]{{42}}\+ACR[A-Za-z0-9+/]{{6}}(?![A-Za-z0-9+/])",
    ),
    _format(
        "an Azure DevOps token", "AZDO", rf"{_WORD}[A-Za-z0-9]{{76}}AZDO[A-Za-z0-9]{{4}}{_END}"
    ),
    _format(
        "a shared access signature",
        "sig=",
        r"(?<![A-Za-z0-9_])sig=([A-Za-z0-9+/]{43}=|(?:[A-Za-z0-9]|%2[BbFf]){43}%3[Dd])",
    ),
    _format(
        "a connection string with a password",
        "assword= ASSWORD= wd= WD=",
        r"\b(?:server|data source|host|accountendpoint)=[^;\s\"'<>]{1,200};"
        r"[^\n\"'<>]{0,120}?\b(?:password|pwd)=(?![<{$%*])([^;\s\"'<>]{6,200})",
        re.IGNORECASE,
    ),
    _format(
        "a JSON web token",
        "eyJ",
        # Each part ends before the next `-eyJ`, because a new search starts there.
        rf"{_WORD}eyJ{_PART}{{10,}}\.eyJ{_PART}{{10,}}\.[A-Za-z0-9_-]{{16,}}",
    ),
)
"""The formats of credentials outside of URLs, except private keys."""

# The length of the shortest text with a credential: `host=a;pwd=secret`. Only a credential in a URL
# can be shorter.
_SHORTEST: Final = 17
_BY_LITERAL: Final = [(literal, item) for item in TOKENS for literal in item.literals]

# Some patterns are not compiled here, because most texts do not need them. `re` compiles a string
# when it is first used.
_PRIVATE_KEY: Final = r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
_GAP: Final = r"(?:\s|\\n|#|//|\"|'|,|\\)*+"
# The quantifiers (`*+`) do not backtrack, so a text without a key takes linear time as well. A
# header ends at a line break, at `\n`, or at a blank if all lines of the key were joined.
_HEADER: Final = rf"[A-Za-z-]{{1,40}}+: (?:[^\n\\]{{0,400}}+(?:\n|\\n){_GAP}|\S{{1,400}}+[^\S\n]++)"
_KEY_BODY: Final = rf"{_GAP}(?:{_HEADER}){{0,3}}[A-Za-z0-9+/]{{32}}"
_BODY: Final = rf"{_BASE64}[A-Za-z0-9+/]{{32}}"

# Matches the authority of a URL up to its last `@`. A password can contain an `@` that is not
# escaped.
USER_INFO: Final = r"://([^\s/?#\"'<>\\`]{1,1000})@"
PLACEHOLDER: Final = (
    r"\$\{[^{}]*\}|\$\([^()]*\)|\$[A-Za-z_][A-Za-z0-9_]*|\{\{[^{}]*\}\}|#?\{[^{}]*\}#?|%[A-Z_]+%"
    r"|\[[^\[\]]*\]|[*x.X_-]*|…|REDACTED"
)
"""Matches a placeholder for a credential, such as `${TOKEN}` or `***`."""

_NAME_OF_ONE: Final = r"[A-Z_]*(?:TOKEN|PASS|PASSWORD|PWD|PAT|SECRET|KEY)"
_LONG_NAME: Final = r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_~.-]{32,}"
IN_CHANNEL: Final = r"/t/([^/\s\"'<>\\`]{1,300})"
_LEAST_TOKEN: Final = 6
# Compiled here, because a text can contain a hundred thousand URLs.
_find_end_of_url: Final = re.compile(r"[\s\"'<>]").search
_CONDA_ID: Final = (
    r"(?:[A-Za-z]{2}-)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|"
    r"(?=[^0-9]*[0-9])[A-Za-z0-9]{24,}"
)


def token_spans(text: str) -> Iterator[tuple[Format, int, int]]:
    """Yields the format, start and end of each credential in one of the formats `TOKENS`."""
    # Search for the literal strings first: they are rare, and patterns are slow.
    found = [item for literal, item in _BY_LITERAL if literal in text]
    for item in dict.fromkeys(found):
        for start, end in item.spans(text):
            yield item, start, end


def find_secrets(text: str) -> list[Secret]:
    """Returns at most `MOST` credentials of a text, in the order of their positions."""
    if len(text) < _SHORTEST and "://" not in text:
        return []
    found: dict[int, Secret] = {}
    for secret in _all(text):
        # A token in a URL is found by its own format first, because the format has a more precise
        # name.
        if not any(secret.start < item.end and item.start < secret.end for item in found.values()):
            found[secret.start] = secret
        if len(found) == MOST:
            break
    return [found[start] for start in sorted(found)]


def _all(text: str) -> Iterator[Secret]:
    for item, start, end in token_spans(text):
        yield Secret(item.kind, start, end)
    for match in private_keys(text):
        yield Secret("a private key", *match.span())
    if "://" in text:
        yield from _in_urls(text)


def private_keys(text: str) -> Iterator[re.Match[str]]:
    """Yields the match of each `BEGIN` line of a private key.

    Documentation often contains the `BEGIN` line without a key. Such a line is not yielded.
    """
    if "PRIVATE KEY" not in text or not re.search(_BODY, text):
        return
    body = re.compile(_KEY_BODY)
    for match in re.finditer(_PRIVATE_KEY, text):
        if body.match(text, match.end()):
            yield match


def _in_urls(text: str) -> Iterator[Secret]:
    for match in re.finditer(USER_INFO, text) if "@" in text else ():
        user, _, password = match.group(1).partition(":")
        start = match.start(1) + len(user) + 1
        if password and not _stands_for_one(password):
            yield Secret("a password in a URL", start, match.end(1))
        elif not password and re.fullmatch(_LONG_NAME, user):
            yield Secret("a token in a URL", match.start(1), match.start(1) + len(user))
    for match in re.finditer(IN_CHANNEL, text) if "/t/" in text else ():
        if len(match[1]) < _LEAST_TOKEN:
            continue
        url = url_before(text, match.start())
        is_token = "conda" in url or re.fullmatch(_CONDA_ID, match.group(1))
        if url and is_token and not _stands_for_one(match.group(1)):
            yield Secret("a token in the URL of a channel", *match.span(1))


def _stands_for_one(text: str) -> bool:
    return bool(re.fullmatch(PLACEHOLDER, text) or re.fullmatch(_NAME_OF_ONE, text))


def url_before(text: str, index: int) -> str:
    """Returns the part of a URL from `://` to an index, or "" if the index is not in a URL."""
    start = text.rfind("://", max(0, index - 300), index)
    return "" if start < 0 or _find_end_of_url(text, start, index) else text[start:index]
