"""The connection to Azure: requests, retries, errors, sign-in and uploads."""
