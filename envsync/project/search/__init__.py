"""The search for environment files: which YAML files are environment files, and which are not."""
