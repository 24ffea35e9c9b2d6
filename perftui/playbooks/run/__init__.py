"""One execution of a playbook: its state, what comes next, and how the journal makes it."""
