"""The shell around a run: it does what the run's state asks for, and writes down what came of it."""
