"""Values to text: pure functions that return strings. Only the command line prints them."""
