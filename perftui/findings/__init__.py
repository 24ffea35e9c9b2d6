"""One file per rule, and the table of what may explain what. Pure functions of the history."""
