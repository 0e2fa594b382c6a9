"""The targets in Azure: workspaces and registries, through the service's REST API."""
