"""Runs against fixtures: the real runner and engine, with readings, answers and a clock that a file tells."""
