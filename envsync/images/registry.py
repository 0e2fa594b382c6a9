"""`Registry`: a client of the distribution API for one registry.

The API: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Final, cast
from urllib.parse import parse_qsl, quote, urlsplit

from envsync.images.azure import azure_token, exchange, is_azure
from envsync.images.challenge import Challenge, read_challenge
from envsync.images.connection import Answer, Connection, RegistryError, is_loopback
from envsync.images.logins import Login
from envsync.model.image import DOCKER_HUB

INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# With the indexes first, the digest of an image for several platforms is that of its index.
_ACCEPT: Final = {"Accept": ", ".join((*INDEXES, *MANIFESTS))}
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
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

    After a failure that would repeat for every image, each further call fails at once.
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
            token: returns a token of Microsoft Entra. If None, only registries of Azure get one.
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
        """Returns the digest of the manifest of a tag, or of its index.

        Raises:
            NotFound: the repository or the tag does not exist.
            RegistryError: the registry cannot be reached, or refuses the request.
        """
        path = f"{repository}/manifests/{quote(tag)}"
        answer = self._get("HEAD", path, repository, expected=(200, 405))
        found = answer.headers.get("Docker-Content-Digest", "")
        if answer.status == 200 and _DIGEST.fullmatch(found):
            return found
        # Some registries and proxies leave the header out, or do not support HEAD.
        answer = self._get("GET", path, repository)
        return _checked(answer, self.host)

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
            page = _json(answer, self.host).get("tags")
            if isinstance(page, list):
                found += [item for item in page if isinstance(item, str)]
            # Only the query of the link is used, so that no other host gets the token.
            following = _next_page(answer.headers.get("Link", ""))
            if not following or following == parameters or len(found) > MAX_TAGS:
                break
            parameters = following
        return found

    def created(self, repository: str, reference: str) -> str | None:
        """Returns when an image was built, such as `2026-10-01T12:00:00Z`; None if unknown.

        For an image for several platforms, the time is that of linux/amd64.

        Args:
            repository: the path of the image in the registry.
            reference: the digest or the tag.
        """
        for _ in range(2):
            answer = self._get("GET", f"{repository}/manifests/{quote(reference)}", repository)
            manifest = _json(answer, self.host)
            entries = manifest.get("manifests")
            if not isinstance(entries, list):
                break
            chosen = _for_linux(entries)
            if chosen is None:
                return None
            reference = chosen
        config = manifest.get("config")
        digest = config.get("digest") if isinstance(config, dict) else None
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            return None
        blob = _json(self._get("GET", f"{repository}/blobs/{digest}", repository), self.host)
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
            RegistryError: the registry cannot be reached, or returns another unexpected status.
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
            # Until the first answer, other threads wait: it says whether requests need a token.
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
        headers = {**_ACCEPT, **({"Authorization": authorization} if authorization else {})}
        try:
            return self._connection.send(method, url, headers=headers, parameters=parameters)
        except RegistryError as error:
            if error.is_final:
                self._down = error
            raise

    def _refused(self) -> str:
        if self._login is not None:
            return f"{self.host} refuses the login, or the login does not allow to read the image."
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
            # A registry can allow anonymous access. If it does not, the reason is reported.
            self._no_sign_in = str(error)
            return None

    def _token(self, repository: str, challenge: Challenge, login: Login | None) -> str:
        """Returns a bearer token that allows to read a repository.

        Raises:
            RegistryError: the token server refuses the login, or its address is not safe.
        """
        realm = urlsplit(challenge.realm)
        is_local = self._is_local and is_loopback(realm.hostname or "")
        if realm.scheme != "https" and not (realm.scheme == "http" and is_local):
            raise RegistryError(f"The token server of {self.host} has no address with HTTPS.")
        query = {"service": challenge.service, "scope": f"repository:{repository}:pull"}
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
        data = _json(answer, self.host)
        token = str(data.get("token") or data.get("access_token") or "")
        # A token with a line break would add a header to the request.
        if not _TOKEN.fullmatch(token):
            raise RegistryError(f"The token server of {self.host} returns no valid token.")
        return token


def _checked(answer: Answer, host: str) -> str:
    """Returns the digest of a manifest, from its content."""
    digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
    declared = answer.headers.get("Docker-Content-Digest", digest)
    if _DIGEST.fullmatch(declared) and declared != digest:
        raise RegistryError(f"{host} returns a manifest that does not have its digest.")
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if media_type not in (*INDEXES, *MANIFESTS):
        raise RegistryError(f"{host} returns something else than the manifest of an image.")
    return digest


def _json(answer: Answer, host: str) -> dict[str, object]:
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise RegistryError(f"{host} returns no valid JSON.")
    return cast("dict[str, object]", data)


def _next_page(link: str) -> dict[str, str]:
    found = re.search(r"<([^>]*)>\s*;\s*rel=\"?next\"?", link)
    return dict(parse_qsl(urlsplit(found[1]).query)) if found else {}


def _for_linux(entries: list[object]) -> str | None:
    """Returns the digest of the manifest for linux/amd64, else of the first platform."""
    found = list(_platforms(entries))
    chosen = [digest for platform, digest in found if platform == "linux/amd64"]
    return next(iter(chosen or [digest for _, digest in found]), None)


def _platforms(entries: list[object]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("digest"), str):
            platform = entry.get("platform")
            known = platform if isinstance(platform, dict) else {}
            name = f"{known.get('os')}/{known.get('architecture')}"
            # Attestations have the platform `unknown/unknown`.
            if name != "unknown/unknown" and _DIGEST.fullmatch(entry["digest"]):
                yield name, entry["digest"]
