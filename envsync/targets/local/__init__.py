"""The target `local`: envsync's side of the store."""
