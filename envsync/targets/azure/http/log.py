"""The log of `--debug-http`: every request as one line of JSON, without secrets."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from azure.core.exceptions import ResponseNotReadError

from envsync.model.canonical import JSON
from envsync.model.errors import TargetError
from envsync.model.masking import masked
from envsync.targets.appending import open_to_append

HIDDEN: Final = "REDACTED"
"""The text that replaces a secret."""

_PLAIN_PARAMETERS: Final = frozenset(
    {"api-version", "listViewType", "$skip", "$top", "$orderBy", "restype", "comp"}
)
# Some bodies contain secrets: the keys in `listSecrets`, and the signed URLs in `tempdatarefs`.
_SECRET_KEY: Final = re.compile(
    r"secret|token|password|credential|sas|signature|key$", re.IGNORECASE
)
_SIGNATURE: Final = re.compile(r"(?i)\b(sig|signature|accountkey|sharedaccesskey)=[^&\s\"']+")
_IDS: Final = ("x-ms-request-id", "x-ms-correlation-request-id", "Retry-After", "Location")
_MODE: Final = 0o600
_LARGEST_BODY: Final = 1 << 16


class RequestLog:
    """A file to which requests and responses are appended, without authorization headers.

    If the disk is full, the log ends, and the requests continue.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        """Opens the file.

        Args:
            path: the file.
            warn: a function that is called with a warning if the log ends early.

        Raises:
            TargetError: the file cannot be written.
        """
        try:
            # The log shows who does what in which workspace, so only the owner of the file can read
            # it. An existing file keeps its content, but gets the same permissions.
            self._file = open_to_append(path, _MODE)
            if path.is_file():
                path.chmod(_MODE)
        except OSError as error:
            raise TargetError(
                f"The request log {path} cannot be written: {error.strerror}. Pass another file "
                "to --debug-http."
            ) from error
        self._path = path
        self._warn = warn
        self._lock = threading.Lock()
        self._ended = False

    def answered(self, request: Any, response: Any, seconds: float) -> None:
        """Logs an azure-core request and its response."""
        headers: dict[str, JSON] = {
            name: redacted_url(str(response.headers[name]))
            for name in _IDS
            if name in response.headers
        }
        answer: dict[str, JSON] = {
            "status": response.status_code,
            "headers": headers,
            "answer": _body(_text_of(response)),
        }
        self._write(request, seconds, answer)

    def failed(self, request: Any, error: Exception, seconds: float) -> None:
        """Logs an azure-core request that got no response."""
        self._write(request, seconds, {"error": redacted_text(str(error))})

    def close(self) -> None:
        """Closes the file."""
        with suppress(OSError):  # `close` writes buffered text, and the disk can be full
            self._file.close()

    def _write(self, request: Any, seconds: float, outcome: dict[str, JSON]) -> None:
        # In azure-core's new request class, `content` is the body. In the old request class, `data`
        # is the body.
        content = getattr(request, "content", None) or getattr(request, "data", None)
        line: dict[str, JSON] = {
            "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "method": request.method,
            "url": redacted_url(request.url),
            "body": _body(content),
            **outcome,
            "ms": round(seconds * 1000),
        }
        with self._lock:
            if self._ended:
                return
            try:
                self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
                # Flush each line, so that the log is complete even if the process is killed.
                self._file.flush()
            except OSError as error:
                self._ended = True
                self._warn(
                    f"The request log {self._path} cannot be written any more: {error.strerror}. "
                    "Later requests are not logged."
                )


def redacted_url(url: str) -> str:
    """Returns a URL with `REDACTED` in place of each parameter value that can be a secret."""
    parts = urlsplit(url)
    if not parts.query:
        return masked(url)
    query = [
        # All parameters are hidden except `_PLAIN_PARAMETERS`, because a signed URL can contain
        # secret parameters that envsync does not expect.
        (key, value if key in _PLAIN_PARAMETERS else HIDDEN)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return masked(urlunsplit(parts._replace(query=urlencode(query, safe="$ "))))


def redacted_text(text: str) -> str:
    """Returns a text in which signatures, keys, passwords and tokens are replaced."""
    return masked(_SIGNATURE.sub(rf"\1={HIDDEN}", text))


def _text_of(response: Any) -> object:
    """Returns the text of a JSON body. Returns None if the body is not JSON or was not read."""
    if "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        return response.text()
    except ResponseNotReadError:
        return None


def _body(content: object) -> JSON:
    """Returns a JSON body with secrets replaced.

    Returns None if the body is not JSON or is too long.
    """
    if isinstance(content, bytes):
        content = content.decode(errors="replace")
    if not isinstance(content, str) or not content or len(content) > _LARGEST_BODY:
        return None
    try:
        return _without_secrets(json.loads(content))
    except ValueError:
        return None


def _without_secrets(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {
            key: HIDDEN
            if _SECRET_KEY.search(key) and not isinstance(item, dict)
            else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return redacted_text(value) if isinstance(value, str) else value
