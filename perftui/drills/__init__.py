"""Real faults made on purpose. Empty until their issue."""
