"""Makes a plan from the desired and the actual state, and applies a plan to a target."""
