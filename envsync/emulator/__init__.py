"""The emulator: Azure ML's REST API on the loopback interface, with the local target's store."""
