"""Plans and findings to text: pure functions that return strings."""
