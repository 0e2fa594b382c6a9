"""What stands between a client and the emulator's application."""
