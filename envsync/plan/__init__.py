"""From two states to a plan, and from a plan to outcomes. Pure, except for calling the target."""
