"""`envsync.yaml`."""
