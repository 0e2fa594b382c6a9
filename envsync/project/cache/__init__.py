"""What was read from environment files, kept in `.envsync/` for the next command."""
