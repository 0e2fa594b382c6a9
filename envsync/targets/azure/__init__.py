"""What the targets `workspace` and `registry` share: one service, over its REST interface."""
