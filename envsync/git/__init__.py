"""What commits hold of a project, and what an edit would break."""
