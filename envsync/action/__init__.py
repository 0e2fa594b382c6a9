"""The GitHub Action: runs the command line in a workflow and shows its result to reviewers."""
