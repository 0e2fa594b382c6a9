"""Programs that use Microsoft's clients with the emulator.

Each program runs in an environment with only its client, so it imports no other module of the
tests. It prints its results as a JSON object.
"""
