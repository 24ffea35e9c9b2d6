"""What things cost, measured. Each module is a program: `python -m bench.NAME`."""
