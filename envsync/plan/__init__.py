"""Two states to a plan, and a plan to outcomes."""
