"""The commands that the input `command` can name: each runs envsync and returns a `Result`."""
