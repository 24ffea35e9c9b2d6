"""What a run's journal tells, as records: the same journal always gives the same report."""
