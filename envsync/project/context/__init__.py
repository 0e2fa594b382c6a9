"""Build contexts as Azure ML uploads them."""
