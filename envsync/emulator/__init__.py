"""The emulator serves Azure ML's REST API on loopback, and uses the local target's store."""
