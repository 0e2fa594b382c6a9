"""The operations of the emulated service, by host, method and path."""
