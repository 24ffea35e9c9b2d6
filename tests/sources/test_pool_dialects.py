"""How pools are read from pages of metrics.

The pages are written after what each library documents and exports; no Java or Go application runs here.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from perftui.sources.pool_dialects import PoolMetrics, own_dialect
from perftui.sources.pool_metrics import MetricsRow

MICROMETER = b"""# HELP hikaricp_connections_active Active connections
# TYPE hikaricp_connections_active gauge
hikaricp_connections_active{application="orders",pool="HikariPool-1",} 47.0
hikaricp_connections_idle{application="orders",pool="HikariPool-1",} 3.0
hikaricp_connections_pending{application="orders",pool="HikariPool-1",} 41.0
hikaricp_connections_max{application="orders",pool="HikariPool-1",} 50.0
hikaricp_connections_min{application="orders",pool="HikariPool-1",} 10.0
hikaricp_connections{application="orders",pool="HikariPool-1",} 50.0
hikaricp_connections_timeout_total{application="orders",pool="HikariPool-1",} 7.0
# TYPE hikaricp_connections_acquire_seconds summary
hikaricp_connections_acquire_seconds_count{application="orders",pool="HikariPool-1",} 1000.0
hikaricp_connections_acquire_seconds_sum{application="orders",pool="HikariPool-1",} 45.5
hikaricp_connections_acquire_seconds_max{application="orders",pool="HikariPool-1",} 2.0
"""
OWN_TRACKER = b"""hikaricp_active_connections{pool="a \\"quoted\\" pool",} 2.0
hikaricp_idle_connections{pool="a \\"quoted\\" pool",} 8.0
hikaricp_pending_threads{pool="a \\"quoted\\" pool",} 0.0
hikaricp_connections{pool="a \\"quoted\\" pool",} 10.0
hikaricp_max_connections{pool="a \\"quoted\\" pool",} 20.0
hikaricp_min_connections{pool="a \\"quoted\\" pool",} 5.0
hikaricp_connection_timeout_total{pool="a \\"quoted\\" pool",} 0.0
hikaricp_connection_acquired_nanos_count{pool="a \\"quoted\\" pool",} 4.0
hikaricp_connection_acquired_nanos_sum{pool="a \\"quoted\\" pool",} 2.5e+09
"""
OPENTELEMETRY = b"""# TYPE db_client_connection_count gauge
db_client_connection_count{db_client_connection_pool_name="main",db_client_connection_state="used"} 9
db_client_connection_count{db_client_connection_pool_name="main",db_client_connection_state="idle"} 1
db_client_connection_max{db_client_connection_pool_name="main"} 10
db_client_connection_pending_requests{db_client_connection_pool_name="main"} 3
db_client_connection_timeouts_total{db_client_connection_pool_name="main"} 2
db_client_connection_wait_time_seconds_bucket{db_client_connection_pool_name="main",le="+Inf"} 4
db_client_connection_wait_time_seconds_sum{db_client_connection_pool_name="main"} 0.5
db_client_connection_wait_time_seconds_count{db_client_connection_pool_name="main"} 4
"""
OLDER_OPENTELEMETRY = b"""db_client_connections_usage{pool_name="main",state="used"} 4
db_client_connections_usage{pool_name="main",state="idle"} 6
db_client_connections_max{pool_name="main"} 10
db_client_connections_pending_requests{pool_name="main"} 0
db_client_connections_wait_time_milliseconds_sum{pool_name="main"} 250
db_client_connections_wait_time_milliseconds_count{pool_name="main"} 5
"""
SQLALCHEMY = b"""sqlalchemy_pool_size 10.0
sqlalchemy_pool_checkedout 4.0
sqlalchemy_pool_checkedin 6.0
sqlalchemy_pool_overflow 0.0
"""
GO = b"""go_sql_max_open_connections{db_name="orders"} 0
go_sql_open_connections{db_name="orders"} 12
go_sql_in_use_connections{db_name="orders"} 5
go_sql_idle_connections{db_name="orders"} 7
go_sql_wait_count_total{db_name="orders"} 19
"""
PGBOUNCER_EXPORTER = b"""pgbouncer_databases_pool_size{database="shop",force_user="",name="orders",port="5432"} 20
pgbouncer_databases_pool_size{database="pgbouncer",force_user="pgbouncer",name="pgbouncer",port="6432"} 2
pgbouncer_pools_client_maxwait_seconds{database="orders",user="app"} 1.5
pgbouncer_pools_client_maxwait_seconds{database="pgbouncer",user="pgbouncer"} 0
pgbouncer_pools_client_waiting_connections{database="orders",user="app"} 4
pgbouncer_pools_server_active_connections{database="orders",user="app"} 20
pgbouncer_pools_server_active_connections{database="orders",user="batch"} 1
pgbouncer_pools_server_active_connections{database="pgbouncer",user="pgbouncer"} 0
pgbouncer_pools_server_idle_connections{database="orders",user="batch"} 2
pgbouncer_pools_server_used_connections{database="orders",user="batch"} 3
pgbouncer_stats_client_wait_seconds_total{database="orders"} 12.5
pgbouncer_stats_sql_transactions_pooled_total{database="orders"} 5000
"""


def row(name: str, kind: str, **values: float) -> MetricsRow:
    return MetricsRow(name=name, kind=kind, **values)


@pytest.mark.parametrize(
    ("page", "pools"),
    [
        (
            MICROMETER,
            [
                row(
                    "HikariPool-1", "hikaricp", max_size=50, size=50, in_use=47, idle=3, waiting=41,
                    timeouts=7, acquires=1000, acquire_s=45.5,
                )
            ],
        ),
        (
            OWN_TRACKER,
            [
                row(
                    'a "quoted" pool', "hikaricp", max_size=20, in_use=2, idle=8, waiting=0,
                    timeouts=0, acquires=4, acquire_s=2.5,
                )
            ],
        ),
        (
            OPENTELEMETRY,
            [
                row(
                    "main", "opentelemetry", max_size=10, in_use=9, idle=1, waiting=3,
                    timeouts=2, acquires=4, acquire_s=0.5,
                )
            ],
        ),
        (
            OLDER_OPENTELEMETRY,
            [row("main", "opentelemetry", max_size=10, in_use=4, idle=6, waiting=0, acquires=5, acquire_s=0.25)],
        ),
        (SQLALCHEMY, [row("", "sqlalchemy", max_size=10, in_use=4, idle=6)]),
        (SQLALCHEMY.replace(b"checked", b"checked_"), [row("", "sqlalchemy", max_size=10, in_use=4, idle=6)]),
        (GO, [row("orders", "database/sql", size=12, in_use=5, idle=7)]),
        (
            PGBOUNCER_EXPORTER,
            [
                row(
                    "orders/app", "pgbouncer", max_size=20, in_use=20, waiting=4, wait_s=1.5,
                    acquires=5000, acquire_s=12.5,
                ),
                row("orders/batch", "pgbouncer", max_size=20, in_use=1, idle=5, acquires=5000, acquire_s=12.5),
            ],
        ),
        (b"", []),
        (b"process_cpu_seconds_total 1\n", []),
        (b"<html><body>hikaricp_connections_active</body></html>", []),
        (SQLALCHEMY.replace(b" 4.0", b" NaN"), []),
        (b"hikaricp_connections_max{pool=\"a\"} 10\n", []),
    ],
    ids=[
        *("micrometer", "its own tracker", "opentelemetry", "older opentelemetry", "sqlalchemy", "sqlalchemy again"),
        *("go", "pgbouncer_exporter", "an empty page", "no pools", "html", "not a number", "no use"),
    ],
)  # fmt: skip
def test_pools_of_each_dialect(page: bytes, pools: list[MetricsRow]) -> None:
    noise = b"# TYPE jvm_info gauge\njvm_info 1\nhikaricp_connectionsx 1\n"

    assert PoolMetrics().pools(noise + page + noise) == pools


def test_names_of_others_are_made_safe() -> None:
    (found,) = PoolMetrics().pools(b'hikaricp_connections_active{pool="a\x1b[2Jb"} 1\n')

    assert found.name == "a?[2Jb"


@pytest.mark.parametrize(
    "page",
    [b"hikaricp_connections_active{pool=\n", b"hikaricp_connections_active x\n", b'hikaricp_connections_max{a="b} 1\n'],
)
def test_a_line_of_interest_that_is_cut_is_an_error(page: bytes) -> None:
    with pytest.raises(ValueError):
        PoolMetrics().pools(page)


def test_a_mapping_of_the_config_reads_any_page() -> None:
    names = {
        "in_use": 'app_pool{state="busy"}',
        "idle": 'app_pool{state="free", kind = "db"}',
        "max_size": "app_pool_limit",
        "waiting": "app_pool:queue",
    }
    page = b"""app_pool{state="busy",kind="db",shard="1"} 3
app_pool{state="free",kind="db",shard="1"} 4
app_pool{state="free",kind="cache",shard="1"} 9
app_pool{state="busy",kind="db",shard="2"} 5
app_pool_limit{shard="1"} 8
app_pool:queue{shard="2"} 6
"""
    by_shard = PoolMetrics((own_dialect(names, "shard"),)).pools(page)
    together = PoolMetrics((own_dialect(names, ""),)).pools(page)

    assert by_shard == [
        row("1", "metrics", in_use=3, idle=4, max_size=8),
        row("2", "metrics", in_use=5, waiting=6),
    ]
    assert together == [row("", "metrics", in_use=8, idle=4, max_size=8, waiting=6)]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"in_us": "a"}, "in_us is no field of a pool; one of max_size"),
        ({"max_size": "a"}, "at least in_use"),
        ({"in_use": "a b"}, "in_use: 'a b' is no metric"),
        ({"in_use": "a{b=c}"}, "is no metric"),
        ({"in_use": 'a{b="c"'}, "is no metric"),
        ({"in_use": ""}, "is no metric"),
    ],
)
def test_a_mapping_that_can_t_be_read_says_what_was_expected(names: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        own_dialect(names, "pool")


def test_a_page_of_megabytes_costs_little() -> None:
    lines = b"".join(
        b'http_server_requests_seconds_bucket{uri="/orders/%d",le="0.5"} %d\n' % (n, n) for n in range(40000)
    )
    reader: Any = PoolMetrics()
    reader.pools(MICROMETER)
    began = time.thread_time()
    found = reader.pools(lines + MICROMETER)
    took = time.thread_time() - began

    assert len(found) == 1
    assert len(lines) > 2 << 20
    assert took < 0.2, f"{took:.3f} s for {len(lines)} bytes"
    print(f"{took * 1000:.1f} ms for {len(lines) / 1e6:.1f} MB")
