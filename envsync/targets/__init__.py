"""The targets. A target stores registered environments, in a local file or in Azure."""
