"""The commands of the action. Each command runs envsync and returns a `Result`."""
