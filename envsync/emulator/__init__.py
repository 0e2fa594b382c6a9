"""Azure ML's wire protocol on loopback, over the rules of the local target's store."""
