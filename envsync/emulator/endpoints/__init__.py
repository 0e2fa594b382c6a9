"""What can be asked of the emulator, by host, method and path."""
