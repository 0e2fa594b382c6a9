"""Reads Dockerfiles: their instructions, and the base images in their `FROM` lines."""
