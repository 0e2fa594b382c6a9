"""The places that hold environments, one file for each kind, behind one protocol."""
