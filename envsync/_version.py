"""The one place that says which version of envsync this is."""

__version__ = "0.1.0"
