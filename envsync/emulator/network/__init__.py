"""Addresses, certificates and processes of the emulator."""
