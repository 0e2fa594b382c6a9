"""One environment file to a declaration, and what is wrong with it."""
