"""A directory, read: its settings, and what its files declare."""
