"""The outside world: the kernel's files, psutil, the clock. Foreign errors become ours here."""
