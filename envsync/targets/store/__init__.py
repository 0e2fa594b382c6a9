"""The store: the environments of a workspace in SQLite, under the service's rules."""
