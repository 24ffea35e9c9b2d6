"""Snapshot → pane model, one file per pane. Units are formatted here; nothing here knows a terminal."""
