"""Debian's `docker-registry` on loopback, with a token server or a proxy in front.

Images are pushed with plain HTTP requests. A manifest has no layers, which is enough to have a
digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PROGRAM = shutil.which("docker-registry")
needs_registry = pytest.mark.skipif(
    PROGRAM is None, reason="needs the Debian package docker-registry"
)

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass
class Served:
    """A registry on loopback.

    Attributes:
        host: the host and the port for the names of images.
        authorization: returns the header for a scope such as `repository:base:pull,push`.
    """

    host: str
    authorization: Any = None

    def push(self, repository: str, tag: str, content: str = "", created: str = "") -> str:
        """Pushes an image, and returns its digest. Other content gives another digest."""
        data = {
            "architecture": "amd64",
            "os": "linux",
            "created": created or "2024-12-15T00:00:00Z",
            "config": {"Labels": {"content": content or tag}},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        config = json.dumps(data).encode()
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        started = self._send("POST", repository, "blobs/uploads/")
        location = started.headers["Location"]
        joint = "&" if "?" in location else "?"
        self._checked(
            requests.put(
                f"{location}{joint}digest={digest}",
                data=config,
                headers=self._headers(repository),
                timeout=30,
            )
        )
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": _CONFIG, "digest": digest, "size": len(config)},
            "layers": [],
        }
        return self._put(repository, tag, MANIFEST, manifest)

    def push_index(self, repository: str, tag: str, platforms: dict[str, str]) -> str:
        """Pushes an index. `platforms` maps `os/architecture` to the digest of an image."""
        entries = []
        for platform, digest in platforms.items():
            system, _, architecture = platform.partition("/")
            entries.append(
                {
                    "mediaType": MANIFEST,
                    "digest": digest,
                    "size": len(self._send("GET", repository, f"manifests/{digest}").content),
                    "platform": {"os": system, "architecture": architecture},
                }
            )
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        return self._put(repository, tag, INDEX, index)

    def _put(self, repository: str, tag: str, media_type: str, manifest: object) -> str:
        answer = self._send(
            "PUT",
            repository,
            f"manifests/{tag}",
            data=json.dumps(manifest).encode(),
            headers={"Content-Type": media_type},
        )
        return answer.headers["Docker-Content-Digest"]

    def _send(self, method: str, repository: str, path: str, **options: Any) -> requests.Response:
        headers = {
            "Accept": f"{MANIFEST}, {INDEX}",
            **self._headers(repository),
            **options.pop("headers", {}),
        }
        url = f"http://{self.host}/v2/{repository}/{path}"
        return self._checked(requests.request(method, url, headers=headers, timeout=30, **options))

    def _headers(self, repository: str) -> dict[str, str]:
        if self.authorization is None:
            return {}
        return {"Authorization": self.authorization(f"repository:{repository}:pull,push")}

    @staticmethod
    def _checked(answer: requests.Response) -> requests.Response:
        assert answer.ok, (answer.status_code, answer.text)
        return answer


@contextmanager
def served_registry(directory: Path, auth: str = "") -> Iterator[Served]:
    """Runs `docker-registry` on a free port of loopback.

    Args:
        directory: an empty directory for the configuration and the images.
        auth: the section `auth` of the configuration, as JSON.
    """
    assert PROGRAM is not None
    port = free_port()
    configuration = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "images")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        **({"auth": json.loads(auth)} if auth else {}),
    }
    file = directory / "registry.yml"
    file.write_text(json.dumps(configuration))
    with (directory / "registry.log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", file], stdout=log, stderr=log)
    try:
        _await(process, port)
        yield Served(f"127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("docker-registry has ended")


@dataclass
class Issuer:
    """The key and the rules of a token server.

    Attributes:
        users: the password of each user. Without users, everybody gets a token.
        refresh: the identity tokens that are accepted.
        asked: the scopes of the issued tokens, in order.
    """

    directory: Path
    users: dict[str, str] = field(default_factory=dict)
    refresh: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    realm: str = ""

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tokens")])
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def bundle(self) -> Path:
        return self.directory / "tokens.pem"

    def auth(self) -> str:
        """Returns the section `auth` of the registry's configuration."""
        token = {
            "realm": self.realm,
            "service": "test-registry",
            "issuer": "test-issuer",
            "rootcertbundle": str(self.bundle),
        }
        return json.dumps({"token": token})

    def token(self, scope: str) -> str:
        """Returns a signed token for a scope such as `repository:base:pull`."""
        kind, name, actions = scope.split(":")
        now = int(time.time())
        claims = {
            "iss": "test-issuer",
            "aud": "test-registry",
            "sub": "test",
            "jti": uuid.uuid4().hex,
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + 600,
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        chain = self._certificate.public_bytes(serialization.Encoding.DER)
        headers = {"x5c": [base64.b64encode(chain).decode()]}
        return jwt.encode(claims, self._key, algorithm="ES256", headers=headers)

    def allows(self, authorization: str) -> bool:
        """Returns whether a header has the user and password of a user."""
        if not self.users:
            return True
        text = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        user, _, password = text.partition(":")
        return bool(user) and self.users.get(user) == password


class TokenHandler(BaseHTTPRequestHandler):
    """Issues tokens, and exchanges tokens of Microsoft Entra as Azure Container Registry does."""

    issuer: ClassVar[Issuer]

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if self.issuer.allows(self.headers.get("Authorization", "")):
            self._answer(query["scope"][0], "token")
        else:
            self._send(401, {"errors": [{"code": "UNAUTHORIZED"}]})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = parse_qs(self.rfile.read(length).decode())
        if self.path == "/oauth2/exchange":
            accepted = form["access_token"] == ["token-of-entra"]
            self._send(200 if accepted else 401, {"refresh_token": "refresh-of-entra"})
        elif form["refresh_token"][0] in self.issuer.refresh:
            self._answer(form["scope"][0], "access_token")
        else:
            self._send(401, {})

    def _answer(self, scope: str, key: str) -> None:
        self.issuer.asked.append(scope)
        self._send(200, {key: self.issuer.token(scope)})

    def _send(self, status: int, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def with_tokens(directory: Path, **rules: Any) -> Iterator[tuple[Served, Issuer]]:
    """Runs a registry that needs the tokens of a token server on loopback."""
    issuer = Issuer(directory, **rules)
    handler = type("Handler", (TokenHandler,), {"issuer": issuer})
    with _running(handler) as port:
        issuer.realm = f"http://127.0.0.1:{port}/token"
        with served_registry(directory, issuer.auth()) as served:
            served.authorization = lambda scope: f"Bearer {issuer.token(scope)}"
            yield served, issuer


@dataclass
class Proxy:
    """A proxy in front of a registry, with the requests that it has seen.

    Attributes:
        limited: how many requests are answered with 429.
        retry_after: the header `Retry-After` of these answers.
        dropped: headers of the registry that are left out.
        page: the number of tags on a page; docker-registry 2 has no pages.
        tokens: the URL of a token server that gets the POST requests.
        delay: seconds before each answer.
        redirect: the host to which each request is redirected.
        authorizations: the header `Authorization` of each request.
        requests: the method and path of each request that reached the proxy.
        most_at_once: the maximum number of concurrent requests.
    """

    host: str = ""
    limited: int = 0
    retry_after: str = "0"
    dropped: tuple[str, ...] = ()
    page: int = 0
    tokens: str = ""
    requests: list[str] = field(default_factory=list)
    most_at_once: int = 0
    delay: float = 0.0
    redirect: str = ""
    authorizations: list[str | None] = field(default_factory=list)


class ProxyHandler(BaseHTTPRequestHandler):
    """Passes requests on, except the ones that `Proxy` limits."""

    proxy: ClassVar[Proxy]
    behind: ClassVar[str]
    running: ClassVar[list[int]]
    lock: ClassVar[threading.Lock]

    def do_GET(self) -> None:
        with self.lock:
            self.running[0] += 1
            self.proxy.most_at_once = max(self.proxy.most_at_once, self.running[0])
            self.proxy.requests.append(f"{self.command} {self.path}")
            self.proxy.authorizations.append(self.headers["Authorization"])
            limited = self.proxy.limited > 0
            self.proxy.limited -= limited
        time.sleep(self.proxy.delay)
        # Count before the response, because the client can send its next request right after it.
        with self.lock:
            self.running[0] -= 1
        if limited:
            self.send_response(429)
            self.send_header("Retry-After", self.proxy.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.proxy.redirect:
            self.send_response(307)
            self.send_header("Location", f"http://{self.proxy.redirect}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._pass_on()

    def do_HEAD(self) -> None:
        self.do_GET()

    def _pass_on(self) -> None:
        headers = {
            name: self.headers[name] for name in ("Accept", "Authorization") if self.headers[name]
        }
        url = f"http://{self.behind}{self.path}"
        answer = requests.request(
            self.command, url, headers=headers, timeout=30, allow_redirects=False
        )
        content, link = answer.content, ""
        if self.proxy.page and "/tags/list" in self.path:
            content, link = self._page(answer.json())
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name not in (*self.proxy.dropped, "Content-Length"):
                self.send_header(name, value)
        if link:
            self.send_header("Link", link)
        length = answer.headers["Content-Length"] if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def _page(self, data: Any) -> tuple[bytes, str]:
        path = urlsplit(self.path)
        last = parse_qs(path.query).get("last", [""])[0]
        tags = [tag for tag in sorted(data["tags"]) if tag > last]
        page = tags[: self.proxy.page]
        link = f'<{path.path}?last={page[-1]}&n={self.proxy.page}>; rel="next"'
        content = json.dumps({**data, "tags": page}).encode()
        return content, link if page != tags else ""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        url = f"{urlsplit(self.proxy.tokens)._replace(path=self.path).geturl()}"
        kind = {"Content-Type": self.headers["Content-Type"]}
        answer = requests.post(url, data=self.rfile.read(length), headers=kind, timeout=30)
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def with_proxy(served: Served, **settings: Any) -> Iterator[Proxy]:
    """Runs a proxy in front of a registry."""
    proxy = Proxy(**settings)
    parts = {"proxy": proxy, "behind": served.host, "running": [0], "lock": threading.Lock()}
    with _running(type("Handler", (ProxyHandler,), parts)) as port:
        proxy.host = f"127.0.0.1:{port}"
        yield proxy


@contextmanager
def _running(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
