"""A directory of environment files to the desired state, and every problem on the way."""
