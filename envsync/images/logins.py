"""The logins for registries in Docker's `config.json`, and in the credential helpers that it names.

The format: https://docs.docker.com/reference/cli/docker/login/#credential-stores
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, cast

from envsync.model.image import DOCKER_HUB
from envsync.model.value import Value

_HUB_KEY: Final = "https://index.docker.io/v1/"
"""The key of Docker Hub in `config.json`."""

_HELPER: Final = re.compile(r"[A-Za-z0-9_.\-]+")
_HELPER_SECONDS: Final = 30
_TOKEN_USER: Final = "<token>"  # noqa: S105 - the name of a user, not a token
"""A helper returns this user name if the secret is an identity token."""


class Login(Value, frozen=True):
    """A login for one registry.

    Attributes:
        user: the name of the user.
        password: the password; empty if there is an identity token.
        identity: the identity token, which OAuth 2 calls a refresh token; empty if there is none.
    """

    unshown = ("password", "identity")

    user: str = ""
    password: str = ""
    identity: str = ""

    @property
    def basic(self) -> str:
        """The value of the header `Authorization` for the user and the password."""
        text = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(text).decode()}"


class DockerLogins:
    """The logins of the user, from the file that `docker login` writes."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        """Reads the file.

        Args:
            warn: a function that is called with a sentence if a login cannot be read.
        """
        self._warn = warn
        # Unlike `Path.home()`, `expanduser` does not fail for an account without a home directory.
        default = os.path.expanduser("~/.docker")  # noqa: PTH111 - it raises no error
        directory = os.environ.get("DOCKER_CONFIG") or default
        self._path = Path(directory) / "config.json"
        self._config = self._read()

    def _read(self) -> Mapping[str, object]:
        try:
            found = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or "it is not valid JSON"
            self._warn(f"{self._path} cannot be read, so no login is used: {reason}.")
            return {}
        return _mapping(found)

    def find(self, registry: str) -> Login | None:
        """Returns the login for a registry, or None. Runs a credential helper, if there is one."""
        key = _HUB_KEY if registry == DOCKER_HUB else registry
        helpers = _mapping(self._config.get("credHelpers"))
        helper = helpers.get(key) or helpers.get(registry) or self._config.get("credsStore")
        found = self._ask(str(helper), key) if helper else None
        return found or self._stored(key)

    def _stored(self, key: str) -> Login | None:
        entries = _mapping(self._config.get("auths"))
        # Old versions of Docker wrote URLs, such as `https://registry.example.com/v1/`.
        names = (key, *(name for name in entries if _host(name) == _host(key)))
        entry = _mapping(next((entries[name] for name in names if name in entries), None))
        if identity := entry.get("identitytoken"):
            return Login(identity=str(identity))
        user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
        if auth := entry.get("auth"):
            try:
                decoded = base64.b64decode(str(auth), validate=True).decode()
            except ValueError:
                self._warn(f"The login for {_host(key)} in {self._path} is not valid.")
                return None
            user, _, password = decoded.partition(":")
        return Login(user, password.rstrip("\0")) if user else None

    def _ask(self, helper: str, key: str) -> Login | None:
        """Runs `docker-credential-HELPER get`. Returns None if the helper has no login."""
        try:
            output = _run_helper(helper, key)
            entry = _mapping(json.loads(output)) if output else {}
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._warn(
                f"The credential helper docker-credential-{helper} returned no login for "
                f"{_host(key)}: {_why(error)}."
            )
            return None
        user, secret = str(entry.get("Username") or ""), str(entry.get("Secret") or "")
        if user == _TOKEN_USER:
            return Login(identity=secret)
        return Login(user, secret) if user else None


def _run_helper(helper: str, key: str) -> str:
    """Returns the output of a credential helper, or an empty string if the helper has no login.

    Raises:
        OSError, ValueError, SubprocessError: the helper cannot be run, or has failed.
    """
    if not _HELPER.fullmatch(helper):
        raise ValueError("its name is not valid")
    done = subprocess.run(  # noqa: S603 - the configuration of the user names the program
        [f"docker-credential-{helper}", "get"],
        input=key,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_HELPER_SECONDS,
        check=False,
    )
    # The exit code is 1 both for a missing login and for an error, so the output is compared.
    if done.returncode and "not found" not in done.stdout:
        raise ValueError((done.stdout or done.stderr).strip()[:200] or "it failed")
    return "" if done.returncode else done.stdout


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "it is not on the PATH"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it did not finish within {_HELPER_SECONDS} s"
    if isinstance(error, json.JSONDecodeError):
        return "its output is not valid JSON"
    return str(getattr(error, "strerror", None) or error)


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _host(key: str) -> str:
    return re.sub(r"^https?://", "", key).partition("/")[0]
