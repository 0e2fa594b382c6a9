"""`LastCheck`: calls a function just before a version is sent to the service.

azure-ai-ml uploads a build context and then registers the version, in one call. An upload can take
minutes, and another client can register the version in the meantime. The service would then still
accept the PUT of this process, and replace the owner and the metadata of the other client's
version.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Self
from urllib.parse import urlsplit

from azure.core.pipeline.transport import HttpTransport

_VERSION: Final = re.compile(r"/environments/[^/]+/versions/[^/]+$")


class LastCheck(HttpTransport[Any, Any]):
    """Sends requests through another transport, and runs a check before it sends a version."""

    def __init__(self, transport: HttpTransport[Any, Any]) -> None:
        """Prepares the transport. Does not connect.

        Args:
            transport: the transport that sends the requests. Closing this object does not close
                that transport.
        """
        self._transport = transport
        self._local = threading.local()

    @contextmanager
    def calling(self, check: Callable[[], object]) -> Iterator[None]:
        """During the block, calls a function before this thread sends a version.

        Args:
            check: the function. If the function raises an exception, the version is not sent.
        """
        self._local.check = check
        try:
            yield
        finally:
            del self._local.check

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Sends one request. Arguments and exceptions are the same as in the wrapped transport."""
        check = getattr(self._local, "check", None)
        if check and request.method == "PUT" and _VERSION.search(urlsplit(request.url).path):
            check()
        return self._transport.send(request, **kwargs)

    def sleep(self, duration: float) -> None:
        """Waits for a number of seconds between two attempts."""
        self._transport.sleep(duration)

    def open(self) -> None:
        """Does nothing, because the wrapped transport is already open."""

    def close(self) -> None:
        """Does nothing, because the owner of the wrapped transport closes that transport."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        pass
