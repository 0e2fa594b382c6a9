"""The store: keeps environments in SQLite and enforces the rules of the service."""
