"""Reads and rewrites the images in environment files and Dockerfiles."""
