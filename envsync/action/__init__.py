"""The GitHub Action: the command line inside a workflow, its result brought to reviewers."""
