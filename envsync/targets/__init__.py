"""The targets: places that hold environments, one folder for each kind."""
