"""`Registry`: a client of the distribution API for one registry.

The API: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlsplit

from envsync.images.answers import ACCEPT, DIGEST, digest_of, for_linux, json_of, next_page
from envsync.images.azure import azure_token, exchange, is_azure
from envsync.images.challenge import Challenge, read_challenge
from envsync.images.connection import Answer, Connection, RegistryError, is_loopback
from envsync.images.logins import Login
from envsync.model.image import DOCKER_HUB

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_HUB_HOST: Final = "registry-1.docker.io"
_PAGE: Final = "1000"
MAX_PAGES: Final = 100
"""Maximum number of pages of a list of tags."""

MAX_TAGS: Final = 100_000
"""Maximum number of tags. More tags of a repository are not read."""


class NotFound(RegistryError):
    """The registry has answered that the repository, the tag or the manifest does not exist."""


class Registry:
    """A registry. Several threads can use it at the same time.

    If a call fails for a reason that concerns every image, later calls fail without a request.
    """

    def __init__(
        self,
        host: str,
        connection: Connection,
        login: Callable[[str], Login | None],
        token: Callable[[str], str] | None = None,
    ) -> None:
        """Creates the client. Does not connect.

        Args:
            host: the host in the name of the image, with its port.
            connection: the connection.
            login: returns the user's login for a registry, or None.
            token: returns a token of Microsoft Entra. If None, registries of Azure use the default
                sign-in, and other registries get no token of Microsoft Entra.
        """
        self.host = host
        address = _HUB_HOST if host == DOCKER_HUB else host
        # Docker uses HTTP for loopback as well.
        self._is_local = is_loopback(urlsplit(f"//{address}").hostname or "")
        self.base = f"{'http' if self._is_local else 'https'}://{address}"
        self._connection = connection
        self._login_of = login
        self._token_of = token or (azure_token if is_azure(host) else None)
        self._first = threading.Lock()
        self._was_asked = False
        self._challenge: Challenge | None = None
        self._signing_in = threading.Lock()
        self._login: Login | None = None
        self._has_login = False
        self._no_sign_in = ""
        self._locks: dict[str, threading.Lock] = {}
        self._tokens: dict[str, str] = {}
        self._down: RegistryError | None = None

    def digest(self, repository: str, tag: str) -> str:
        """Returns the digest to which a tag refers. This can be the digest of an index.

        Raises:
            NotFound: the repository or the tag does not exist.
            RegistryError: the registry cannot be reached, or refuses the request.
        """
        path = f"{repository}/manifests/{quote(tag)}"
        answer = self._get("HEAD", path, repository, expected=(200, 405))
        found = answer.headers.get("Docker-Content-Digest", "")
        if answer.status == 200 and DIGEST.fullmatch(found):
            return found
        # Some registries and proxies do not send this header, or do not support HEAD.
        answer = self._get("GET", path, repository)
        return digest_of(answer, self.host)

    def tags(self, repository: str) -> list[str]:
        """Returns all tags of a repository, from all pages.

        Raises:
            NotFound: the repository does not exist.
            RegistryError: the registry cannot be reached, or refuses the request.
        """
        found: list[str] = []
        parameters = {"n": _PAGE}
        for _ in range(MAX_PAGES):
            answer = self._get("GET", f"{repository}/tags/list", repository, parameters=parameters)
            page = json_of(answer, self.host).get("tags")
            if isinstance(page, list):
                found += [item for item in page if isinstance(item, str)]
            # Only the query of the link is used, so that no other host gets the token.
            following = next_page(answer.headers.get("Link", ""))
            if not following or following == parameters or len(found) > MAX_TAGS:
                break
            parameters = following
        return found

    def created(self, repository: str, reference: str) -> str | None:
        """Returns when an image was built, such as `2026-10-01T12:00:00Z`; None if unknown.

        If the image has several platforms, this is the time of the image for linux/amd64.

        Args:
            repository: the path of the image in the registry.
            reference: the digest or the tag.
        """
        for _ in range(2):
            answer = self._get("GET", f"{repository}/manifests/{quote(reference)}", repository)
            manifest = json_of(answer, self.host)
            entries = manifest.get("manifests")
            if not isinstance(entries, list):
                break
            chosen = for_linux(entries)
            if chosen is None:
                return None
            reference = chosen
        config = manifest.get("config")
        digest = config.get("digest") if isinstance(config, dict) else None
        if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
            return None
        blob = json_of(self._get("GET", f"{repository}/blobs/{digest}", repository), self.host)
        created = blob.get("created")
        return created if isinstance(created, str) else None

    def _get(
        self,
        method: str,
        path: str,
        repository: str,
        *,
        parameters: dict[str, str] | None = None,
        expected: tuple[int, ...] = (200,),
    ) -> Answer:
        """Sends a request with the token of the repository.

        Raises:
            NotFound: the status is 404.
            RegistryError: the registry cannot be reached, or returns an unexpected status.
        """
        answer = self._asked(method, f"{self.base}/v2/{path}", repository, parameters)
        if answer.status == 404:
            raise NotFound(f"{self.host} has no such repository or tag.")
        if answer.status in (401, 403):
            raise RegistryError(self._refused())
        if answer.status not in expected:
            raise RegistryError(f"{self.host} returns the status {answer.status}.")
        return answer

    def _asked(
        self, method: str, url: str, repository: str, parameters: dict[str, str] | None
    ) -> Answer:
        if not self._was_asked:
            # The first response shows whether requests need a token, so other threads wait for it.
            with self._first:
                if not self._was_asked:
                    answer = self._authorized(method, url, repository, parameters)
                    self._was_asked = True
                    return answer
        return self._authorized(method, url, repository, parameters)

    def _authorized(
        self, method: str, url: str, repository: str, parameters: dict[str, str] | None
    ) -> Answer:
        authorization = self._authorization(repository)
        answer = self._send(method, url, authorization, parameters)
        if answer.status != 401:
            return answer
        challenge = read_challenge(answer.headers.get("WWW-Authenticate", ""))
        if challenge is None:
            return answer
        self._challenge = challenge
        # The token can have expired during a long run.
        if authorization is not None and self._tokens.get(repository) == authorization[7:]:
            del self._tokens[repository]
        return self._send(method, url, self._authorization(repository), parameters)

    def _send(
        self,
        method: str,
        url: str,
        authorization: str | None,
        parameters: dict[str, str] | None,
    ) -> Answer:
        if self._down is not None:
            raise self._down
        headers = {**ACCEPT, **({"Authorization": authorization} if authorization else {})}
        try:
            return self._connection.send(method, url, headers=headers, parameters=parameters)
        except RegistryError as error:
            if error.is_final:
                self._down = error
            raise

    def _refused(self) -> str:
        if self._login is not None:
            return f"{self.host} refuses the login, or the login cannot read the image."
        return self._no_sign_in or (
            f"{self.host} needs a login, or does not have the repository. Run "
            f"`docker login {self.host}`."
        )

    def _authorization(self, repository: str) -> str | None:
        """Returns the header `Authorization` for a repository, or None if none is needed."""
        challenge = self._challenge
        if challenge is None:
            return None
        login = self._signed_in()
        if not challenge.is_bearer:
            return login.basic if login and login.user else None
        with self._locks.setdefault(repository, threading.Lock()):
            if repository not in self._tokens:
                self._tokens[repository] = self._token(repository, challenge, login)
            return f"Bearer {self._tokens[repository]}"

    def _signed_in(self) -> Login | None:
        """Returns the login of the user, or None for anonymous access."""
        with self._signing_in:
            if not self._has_login:
                self._login = self._login_of(self.host) or self._azure_login()
                self._has_login = True
            return self._login

    def _azure_login(self) -> Login | None:
        if self._token_of is None:
            return None
        try:
            return exchange(self.base, self.host, self._connection, self._token_of)
        except RegistryError as error:
            # The registry may allow anonymous access. If it does not, report this error.
            self._no_sign_in = str(error)
            return None

    def _token(self, repository: str, challenge: Challenge, login: Login | None) -> str:
        """Returns a bearer token to read a repository.

        Raises:
            RegistryError: the token server refuses the login, or its address does not use HTTPS.
        """
        realm = urlsplit(challenge.realm)
        is_local = self._is_local and is_loopback(realm.hostname or "")
        if realm.scheme != "https" and not (realm.scheme == "http" and is_local):
            raise RegistryError(f"The address of the token server of {self.host} is not HTTPS.")
        service = {"service": challenge.service} if challenge.service else {}
        query = {**service, "scope": f"repository:{repository}:pull"}
        if login is not None and login.identity:
            form = {
                "grant_type": "refresh_token",
                "client_id": "envsync",
                "refresh_token": login.identity,
                **query,
            }
            answer = self._connection.send("POST", challenge.realm, form=form)
        else:
            headers = {"Authorization": login.basic} if login is not None else {}
            answer = self._connection.send(
                "GET", challenge.realm, headers=headers, parameters=query
            )
        if answer.status in (401, 403):
            raise RegistryError(self._refused())
        if answer.status != 200:
            raise RegistryError(
                f"The token server of {self.host} returns the status {answer.status}."
            )
        data = json_of(answer, self.host)
        token = str(data.get("token") or data.get("access_token") or "")
        # A token with a line break would add a header to the request.
        if not _TOKEN.fullmatch(token):
            raise RegistryError(f"The token server of {self.host} returns no valid token.")
        return token
