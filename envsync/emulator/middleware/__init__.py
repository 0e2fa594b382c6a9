"""ASGI middleware: request log, latency, rate limits and faults."""
