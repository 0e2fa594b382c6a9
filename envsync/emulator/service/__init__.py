"""The simulated service: stored content, REST resources, tokens, operations and errors."""
