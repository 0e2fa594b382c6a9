"""What stands between a client and the emulator's application: log, time, limits and faults."""

from __future__ import annotations

from typing import TextIO

from starlette.types import ASGIApp

from envsync.emulator.middleware.faults import Cut, Faults, Latency
from envsync.emulator.middleware.log import RequestLog
from envsync.emulator.middleware.throttle import Throttle
from envsync.emulator.settings import Settings


def wrap(app: ASGIApp, settings: Settings, cut: Cut, log: TextIO | None) -> ASGIApp:
    """Puts around an application what the settings ask for.

    From the inside out: faults, so that a throttled request meets none; limits; latency, which a
    refused request takes too; and the log, which sees what the client sees.

    Args:
        app: the application.
        settings: faults, limits and latency.
        cut: breaks a client's connection.
        log: where each request is written, if anywhere.
    """
    if settings.faults:
        app = Faults(app, settings.faults, settings.fault_seed, cut)
    if settings.throttle == "arm":
        app = Throttle(app)
    if settings.latency_ms:
        app = Latency(app, settings.latency_ms / 1000)
    if log is not None:
        app = RequestLog(app, log)
    return app
