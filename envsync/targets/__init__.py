"""The targets, where environments are registered: a local file, or Azure."""
