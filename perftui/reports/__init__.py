"""The same pane models and findings as text and JSON."""
