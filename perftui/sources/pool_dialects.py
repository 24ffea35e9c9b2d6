"""The names under which applications and exporters tell of their pools, and how a pool is read from them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from perftui.sources.pool_metrics import MetricsRow
from perftui.sources.text import printable

FIELDS = ("max_size", "size", "in_use", "idle", "waiting", "wait_s", "timeouts", "acquires", "acquire_s")
"""What a metric can be: gauges first; timeouts, acquires and acquire_s (seconds, summed) only grow."""


class Metric(msgspec.Struct, frozen=True):
    """One series that gives a field of a pool."""

    field: str
    name: str
    labels: tuple[tuple[str, str], ...] = ()
    """Labels that it must have: `state="used"`."""
    scale: float = 1.0
    by: tuple[str, ...] = ()
    """Labels that say which pool it is of, where they are others than the dialect's."""


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """One way to tell of pools."""

    kind: str
    by: tuple[str, ...]
    """Labels that tell one pool from another; one that is not there counts as empty."""
    metrics: tuple[Metric, ...]
    """Where several give the same field they are added up."""


def _metrics(**names: str) -> tuple[Metric, ...]:
    return tuple(Metric(field, name) for field, name in names.items())


def _opentelemetry(stem: str, usage: str, pool: str, state: str, waits: tuple[Metric, ...]) -> Dialect:
    return Dialect(
        kind="opentelemetry",
        by=(pool,),
        metrics=(
            Metric("in_use", f"{stem}_{usage}", ((state, "used"),)),
            Metric("idle", f"{stem}_{usage}", ((state, "idle"),)),
            Metric("max_size", f"{stem}_max"),
            Metric("waiting", f"{stem}_pending_requests"),
            Metric("timeouts", f"{stem}_timeouts_total"),
            *waits,
        ),
    )


DIALECTS: tuple[Dialect, ...] = (
    # Micrometer's binding (Spring Boot: /actuator/prometheus).
    Dialect(
        kind="hikaricp",
        by=("pool",),
        metrics=_metrics(
            max_size="hikaricp_connections_max",
            size="hikaricp_connections",
            in_use="hikaricp_connections_active",
            idle="hikaricp_connections_idle",
            waiting="hikaricp_connections_pending",
            timeouts="hikaricp_connections_timeout_total",
            acquires="hikaricp_connections_acquire_seconds_count",
            acquire_s="hikaricp_connections_acquire_seconds_sum",
        ),
    ),
    # HikariCP's own PrometheusMetricsTracker.
    Dialect(
        kind="hikaricp",
        by=("pool",),
        metrics=(
            *_metrics(
                max_size="hikaricp_max_connections",
                in_use="hikaricp_active_connections",
                idle="hikaricp_idle_connections",
                waiting="hikaricp_pending_threads",
                timeouts="hikaricp_connection_timeout_total",
                acquires="hikaricp_connection_acquired_nanos_count",
            ),
            Metric("acquire_s", "hikaricp_connection_acquired_nanos_sum", scale=1e-9),
        ),
    ),
    # OpenTelemetry's semantic conventions for database clients, as of 1.26 and before.
    _opentelemetry(
        "db_client_connection",
        "count",
        "db_client_connection_pool_name",
        "db_client_connection_state",
        _metrics(
            acquires="db_client_connection_wait_time_seconds_count",
            acquire_s="db_client_connection_wait_time_seconds_sum",
        ),
    ),
    _opentelemetry(
        "db_client_connections",
        "usage",
        "pool_name",
        "state",
        (
            Metric("acquires", "db_client_connections_wait_time_milliseconds_count"),
            Metric("acquire_s", "db_client_connections_wait_time_milliseconds_sum", scale=1e-3),
        ),
    ),
    # Exporters of SQLAlchemy's QueuePool; it has no count of who waits.
    Dialect(
        kind="sqlalchemy",
        by=("pool",),
        metrics=_metrics(
            max_size="sqlalchemy_pool_size",
            in_use="sqlalchemy_pool_checkedout",
            idle="sqlalchemy_pool_checkedin",
        ),
    ),
    Dialect(
        kind="sqlalchemy",
        by=("pool",),
        metrics=_metrics(
            max_size="sqlalchemy_pool_size",
            in_use="sqlalchemy_pool_checked_out",
            idle="sqlalchemy_pool_checked_in",
        ),
    ),
    # Go's database/sql through client_golang's collector; it counts waits, not who waits.
    Dialect(
        kind="database/sql",
        by=("db_name",),
        metrics=_metrics(
            max_size="go_sql_max_open_connections",
            size="go_sql_open_connections",
            in_use="go_sql_in_use_connections",
            idle="go_sql_idle_connections",
        ),
    ),
    # prometheus-community/pgbouncer_exporter.
    Dialect(
        kind="pgbouncer",
        by=("database", "user"),
        metrics=(
            Metric("max_size", "pgbouncer_databases_pool_size", by=("name",)),
            *_metrics(
                in_use="pgbouncer_pools_server_active_connections",
                idle="pgbouncer_pools_server_idle_connections",
                waiting="pgbouncer_pools_client_waiting_connections",
                wait_s="pgbouncer_pools_client_maxwait_seconds",
            ),
            Metric("idle", "pgbouncer_pools_server_used_connections"),
            Metric("idle", "pgbouncer_pools_server_testing_connections"),
            Metric("acquires", "pgbouncer_stats_sql_transactions_pooled_total", by=("database",)),
            Metric("acquire_s", "pgbouncer_stats_client_wait_seconds_total", by=("database",)),
        ),
    ),
)
_OWN = {"pgbouncer"}
"""Names of pools that are no pools: PgBouncer's console."""
_LABEL = re.compile(r'\s*(\w+)\s*=\s*"([^"]*)"\s*(?:,|$)')
_SELECTOR = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>[^}]*)\})?")

Sample = tuple[str, Mapping[str, str], float]
"""(name, labels, value) of one line."""


def own_dialect(names: Mapping[str, str], label: str) -> Dialect:
    """The dialect of a mapping in the config: field → metric, as `app_pool{state="busy"}`.

    Raises:
        ValueError: with what was expected.
    """
    unknown = names.keys() - set(FIELDS)
    if unknown:
        raise ValueError(f"{min(unknown)} is no field of a pool; one of {', '.join(FIELDS)}")
    if not names.keys() & {"in_use", "size", "idle"}:
        raise ValueError("expected at least in_use")
    return Dialect(
        kind="metrics",
        by=(label,) if label else (),
        metrics=tuple(_selected(field, text) for field, text in names.items()),
    )


def _selected(field: str, text: str) -> Metric:
    found = _SELECTOR.fullmatch(text.strip())
    labels = found["labels"] or "" if found else ""
    pairs = _LABEL.findall(labels)
    if found is None or _LABEL.sub("", labels).strip():
        raise ValueError(f'{field}: {text!r} is no metric; expected a name, or name{{label="value"}}')
    return Metric(field, found["name"], tuple(pairs))


class PoolMetrics:
    """Reads pools from a page of metrics in the text format of Prometheus."""

    def __init__(self, dialects: Sequence[Dialect] = DIALECTS) -> None:
        self._dialects = dialects
        names = sorted({metric.name for dialect in dialects for metric in dialect.metrics}, reverse=True)
        # A page of 5 MB has a dozen lines of interest: they are found before anything is parsed.
        self._wanted = re.compile(rf"^(?:{'|'.join(map(re.escape, names))})[ {{].*$".encode(), re.MULTILINE)

    def pools(self, page: bytes) -> list[MetricsRow]:
        """The pools of the first dialect that knows how many connections are in use.

        Raises:
            ValueError: a line of interest is not in the format.
        """
        lines = b"\n".join(self._wanted.findall(page))
        if not lines:
            return []
        samples = list(_parsed(lines.decode("utf-8", "replace") + "\n"))
        for dialect in self._dialects:
            rows = _rows(dialect, samples)
            if any(row.in_use is not None for row in rows):
                return rows
        return []


def _parsed(text: str) -> Iterable[Sample]:
    from prometheus_client.parser import text_string_to_metric_families  # 60 ms, and only where such pools are read

    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def _rows(dialect: Dialect, samples: Iterable[Sample]) -> list[MetricsRow]:
    wanted: dict[str, list[Metric]] = defaultdict(list)
    for metric in dialect.metrics:
        wanted[metric.name].append(metric)
    found: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    shared: dict[str, dict[str, float]] = defaultdict(dict)
    for name, labels, value in samples:
        for metric in wanted.get(name, ()):
            if value != value or any(labels.get(label) != wants for label, wants in metric.labels):
                continue
            if metric.by:
                shared[labels.get(metric.by[0], "")][metric.field] = value * metric.scale
                continue
            values = found[tuple(labels.get(label, "") for label in dialect.by)]
            values[metric.field] = values.get(metric.field, 0.0) + value * metric.scale
    return [
        _row(dialect.kind, "/".join(filter(None, key)), {**shared.get(key[0] if key else "", {}), **values})
        for key, values in sorted(found.items())
        if not key or key[0] not in _OWN
    ]


def _row(kind: str, name: str, values: dict[str, float]) -> MetricsRow:
    size, idle = values.get("size"), values.get("idle")
    if "in_use" not in values and size is not None and idle is not None:
        values["in_use"] = max(0.0, size - idle)
    if values.get("max_size", 1.0) <= 0:  # Go's and some others' word for "no limit"
        del values["max_size"]
    return MetricsRow(name=printable(name, 64), kind=kind, **values)
