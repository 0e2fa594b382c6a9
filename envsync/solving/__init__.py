"""Finds out whether the packages of conda files can be installed, before an image is built."""
