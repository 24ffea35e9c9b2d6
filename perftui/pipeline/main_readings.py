"""What every incident is about, in the order in which reports draw it."""

MAIN = (
    "probe.p95_s",
    "probe.error_ratio",
    "load.p95_s",
    "pool.utilization_ratio",
    "pool.waiting",
    "postgres.locks.waiting",
    "postgres.transactions_per_s",
    "postgres.connections.utilization_ratio",
    "host.cpu.busy_ratio",
    "host.cpu.iowait_ratio",
    "host.memory.used_ratio",
    "host.swap.in_bytes_per_s",
    "host.pressure.cpu.some_avg10_ratio",
    "host.pressure.io.some_avg10_ratio",
    "host.pressure.memory.some_avg10_ratio",
)
"""Users first, then what serves them."""
