"""The emulator: Azure ML's REST API on loopback, on top of the local target's store."""
