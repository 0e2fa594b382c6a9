"""Combines the middleware that the settings select."""

from __future__ import annotations

from typing import TextIO

from starlette.types import ASGIApp

from envsync.emulator.middleware.faults import Cut, Faults, Latency
from envsync.emulator.middleware.log import RequestLog
from envsync.emulator.middleware.throttle import Throttle
from envsync.emulator.settings import Settings


def wrap(
    app: ASGIApp, settings: Settings, *, cut: Cut, log: TextIO | None, close: Cut | None = None
) -> ASGIApp:
    """Wraps an application in the middleware that the settings select.

    Args:
        app: the application.
        settings: faults, rate limits and latency.
        cut: a function that resets a client's connection.
        close: see `Faults`.
        log: an open file for the request log. If None, no log is written.
    """
    # The order matters. `Throttle` wraps `Faults`, so that no fault affects a throttled request.
    # `Latency` wraps `Throttle`, so that a throttled request is delayed as well. `RequestLog` wraps
    # all others, so that the log contains the responses that the client gets.
    if settings.faults:
        app = Faults(app, settings.faults, seed=settings.fault_seed, cut=cut, close=close)
    if settings.throttle == "arm":
        app = Throttle(app)
    if settings.latency_ms:
        app = Latency(app, settings.latency_ms / 1000)
    if log is not None:
        app = RequestLog(app, log)
    return app
