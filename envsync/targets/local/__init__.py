"""The local target: translates between envsync's values and the store's rows."""
