"""Guided runs. Empty until their issue: the shipped documents lie in `playbooks/` at the top."""
