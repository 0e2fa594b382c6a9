"""Programs that use Microsoft's clients with the emulator.

Each program runs in a virtual environment that contains only its client, so it must not import
other modules of the tests. Each program prints its results as a JSON object.
"""
