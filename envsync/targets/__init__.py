"""The places that hold environments, one folder for each kind."""
